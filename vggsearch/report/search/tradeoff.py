"""Accuracy against cost, and the front."""

from collections.abc import Iterator

import pandas as pd

from vggsearch.analysis import staircase
from vggsearch.report.document import (
    Block,
    Figures,
    Table,
    count,
    milliseconds,
    number_column,
    percent,
    remark,
    section,
    si,
    spread,
    text_column,
)
from vggsearch.report.search.search_findings import SearchFindings
from vggsearch.report.search.tradeoff_figure import accuracy_against
from vggsearch.report.shared import with_largest_class
from vggsearch.runs import ARCHITECTURE_COLUMNS, METRICS

_OBJECTIVES = {
    "val_accuracy": "validation accuracy",
    "val_balanced_accuracy": "balanced validation accuracy",
    "macs": "MACs",
    "params": "parameters",
    "latency_ms": "latency",
}
"""Printed names."""


@section("tradeoff", "Accuracy against cost")
def tradeoff_section(findings: SearchFindings) -> Iterator[Block]:
    """Accuracy against MACs, the front, and accuracy against parameters."""
    ranked, by = findings.ranked, findings.by
    if ranked.empty:
        yield remark("No run completed, so there is nothing to compare.")
        return
    first, *others = (
        accuracy_against(
            cost,
            by,
            ranked,
            findings.front,
            staircase(ranked, cost, by),
            findings.finalists,
            large=cost == "macs",
        )
        for cost in ("macs", "conv_params", "params")
    )
    yield Figures((first,))
    yield _front_table(findings)
    yield Figures(tuple(others))


def _front_table(findings: SearchFindings) -> Table:
    """The front, and finalists that are not on it, from the fewest MACs on."""
    off = findings.finalists[~findings.finalists["architecture"].isin(findings.front["architecture"])]
    off = off.assign(stage="", **{findings.by: off["search_val"]})
    other = "val_accuracy" if findings.by == "val_balanced_accuracy" else "val_balanced_accuracy"
    shown_accuracies = [findings.by, *([other] if findings.is_uneven else [])]
    wanted = ["mark", "architecture", "stage", *shown_accuracies, *list(ARCHITECTURE_COLUMNS)[1:], "on_front"]
    rows = pd.concat([findings.front.assign(on_front=True), off.assign(on_front=False)])[wanted]
    tested = findings.finalists[["architecture", "n", "test_mean", "test_sd", "test_low", "test_high"]]
    data = rows.sort_values("macs", kind="stable").merge(tested, on="architecture", how="left")
    data = data.assign(latency_ms=data["architecture"].map(findings.latency_ms()))
    names = {**findings.stage_names, "": "off the front"}
    shown = data[data["mark"] != ""]
    records = shown.assign(found_by=shown["stage"].map(names)).to_dict("records")
    columns = [
        text_column("", "mark"),
        text_column("architecture", "architecture", code=True),
        number_column(findings.accuracy, findings.by, percent),
        number_column(METRICS[other].label, other, percent, when=findings.is_uneven),
        number_column(
            f"{findings.balanced}test accuracy, fresh seeds",
            ("test_mean", "test_sd"),
            spread,
            when=findings.has_test,
        ),
        number_column("MACs", "macs", si),
        number_column("parameters", "params", si),
        number_column("of these conv", "conv_params", si),
        number_column("latency", "latency_ms", milliseconds),
        number_column("field (px)", "receptive_field", count),
        text_column("found by", "found_by", str),
    ]
    objectives = ", ".join(_OBJECTIVES[name] for name in findings.objectives)
    caption = (
        f"Completed runs that no other completed run beats in {objectives} together, from the fewest MACs on."
    )
    if len(findings.study.objectives) == 1:
        only = f"{findings.balanced}accuracy".capitalize()
        caption += f" {only} was the study's only objective; MACs are added so that there is a front."
    if len(records) < len(data):
        caption += f" The finalists, and those of {len(findings.front)} that keep most of the hypervolume."
    return Table("front", "The front", columns, data, with_largest_class(caption, findings.trials), records)
