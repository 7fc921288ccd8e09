"""The trials of an ablation as tables: what each arm reached with each seed, and at each learning rate."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vggsearch.runs.record import Outcome, RunRecord, Stage, TrialRecord, unpack_bits
from vggsearch.study.plan import Plan
from vggsearch.study.results import StudyResults

if TYPE_CHECKING:
    import pandas as pd

BoolArray = npt.NDArray[np.bool_]


def pairs_frame(results: StudyResults) -> "pd.DataFrame":
    """One row a trial of the stage `pairs`: arm, pair, lr, and the columns of `StudyResults.frame`.

    Accuracies are missing where a run did not complete.
    """
    return _frame(results, "pairs", {"pair": "Int64"})


def rates_frame(results: StudyResults, plan: Plan) -> "pd.DataFrame":
    """One row an arm of `plan`, learning rate and repeat: arm, repeat, lr, and the columns of
    `StudyResults.frame`. Arms that share a run each have a row of it.

    Accuracies are missing where a run did not complete.
    """
    import pandas as pd

    own = _frame(results, "rates", {"repeat": "Int64"})
    same = {(arm.architecture, arm.recipe, arm.budget): arm.name for arm in reversed(plan.arms)}
    shared = [
        own[own["arm"] == same[arm.architecture, arm.recipe, arm.budget]].assign(arm=arm.name)
        for arm in plan.arms
    ]
    return pd.concat(shared, ignore_index=True) if shared else own


def correctness(results: StudyResults, arm: str, test_images: int) -> dict[int, BoolArray]:
    """Per-image correctness [test_images] of an arm's completed runs on the test set, by pair."""
    return {
        int(trial.params["pair"]): unpack_bits(run.test_correct, test_images)
        for trial, run in _answered(results, "pairs")
        if trial.params.get("arm") == arm and run.outcome is Outcome.COMPLETED and run.test_correct
    }


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
    # The study's recipes may vary from arm to arm, and the run's own learning rate is the one that counts.
    frame = frame.drop(columns=[name for name in columns if name in frame]).assign(**columns)
    completed = frame["outcome"] == Outcome.COMPLETED.value
    for name in ("val_accuracy", "test_accuracy"):
        frame[name] = frame[name].where(completed)
    return frame[[*columns, *(name for name in frame if name not in columns)]]
