"""What earlier sessions recorded of a study."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vggsearch.runs import Outcome, Stage, TrialRecord
from vggsearch.store import Store
from vggsearch.study.control.conditions import Conditions
from vggsearch.study.control.stages import TrialResult
from vggsearch.study.file import Study


@dataclass(frozen=True, slots=True)
class Recorded:
    """The trials of a study in a store."""

    results: Mapping[Stage, Sequence[TrialResult]]
    """Results by stage; a stage without any has an empty sequence."""
    missing: Sequence[TrialRecord]
    """Trials whose run is gone from the ledger, or crashed and is to be made again."""
    trusted: bool
    """Whether at least one run did not crash."""


def read_recorded(study: Study, store: Store, conditions: Conditions) -> Recorded:
    """Read the trials of `study`. Raises `StudyFileError` where a run was made under other `conditions`."""
    results: dict[Stage, list[TrialResult]] = defaultdict(list)
    missing: list[TrialRecord] = []
    trusted = False
    for trial in store.trials(study.name):
        run = None if trial.run is None else store.ledger.get(trial.run)
        if run is not None:
            conditions.check(run.key, study.path)
            trusted |= run.outcome is not Outcome.CRASHED
        if trial.to_be_repeated or (run is None and trial.run is not None):
            missing.append(trial)
        else:
            results[trial.stage].append((trial, run))
    return Recorded(results, missing, trusted)
