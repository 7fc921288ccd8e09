"""Arms, runs, and pairs that are left out."""

from collections.abc import Hashable, Mapping, Sequence

import pandas as pd

from vggsearch.analysis import Spending
from vggsearch.designs import EVALUATION_PARTS, EvaluationPart
from vggsearch.report.ablation.findings import STAGES, Ablation
from vggsearch.report.ablation.learning_rates import trained_at
from vggsearch.report.document import (
    Block,
    Column,
    Figures,
    Section,
    Table,
    count,
    duration,
    note,
    plain,
    spread,
    text,
)
from vggsearch.report.figures import spending_figure
from vggsearch.report.shared import Spec, number, outcome_name, outcome_table, record_table

MOST_RUNS = 1000
"""Rows of the run table that are printed; its CSV file has all."""

_LEFT_OUT = ("study", "dataset", "device", "digest", "train_wall_s", "train_cpu_s", "images_per_s")
"""The same in all rows, or following from others; the records in `data/` have them."""

_MOMENTS = ("asked_at", "told_at", "started_at", "finished_at")

_NAMES: tuple[Spec, ...] = (
    ("stage_name", "stage", "text"),
    ("arm", "arm", "text"),
    ("number_in_stage", "pair or repeat", "count"),
    ("lr", "lr", "number"),
    ("seed", "seed", "count"),
)
"""Left of the accuracies."""

_ENDS: tuple[Spec, ...] = (
    ("outcome_name", "outcome", "text"),
    ("steps", "steps", "count"),
    ("train_s", "training", "s"),
    ("held_up", "held up", "text"),
    ("run", "run", "code"),
)
"""Right of them."""


def section(found: Ablation) -> Section:
    """A row an arm, and a row a run."""
    title = "Arms and runs"
    if found.trials.empty:
        return Section("runs", title, (note("There are no runs."),))
    blocks: list[Block] = [_arms(found)] if len(found.pairs) else [note("No pair has been begun.")]
    blocks.append(_runs(found))
    return Section("runs", title, tuple(blocks))


def _arms(found: Ablation) -> Table:
    rates = trained_at(found)
    groups = [(str(arm), own) for arm, own in found.pairs.groupby("arm", sort=False)]
    parts = found.part.measured
    data = pd.DataFrame([_arm(arm, own, rates.get(arm), parts) for arm, own in groups])
    columns = (
        Column("arm", "left"),
        Column("architecture", "left", code=True),
        *(Column(part.accuracy) for part in parts),
        Column("n"),
        Column("failed"),
        Column("lr"),
        Column("steps"),
        Column("training"),
        Column("held up"),
    )
    printed = [
        [
            plain(row["arm"]),
            plain(row["architecture"]),
            *(spread(row[f"{part.prefix}_mean"], row[f"{part.prefix}_sd"]) for part in parts),
            count(row["n"]),
            count(row["failed"]),
            number(row["lr"]),
            count(row["steps"]),
            duration(row["train_s"]),
            count(row["contended"]),
        ]
        for row in data.to_dict("records")
    ]
    caption = (
        "Mean ± standard deviation over the seeds of completed pairs; steps and seconds are means of a "
        "run. Held up: runs whose machine other work had visibly busied. Arms are compared by the paired "
        "differences above, not by these means."
    )
    return Table("arms", "Arms", columns, printed, data, caption)


def _arm(arm: str, own: pd.DataFrame, lr: float | None, parts: Sequence[EvaluationPart]) -> dict[str, object]:
    """The first of `parts` is the one on which pairs are judged."""
    done = own[own[parts[0].column].notna()]
    means: dict[str, float] = {}
    for part in parts:
        reached = done[part.column].astype(float)
        means |= {f"{part.prefix}_mean": reached.mean(), f"{part.prefix}_sd": reached.std()}
    return {
        "arm": arm,
        "architecture": str(own["architecture"].iloc[0]),
        "lr": float("nan") if lr is None else lr,
        "n": len(done),
        "failed": len(own) - len(done),
        **means,
        "steps": done["steps"].astype(float).mean(),
        "train_s": done["train_s"].astype(float).mean(),
        "contended": held_up(own),
    }


def held_up(runs: pd.DataFrame) -> int:
    """How many of the runs say that other work held them up."""
    return sum(value is True for value in runs["contended"].tolist())


