"""Every trial: by how it ended, and one by one."""

import pandas as pd

from vggsearch.report.document import Table, count
from vggsearch.report.search.findings import Findings
from vggsearch.report.search.tables import stage_name
from vggsearch.report.shared import Spec, outcome_name, record_table

MOST_TRIALS = 1000
"""Rows of the trial table that are printed; its CSV file has all."""


_LEFT_OUT = ("study", "dataset", "budget", "device", "digest", "train_wall_s", "train_cpu_s", "images_per_s")
"""The same in all rows, or following from others; the records in `data/` have them."""

_MOMENTS = ("asked_at", "told_at", "started_at", "finished_at")
"""Of the calendar; the CSV file has seconds since the study began, `asked_s` and `told_s`."""


def trial_table(findings: Findings) -> Table:
    """Every trial; in print the best first, then those that did not complete, up to `MOST_TRIALS`."""
    trials = findings.trials
    trials = trials.assign(mark=[findings.marks.get(text, "") for text in trials["architecture"]])
    completed = trials["outcome"] == "completed"
    order = trials.assign(open=~completed, rank=trials["val_accuracy"].where(completed))
    order = order.sort_values(
        ["open", "rank", "stage", "number"], ascending=[True, False, True, True], kind="stable"
    )
    chosen = order["architecture"].isin({*findings.front["architecture"], *findings.marks})
    shown = (
        order if len(order) <= MOST_TRIALS else pd.concat([order[chosen], order[~chosen]]).head(MOST_TRIALS)
    )
    shown = shown.sort_values(
        ["open", "rank", "stage", "number"], ascending=[True, False, True, True], kind="stable"
    )
    pruned = bool((trials["outcome"] == "pruned").any())
    tested = bool(trials["test_accuracy"].notna().any())
    specs = _trial_columns(pruned, tested)
    rows = shown.to_dict("records")
    for row in rows:
        done = row["outcome"] == "completed"
        row["val_done"] = row["val_accuracy"] if done else None
        row["val_pruned"] = row["val_accuracy"] if row["outcome"] == "pruned" else None
        row["stage_name"] = stage_name(findings, row["stage"])
        row["outcome_name"] = outcome_name(row["outcome"]) + (", cached" if row["cached"] else "")
    caption = (
        "Pruned and failed runs have no place in the ranking; what a pruned run had reached stands apart."
        if pruned
        else ""
    )
    if len(shown) < len(trials):
        part = f"{count(len(shown))} of {count(len(trials))} trials: the front, the finalists, then the best."
        caption = f"{part} {caption}".strip()
    data = trials.drop(columns=[*_LEFT_OUT, *_MOMENTS])
    begin = trials["asked_at"].min()
    data = data.assign(
        asked_s=(trials["asked_at"] - begin).round(1), told_s=(trials["told_at"] - begin).round(1)
    )
    return record_table("trials", "Trials", specs, rows, data, caption)


def _trial_columns(pruned: bool, tested: bool) -> list[Spec]:
    specs: list[Spec] = [
        ("mark", "", "text"),
        ("architecture", "architecture", "code"),
        ("val_done", "validation", "percent"),
    ]
    if pruned:
        specs.append(("val_pruned", "when pruned", "percent"))
    if tested:
        specs.append(("test_accuracy", "test", "percent"))
    return [
        *specs,
        ("outcome_name", "outcome", "text"),
        ("stage_name", "stage", "text"),
        ("number", "no.", "count"),
        ("macs", "MACs", "si"),
        ("params", "params", "si"),
        ("conv_params", "conv params", "si"),
        ("kernel_size", "kernel", "text"),
        ("latency_ms", "latency", "ms"),
        ("train_s", "training", "s"),
        ("seed", "seed", "count"),
        ("run", "run", "code"),
    ]
