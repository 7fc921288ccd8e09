"""What fresh seeds say of the nets that a search selected."""

from collections.abc import Iterator

from vggsearch.report.document import (
    Block,
    Figures,
    Table,
    count,
    interval,
    milliseconds,
    missing,
    number_column,
    paragraph,
    percent,
    points,
    remark,
    section,
    si,
    spread,
    text_column,
)
from vggsearch.report.search.certainty import finalist_certainty
from vggsearch.report.search.finalists_figure import finalist_figure
from vggsearch.report.search.headline import above_or_below
from vggsearch.report.search.search_findings import SearchFindings
from vggsearch.report.shared import with_largest_class


@section("finalists", "Finalists")
def finalists_section(findings: SearchFindings) -> Iterator[Block]:
    """The optimism of the selection, a figure and a table of the finalists, and what went wrong."""
    table, trials = findings.finalists, findings.trials
    if table.empty:
        none = findings.study.finalists is None
        why = "the study file has no finalists" if none else "none has been trained yet"
        yield remark(
            f"There are no finalists: {why}. All accuracies are of one seed on validation, and the best of "
            "many looks better than it is. The test set was not read."
        )
        return
    known = table[table["n"] > 0]
    if len(known):
        mean = float(known["optimism"].mean())
        if not missing(mean):
            many = f", on average over {len(known)} finalists" if len(known) > 1 else ""
            what = (
                f"the value that selected a finalist was {above_or_below(mean)} the mean of its fresh seeds"
            )
            yield paragraph(f"On validation, {what}{many}.")
        yield from map(paragraph, finalist_certainty(findings, known))
        yield Figures((finalist_figure(known),))
    yield _finalist_table(findings)
    failed = len(table) - len(known)
    if failed:
        yield remark(f"{failed} of {len(table)} finalists have no completed run with a fresh seed.")
    strays = int(((trials["stage"] != "finalists") & trials["test_accuracy"].notna()).sum())
    if strays:
        yield remark(
            f"{strays} trials outside this stage have a test accuracy: the test set was not kept apart."
        )


def _finalist_table(findings: SearchFindings) -> Table:
    """Each finalist's accuracy in the search and with fresh seeds."""
    latency = findings.finalists["architecture"].map(findings.latency_ms())
    columns = [
        text_column("", "mark"),
        text_column("architecture", "architecture", code=True),
        number_column(f"search, {findings.measured}", "search_val", percent),
        number_column(f"fresh seeds, {findings.measured}", ("val_mean", "val_sd"), spread),
        number_column("optimism", "optimism", points),
        number_column(f"fresh seeds, {findings.balanced}test", ("test_mean", "test_sd"), spread),
        number_column("95 % interval", ("test_low", "test_high"), interval),
        number_column("n", "n", count),
        number_column("MACs", "macs", si),
        number_column("params", "params", si),
        number_column("latency", "latency_ms", milliseconds),
    ]
    caption = (
        "Each is trained again with n fresh seeds: mean ± standard deviation over seeds, and the 95 % t "
        "interval of the mean. Optimism: the value that selected a finalist minus the mean of its fresh "
        "seeds, both on validation. Rows are sorted by that mean, as the test set selects nothing."
    )
    data = findings.finalists.assign(latency_ms=latency)
    return Table("finalists", "Finalists", columns, data, with_largest_class(caption, findings.trials))
