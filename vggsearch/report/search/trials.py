"""All trials: where their time went, how they ended, and one by one."""

from collections.abc import Iterator

import pandas as pd

from vggsearch.analysis import TIME_PARTS, Spending
from vggsearch.report.document import (
    Block,
    Figures,
    Table,
    count,
    duration,
    milliseconds,
    number_column,
    paragraph,
    percent,
    remark,
    section,
    si,
    text_column,
)
from vggsearch.report.figures import spending_figure
from vggsearch.report.search.search_findings import SearchFindings
from vggsearch.report.shared import outcome_name, outcome_table, trial_data, with_largest_class
from vggsearch.runs import Criterion

MOST_TRIALS = 1000
"""Most trials that are printed; the CSV file has all."""

_TIME_PARTS = {
    "completed": "training to the end",
    "pruned": "pruned training",
    "failed": "failed training",
    "overhead": "evaluation and set-up",
    "waiting": "waiting",
}
"""Printed names."""


@section("time", "Where the time went")
def time_section(findings: SearchFindings, spent: Spending) -> Iterator[Block]:
    """Where the workers' time went, and how trials ended."""
    names = findings.stage_names
    if spent.frame["seconds"].sum() > 0:
        shares = ((part, spent.share(part)) for part in TIME_PARTS)
        listed = ", ".join(f"{_TIME_PARTS[part]} {percent(share, 1)}" for part, share in shares if share > 0)
        yield paragraph(f"Of all worker time: {listed}.")
        yield Figures((spending_figure(spent, names),))
    yield outcome_table(findings.trials, names) if len(findings.trials) else remark("There are no trials.")


@section("trials", "All trials")
def trials_section(findings: SearchFindings) -> Iterator[Block]:
    """The table of trials."""
    yield _trial_table(findings) if len(findings.trials) else remark("There are no trials.")


def _trial_table(findings: SearchFindings) -> Table:
    """All trials. At most `MOST_TRIALS` are printed: the most accurate first, then those not completed."""
    trials = findings.trials
    trials = trials.assign(mark=[findings.marks.get(text, "") for text in trials["architecture"]])
    order = _ranked(trials, findings.by)
    chosen = order["architecture"].isin({*findings.front["architecture"], *findings.marks})
    if len(order) > MOST_TRIALS:
        order = _ranked(pd.concat([order[chosen], order[~chosen]]).head(MOST_TRIALS), findings.by)
    records = order.assign(
        val_short=order["val_accuracy"].where(order["stage"] == "short"),
        val_pruned=order["val_accuracy"].where(order["outcome"] == "pruned"),
        stage_name=order["stage"].map(findings.stage_names),
        ended=[outcome_name(*one) for one in zip(order["outcome"], order["cached"], strict=True)],
    ).to_dict("records")
    short = bool((trials["stage"] == "short").any())
    pruned = bool((trials["outcome"] == "pruned").any())
    columns = [
        text_column("", "mark"),
        text_column("architecture", "architecture", code=True),
        number_column("validation", "val_completed", percent),
        number_column("balanced", "val_balanced_accuracy", percent, when=findings.is_uneven),
        number_column("short run", "val_short", percent, when=short),
        number_column("when pruned", "val_pruned", percent, when=pruned),
        number_column("test", "test_accuracy", percent, when=bool(trials["test_accuracy"].notna().any())),
        text_column("outcome", "ended"),
        text_column("stage", "stage_name"),
        number_column("no.", "number", count),
        number_column("MACs", "macs", si),
        number_column("params", "params", si),
        number_column("conv params", "conv_params", si),
        text_column("kernel", "kernel_size"),
        number_column("latency", "latency_ms", milliseconds),
        number_column("training", "train_s", duration),
        number_column("seed", "seed", count),
        text_column("run", "run", code=True),
    ]
    captions = []
    if len(order) < len(trials):
        part = f"{count(len(order))} of {count(len(trials))} trials"
        captions.append(f"{part}: the front, the finalists, then the best.")
    if pruned:
        captions.append("Pruned and failed runs are not ranked; the accuracy of a pruned run stands apart.")
    if short:
        captions.append("Short runs are not ranked with full ones; their accuracy stands apart.")
    caption = with_largest_class(" ".join(captions), trials)
    return Table("trials", "Trials", columns, trial_data(trials, "budget"), caption, records, True, False)


def _ranked(trials: pd.DataFrame, by: Criterion) -> pd.DataFrame:
    """Completed trials first, the most accurate at the top; adds `val_completed`, their accuracy."""
    completed = (trials["outcome"] == "completed") & (trials["stage"] != "short")
    ranked = trials.assign(
        open=~completed,
        val_completed=trials["val_accuracy"].where(completed),
        rank=trials[by].where(completed),
    )
    order = ["open", "rank", "stage", "number"]
    return ranked.sort_values(order, ascending=[True, False, True, True], kind="stable")
