"""Learning curves of the front."""

from collections.abc import Iterator

from vggsearch.report.document import Block, Figures, remark, section
from vggsearch.report.search.learning_curves_figure import curve_figure
from vggsearch.report.search.search_findings import SearchFindings
from vggsearch.runs import curves_frame


@section("curves", "Learning curves of the front")
def learning_curves_section(findings: SearchFindings) -> Iterator[Block]:
    """Curves by fraction of the budget and by training images."""
    front = findings.front
    curves = curves_frame(findings.results.runs[digest] for digest in front["digest"])
    curves = curves[curves["val_accuracy"].notna()]
    if curves.empty or curves.groupby("run").size().max() < 2:
        yield remark("The runs of the front hold no learning curves.")
        return
    shown = front[front["run"].isin(curves["run"])]
    yield Figures(tuple(curve_figure(curves, shown, x) for x in ("fraction", "images")))
