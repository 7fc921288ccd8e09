"""A copy of a search in Optuna's database, for dashboards and for whoever knows Optuna. Nothing is read back from it.

Written after the store's own files, each trial in one transaction when asked and one when told; a copy that does not
agree with the files, or is gone, is made again at the next start.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import optuna
from optuna.exceptions import StorageInternalError
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from vggsearch.errors import StoreError
from vggsearch.study.file import Objective
from vggsearch.study.samplers import quiet


class Mirror:
    """One study in Optuna's database.

    Args:
        url: Of the database, as SQLAlchemy writes it.
        name: Of the study in it.
        objectives: Their names, the first maximised.

    Every method raises `StoreError` where the database cannot be used.
    """

    def __init__(self, url: str, name: str, objectives: Sequence[Objective]) -> None:
        quiet()
        self._name = name
        self._url = url
        self._objectives = tuple(objectives)
        with self._errors():
            self._storage = RDBStorage(url)
            self._study = self._open()

    @property
    def trials(self) -> list[FrozenTrial]:
        """What the database holds, by number."""
        with self._errors():
            return self._study.get_trials(deepcopy=False)

    def asked(self, trial: FrozenTrial) -> None:
        """Add a trial, running or told."""
        with self._errors():
            self._study.add_trial(trial)

    def told(self, trial: FrozenTrial) -> None:
        """Finish a trial that was asked."""
        with self._errors():
            self._study.tell(trial.number, trial.values, trial.state)

    def reconcile(self, trials: Sequence[FrozenTrial]) -> None:
        """Make the database hold exactly `trials`."""
        held = self.trials
        if len(held) > len(trials) or not all(map(_agree, held, trials)):
            with self._errors():
                optuna.delete_study(study_name=self._name, storage=self._storage)
                self._study = self._open()
            held = []
        for mine, trial in zip(held, trials, strict=False):
            if trial.state.is_finished() and not mine.state.is_finished():
                self.told(trial)
        for trial in trials[len(held) :]:
            self.asked(trial)

    def _open(self) -> optuna.Study:
        return optuna.create_study(
            study_name=self._name,
            storage=self._storage,
            sampler=RandomSampler(),
            directions=["maximize" if name == "val_accuracy" else "minimize" for name in self._objectives],
            load_if_exists=True,
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, StorageInternalError, RuntimeError) as error:
            cause = str(error.__cause__ or error).splitlines()[0][:200]
            raise StoreError(
                f"Optuna's database {self._url} cannot be used ({cause}): free space, or move it away, "
                "as it is made again from the trial files"
            ) from error


def _agree(mine: FrozenTrial, trial: FrozenTrial) -> bool:
    """Whether the database's trial is the same, or is it still running."""
    same = mine.params == trial.params and mine.distributions == trial.distributions
    told = mine.state == trial.state and mine.values == trial.values
    return same and (told or mine.state == TrialState.RUNNING)
