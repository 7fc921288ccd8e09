"""Every trial by how it ended."""

from collections.abc import Mapping

import pandas as pd

from vggsearch.report.document import Column, Table, count, duration, plain
from vggsearch.report.shared.records import outcome_name

MOST_REASONS = 12


def outcome_table(trials: pd.DataFrame, names: Mapping[str, str]) -> Table:
    """Every trial by how it ended, and why; `names` of the stages, in their order."""
    trials = trials.assign(reason=trials["reason"].fillna("").map(plain))
    stages = [stage for stage in names if (trials["stage"] == stage).any()]
    rows, printed = [], []
    for (outcome, reason), group in sorted(
        trials.groupby(["outcome", "reason"]),
        key=lambda item: (item[0][0] != "completed", item[0][0], -len(item[1]), item[0][1]),
    ):
        numbers = {stage: int((group["stage"] == stage).sum()) for stage in stages}
        own = group.drop_duplicates("digest")
        train_s = float(own.loc[~own["cached"].astype(bool), "train_s"].sum())
        rows.append(
            {"outcome": outcome, "reason": reason, "trials": len(group), **numbers, "train_s": train_s}
        )
    for outcome in dict.fromkeys(str(row["outcome"]) for row in rows):
        same = [row for row in rows if row["outcome"] == outcome]
        reasons = [f"{row['reason']} ({row['trials']})" for row in same if row["reason"]]
        if len(reasons) > MOST_REASONS:
            reasons = [
                *reasons[:MOST_REASONS],
                f"and {len(reasons) - MOST_REASONS} other reasons, in the CSV file",
            ]
        totals = [sum(int(str(row[stage])) for row in same) for stage in stages]
        train_s = sum(float(str(row["train_s"])) for row in same)
        printed.append(
            [
                outcome_name(outcome),
                *map(count, totals),
                count(sum(totals)),
                duration(train_s),
                "; ".join(reasons),
            ]
        )
    columns = (
        Column("outcome", "left"),
        *(Column(names[stage]) for stage in stages),
        Column("trials"),
        Column("training time"),
        Column("reasons (how often)", "left"),
    )
    cached = int(trials["cached"].astype(bool).sum())
    caption = "All trials."
    if cached:
        caption += f" {count(cached)} of them named a run made before: answered from the ledger, at no cost."
    return Table("outcomes", "Outcomes", columns, printed, pd.DataFrame(rows), caption)