def _runs(found: Ablation) -> Table:
    trials = found.trials.drop(columns=[name for name in ("lr",) if name in found.trials])
    params = [trial.params for trial in found.results.trials]
    trials = trials.assign(
        arm=pd.Series([_text(each.get("arm")) for each in params], dtype=object),
        number_in_stage=pd.Series(
            [_number(each.get("pair", each.get("repeat"))) for each in params], dtype=float
        ),
        lr=pd.Series([_number(each.get("lr")) for each in params], dtype=float),
    )
    order = {stage: i for i, stage in enumerate(("pairs", "rates", "calibration"))}
    trials = trials.sort_values("stage", key=lambda stages: stages.map(order), kind="stable")
    records = [_record(row) for row in trials.head(MOST_RUNS).to_dict("records")]
    begin = trials["asked_at"].min()
    parts = found.part.measured
    unread = [
        name
        for part in EVALUATION_PARTS.values()
        if part not in parts
        for name in (part.column, f"{part.prefix}_loss")
    ]
    data = trials.drop(columns=[*_LEFT_OUT, *_MOMENTS, *unread]).assign(
        asked_s=(trials["asked_at"] - begin).round(1), told_s=(trials["told_at"] - begin).round(1)
    )
    caption = (
        f"Every trial; vggsearch runs show takes the run's name. {found.words.runs} Architectures, costs and "
        "reasons are in the CSV file."
    )
    if len(trials) > MOST_RUNS:
        caption = f"The first {count(MOST_RUNS)} of {count(len(trials))}. {caption}"
    accuracies: list[Spec] = [(part.column, part.name, "percent") for part in parts]
    return record_table("runs", "Runs", (*_NAMES, *accuracies, *_ENDS), records, data, caption)


def _record(row: Mapping[Hashable, object]) -> Mapping[Hashable, object]:
    done = row["outcome"] == "completed"
    return {
        **row,
        "stage_name": STAGES.get(str(row["stage"]), str(row["stage"])),
        "outcome_name": outcome_name(str(row["outcome"])) + (", cached" if row["cached"] else ""),
        "held_up": "yes" if row["contended"] is True else "",
        **{part.column: row[part.column] if done else None for part in EVALUATION_PARTS.values()},
    }


def _text(value: object) -> str:
    return "" if value is None else plain(value)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def left_out(found: Ablation, spent: Spending) -> Section:
    """Which pairs no contrast counts, and why; how all runs ended, and where the time went."""
    title = "What is left out, and where the time went"
    blocks: list[Block] = [*_lost(found)]
    if found.trials.empty:
        return Section("outcomes", title, (*blocks, note("There are no runs.")))
    blocks.append(outcome_table(found.trials, STAGES))
    if spent.frame["seconds"].sum() > 0:
        blocks.append(Figures((spending_figure(spent, STAGES),)))
    return Section("outcomes", title, tuple(blocks))


def _lost(found: Ablation) -> list[Block]:
    failed = found.failed
    blocks: list[Block] = []
    if found.repeated:
        why = "whose arm has a later run with the same pair, which counts"
        blocks.append(note(f"{found.repeated} trials of pairs are left out {why}."))
    if failed.empty:
        blocks.append(text("No pair that was begun is left out: every run of the pairs so far completed."))
    else:
        rows = [
            (str(arm), str(outcome), str(reason), len(own), ", ".join(str(pair) for pair in own["pair"]))
            for (arm, outcome, reason), own in failed.assign(reason=failed["reason"].fillna("")).groupby(
                ["arm", "outcome", "reason"], sort=False
            )
        ]
        printed = [
            [plain(arm), outcome_name(outcome), count(number), plain(pairs, 120), plain(reason)]
            for arm, outcome, reason, number, pairs in rows
        ]
        columns = (
            Column("arm", "left"),
            Column("outcome", "left"),
            Column("runs"),
            Column("pairs", "left"),
            Column("reason", "left"),
        )
        caption = (
            "A contrast leaves out a pair of which one of its arms did not complete. Where runs fail because "
            "of how they train, what is left flatters the arm that failed."
        )
        data = pd.DataFrame(rows, columns=["arm", "outcome", "reason", "runs", "pairs"])
        blocks.append(
            Table("left_out", "Runs of pairs that did not complete", columns, printed, data, caption)
        )
    return blocks
