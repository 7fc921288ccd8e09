"""Arms, runs, and pairs that are left out."""

from collections.abc import Iterator, Sequence
from functools import partial

import pandas as pd

from vggsearch.analysis import Spending
from vggsearch.designs import EVALUATION_PARTS, EvaluationPart
from vggsearch.report.ablation.ablation_findings import STAGES, AblationFindings
from vggsearch.report.ablation.learning_rates import trained_at
from vggsearch.report.document import (
    Block,
    Figures,
    Table,
    count,
    duration,
    number_column,
    optional_number,
    paragraph,
    percent,
    plain,
    remark,
    section,
    spread,
    text_column,
)
from vggsearch.report.figures import spending_figure
from vggsearch.report.shared import outcome_name, outcome_table, trial_data, with_largest_class

MOST_RUNS = 1000
"""Most runs that are printed; the CSV file has all."""


@section("runs", "Arms and runs")
def runs_section(found: AblationFindings) -> Iterator[Block]:
    """A table of the arms and a table of all runs."""
    if found.trials.empty:
        yield remark("There are no runs.")
        return
    yield _arm_table(found) if len(found.pairs) else remark("No pair has been begun.")
    yield _run_table(found)


def _arm_table(found: AblationFindings) -> Table:
    rates, parts = trained_at(found), found.part.measured
    data = pd.DataFrame(
        [
            _arm(str(arm), own, rates.get(str(arm)), parts)
            for arm, own in found.pairs.groupby("arm", sort=False)
        ]
    )
    columns = [
        text_column("arm", "arm"),
        text_column("architecture", "architecture", code=True),
        *(
            number_column(part.accuracy, (f"{part.prefix}_mean", f"{part.prefix}_sd"), spread)
            for part in parts
        ),
        number_column("n", "n", count),
        number_column("failed", "failed", count),
        number_column("lr", "lr", optional_number),
        number_column("steps", "steps", count),
        number_column("training", "train_s", duration),
        number_column("held up", "contended", count),
    ]
    caption = (
        "Mean ± standard deviation over the seeds of completed pairs; steps and seconds are means of a run. "
        "Held up: runs that other work on their machine slowed measurably. The paired differences above "
        "compare the arms; these means do not."
    )
    return Table("arms", "Arms", columns, data, with_largest_class(caption, found.trials))


def _arm(arm: str, own: pd.DataFrame, lr: float | None, parts: Sequence[EvaluationPart]) -> dict[str, object]:
    """The row of one arm. Pairs are judged on the first of `parts`."""
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
    """How many runs were slowed by other work."""
    return sum(value is True for value in runs["contended"].tolist())


def _run_table(found: AblationFindings) -> Table:
    """All trials, the pairs first."""
    params = pd.DataFrame(
        [trial.params for trial in found.results.trials], columns=["arm", "pair", "repeat", "lr"]
    )
    numbers = params[["pair", "repeat", "lr"]].map(_number)
    trials = found.trials.drop(columns="lr", errors="ignore").assign(
        arm=params["arm"].map(_text),
        number_in_stage=numbers["pair"].fillna(numbers["repeat"]),
        lr=numbers["lr"],
    )
    order = {stage: i for i, stage in enumerate(("pairs", "rates", "calibration"))}
    trials = trials.sort_values("stage", key=lambda stages: stages.map(order), kind="stable")
    shown, parts = trials.head(MOST_RUNS), found.part.measured
    records = shown.assign(
        stage_name=[STAGES.get(stage, stage) for stage in shown["stage"]],
        ended=[outcome_name(*one) for one in zip(shown["outcome"], shown["cached"], strict=True)],
        held_up=["yes" if value is True else "" for value in shown["contended"]],
        **{part.column: shown[part.column].where(shown["outcome"] == "completed") for part in parts},
    ).to_dict("records")
    columns = [
        text_column("stage", "stage_name"),
        text_column("arm", "arm"),
        number_column("pair or repeat", "number_in_stage", count),
        number_column("lr", "lr", optional_number),
        number_column("seed", "seed", count),
        *(number_column(part.name, part.column, percent) for part in parts),
        text_column("outcome", "ended"),
        number_column("steps", "steps", count),
        number_column("training", "train_s", duration),
        text_column("held up", "held_up"),
        text_column("run", "run", code=True),
    ]
    others = [part for part in EVALUATION_PARTS.values() if part not in parts]
    unread = [name for part in others for name in (part.column, f"{part.prefix}_loss")]
    caption = (
        f"Every trial. The command vggsearch runs show takes the run's name. {found.wording.runs} "
        "Architectures, costs and reasons are in the CSV file."
    )
    if len(trials) > MOST_RUNS:
        caption = f"The first {count(MOST_RUNS)} of {count(len(trials))}. {caption}"
    caption = with_largest_class(caption, trials)
    return Table("runs", "Runs", columns, trial_data(trials, *unread), caption, records, True, False)


def _text(value: object) -> str:
    return "" if value is None or value != value else plain(value)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


@section("outcomes", "What is left out, and where the time went")
def outcomes_section(found: AblationFindings, spent: Spending) -> Iterator[Block]:
    """The pairs that no contrast counts, and why; how all runs ended, and where the time went."""
    if found.repeated:
        why = "whose arm has a later run with the same pair, which counts"
        yield remark(f"{found.repeated} trials of pairs are left out {why}.")
    if found.failed.empty:
        yield paragraph("No pair that was begun is left out: every run of the pairs so far completed.")
    else:
        yield _failed_table(found.failed)
    if found.trials.empty:
        yield remark("There are no runs.")
        return
    yield outcome_table(found.trials, STAGES)
    if spent.frame["seconds"].sum() > 0:
        yield Figures((spending_figure(spent, STAGES),))


def _failed_table(failed: pd.DataFrame) -> Table:
    groups = failed.assign(reason=failed["reason"].fillna("")).groupby(
        ["arm", "outcome", "reason"], sort=False
    )
    rows = [(*group, len(own), ", ".join(map(str, own["pair"]))) for group, own in groups]
    data = pd.DataFrame(rows, columns=["arm", "outcome", "reason", "runs", "pairs"])
    columns = [
        text_column("arm", "arm"),
        text_column("outcome", "outcome", outcome_name),
        number_column("runs", "runs", count),
        text_column("pairs", "pairs", partial(plain, limit=120)),
        text_column("reason", "reason"),
    ]
    caption = (
        "A contrast leaves out a pair in which one of its arms did not complete. Where runs fail because of "
        "how they train, what is left flatters the arm that failed."
    )
    return Table("left_out", "Runs of pairs that did not complete", columns, data, caption)
