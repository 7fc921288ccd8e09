"""What the finalists of a search get wrong."""

from collections.abc import Iterator

import pandas as pd

from vggsearch.report.document import NBSP, Block, Code, Figures, count, interval, paragraph, percent, section
from vggsearch.report.figures import class_accuracy_figure
from vggsearch.report.search.search_findings import SearchFindings
from vggsearch.report.shared import (
    Answers,
    class_table,
    confusion_blocks,
    counted_remarks,
    find_answers,
    too_many_classes,
)

MOST_NETS = 4
"""Most finalists whose classes are shown side by side."""


def finalist_answers(findings: SearchFindings) -> Answers | None:
    """The predictions of the finalists' runs, the most accurate finalist on validation first.

    None where no run keeps any.
    """
    runs = findings.stage("finalists").drop_duplicates("digest")
    runs = runs[runs["outcome"] == "completed"]
    rank = {text: i for i, text in enumerate(findings.finalists["architecture"])}
    order = runs["architecture"].map(rank).sort_values(kind="stable").index
    table = runs.loc[order, ["architecture", "seed", "digest"]]
    return find_answers(findings.results, table.set_axis(["arm", "pair", "digest"], axis=1))


@section("mistakes", "What they get wrong")
def mistakes_section(findings: SearchFindings, answers: Answers) -> Iterator[Block]:
    """Accuracy by class of the finalists; confusion and surest mistakes of the best one."""
    many = list(too_many_classes(answers))
    if many:
        yield from many
        return
    nets = answers.arms[:MOST_NETS]
    called = {net: f"net {findings.marks.get(net, '')}" for net in nets}
    best = nets[0]
    means = answers.means()
    first = findings.finalists["architecture"].iloc[0] == best
    of = "The best finalist on validation" + ("" if first else " of which predictions are kept")
    known = means[means["arm"] == best].dropna(subset="mean")
    yield paragraph(f"{of}, {called[best]} (", Code(best), f"), {_extremes(known)}")
    yield paragraph(
        "The test set selects nothing here: the net was chosen on validation. Intervals are over seeds. They "
        "say what training again would give on these images, and nothing of other images."
    )
    yield Figures((class_accuracy_figure(means, called),))
    left_out = len(answers.arms) - len(nets)
    more = (
        f" The first {len(nets)} of {len(answers.arms)} finalists; the CSV file has all." if left_out else ""
    )
    yield class_table(
        answers,
        called,
        "Share of each class's test images that are named rightly: mean over fresh seeds, and its 95 % t "
        f"interval over seeds, cut at 100 %.{more}",
    )
    yield from confusion_blocks(answers, best, called[best])
    yield from counted_remarks(answers)


def _extremes(means: pd.DataFrame) -> str:
    """The end of a sentence on a net: its hardest and its easiest class."""
    ordered = means.sort_values("mean", kind="stable")
    hard, easy = ordered.iloc[0], ordered.iloc[-1]
    return (
        f"is most often wrong about {hard['name']}: it names {percent(hard['mean'])} of "
        f"{count(hard['images'])} images rightly{_within(hard)}. Its easiest class is {easy['name']}, with "
        f"{percent(easy['mean'])}."
    )


def _within(row: pd.Series) -> str:
    return f" (95{NBSP}% interval {interval(row['low'], row['high'])})" if row["n"] > 1 else ""
