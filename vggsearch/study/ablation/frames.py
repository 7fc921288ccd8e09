"""The trials of an ablation as tables: results of each arm by seed, and by learning rate."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vggsearch.designs import EVALUATION_PARTS, EvaluationPart, Plan
from vggsearch.runs import Outcome, RunRecord, Stage, TrialRecord, unpack_bits
from vggsearch.store import BaseLedger
from vggsearch.study.control import ListedRun
from vggsearch.study.results import StudyResults

if TYPE_CHECKING:
    import pandas as pd

BoolArray = npt.NDArray[np.bool_]


def pairs_frame(results: StudyResults) -> "pd.DataFrame":
    """One row an arm and pair: arm, lr, pair, and the columns of `StudyResults.frame`. Arms that share a run
    each have a row of it.

    Accuracies are missing where a run did not complete.
    """
    frame = _frame(results, "pairs", {"pair": "Int64"})
    return frame if not results.plans else _shared(frame, _twins(results.plans[-1].plan, same_seeds=True))


def rates_frame(results: StudyResults, plan: Plan) -> "pd.DataFrame":
    """One row an arm of `plan`, learning rate and repeat: arm, lr, repeat, and the columns of
    `StudyResults.frame`. Arms that share a run each have a row of it.

    Accuracies are missing where a run did not complete.
    """
    return _shared(_frame(results, "rates", {"repeat": "Int64"}), _twins(plan, same_seeds=False))


def ended_frame(listed: Iterable[ListedRun], ledger: BaseLedger, value: str) -> "pd.DataFrame":
    """One row for each of the listed runs that ended: arm, pair, repeat, lr, and the column `value`.

    The value is missing where the run did not complete.
    """
    import pandas as pd

    rows: list[dict[str, object]] = []
    for one in listed:
        run = ledger.get(one.key.digest)
        if run is not None:
            completed = run.outcome is Outcome.COMPLETED
            rows.append({**one.params, value: getattr(run, value) if completed else None})
    return pd.DataFrame(rows, columns=["arm", "pair", "repeat", "lr", value]).astype({value: float})


def correctness(results: StudyResults, arm: str, images: int, part: EvaluationPart) -> dict[int, BoolArray]:
    """Per-image correctness [images] of an arm's completed runs on the images of `part`, by pair."""
    name = _twins(results.plans[-1].plan, same_seeds=True).get(arm, arm) if results.plans else arm
    return {
        int(trial.params["pair"]): unpack_bits(bits, images)
        for trial, run in _answered(results, "pairs")
        if trial.params.get("arm") == name
        and run.outcome is Outcome.COMPLETED
        and (bits := getattr(run, part.bits))
    }


def _twins(plan: Plan, *, same_seeds: bool) -> dict[str, str]:
    """The first arm with the same runs, by arm and in order."""
    first: dict[tuple[object, ...], str] = {}
    return {
        arm.name: first.setdefault(
            (arm.architecture, arm.recipe, arm.budget, same_seeds and arm.seed_offset), arm.name
        )
        for arm in plan.arms
    }


def _shared(frame: "pd.DataFrame", twins: dict[str, str]) -> "pd.DataFrame":
    """Every arm's rows under its own name; rows of arms that are no longer planned come last."""
    import pandas as pd

    rows = [frame[frame["arm"] == twin].assign(arm=arm) for arm, twin in twins.items()]
    return pd.concat([*rows, frame[~frame["arm"].isin(list(twins))]], ignore_index=True)


def _answered(results: StudyResults, stage: Stage) -> Iterator[tuple[TrialRecord, RunRecord]]:
    for trial in results.trials:
        run = results.runs.get(trial.run) if trial.stage == stage and trial.run else None
        if run is not None:
            yield trial, run


def _frame(results: StudyResults, stage: Stage, counts: dict[str, str]) -> "pd.DataFrame":
    import pandas as pd

    trials = [trial for trial in results.trials if trial.stage == stage]
    frame = results.frame()
    frame = frame[frame["stage"] == stage].reset_index(drop=True)
    types = {"arm": "string", "lr": "Float64", **counts}
    columns = {
        name: pd.Series([trial.params.get(name) for trial in trials], dtype=kind)
        for name, kind in types.items()
    }
    # Recipes may vary from arm to arm, so the learning rate of the run replaces that of the recipe.
    frame = frame.drop(columns=[name for name in columns if name in frame]).assign(**columns)
    completed = frame["outcome"] == Outcome.COMPLETED.value
    for name in (part.column for part in EVALUATION_PARTS.values()):
        frame[name] = frame[name].where(completed)
    return frame[[*columns, *(name for name in frame if name not in columns)]]
