"""Trials counted by outcome."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from vggsearch.report.document import Table, count, duration, number_column, plain, text_column
from vggsearch.report.shared.trials import outcome_name

MOST_REASONS = 12


def outcome_table(trials: pd.DataFrame, names: Mapping[str, str]) -> Table:
    """All trials counted by outcome, with the reasons. `names` gives the stages, in their order."""
    trials = trials.assign(
        reason=trials["reason"].fillna("").map(plain), cached=trials["cached"].astype(bool)
    )
    stages = {stage: name for stage, name in names.items() if (trials["stage"] == stage).any()}
    rows: list[dict[Hashable, Any]] = []
    for (outcome, reason), group in trials.groupby(["outcome", "reason"]):
        own = group.drop_duplicates("digest")
        numbers: dict[Hashable, int] = {stage: int((group["stage"] == stage).sum()) for stage in stages}
        train_s = float(own.loc[~own["cached"], "train_s"].sum())
        rows.append(
            {"outcome": outcome, "reason": reason, "trials": len(group), **numbers, "train_s": train_s}
        )
    rows.sort(key=lambda row: (row["outcome"] != "completed", row["outcome"], -row["trials"], row["reason"]))
    data = pd.DataFrame(rows)
    records = [
        {"outcome": outcome, "reasons": _reasons(same), **same[[*stages, "trials", "train_s"]].sum()}
        for outcome, same in data.groupby("outcome", sort=False)
    ]
    columns = [
        text_column("outcome", "outcome", outcome_name),
        *(number_column(name, stage, count) for stage, name in stages.items()),
        number_column("trials", "trials", count),
        number_column("training time", "train_s", duration),
        text_column("reasons (how often)", "reasons", str),
    ]
    cached = int(trials["cached"].sum())
    caption = "All trials."
    if cached:
        caption += f" {count(cached)} of them repeat a run made before: the ledger answered them, at no cost."
    return Table("outcomes", "Outcomes", columns, data, caption, records)


def _reasons(rows: pd.DataFrame) -> str:
    known = [f"{row['reason']} ({row['trials']})" for row in rows.to_dict("records") if row["reason"]]
    if len(known) > MOST_REASONS:
        others = len(known) - MOST_REASONS
        known = [*known[:MOST_REASONS], f"and {others} other reasons, in the CSV file"]
    return "; ".join(known)
