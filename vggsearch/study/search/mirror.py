"""A copy of a search in Optuna's database, for dashboards and for whoever knows Optuna.

Written after the store's own files, each trial in one transaction when asked and one when told; a copy that
does not agree with the files, or is gone or damaged, is made again. So SQLite need not wait for the disk at
every transaction: with its write-ahead log a power failure costs the last of them and never the database.
That is 0.02 ms instead of 28 ms a transaction on a busy disk. And a study need not wait for a server that
went away: the copy catches up when it is back.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import optuna
from optuna.exceptions import OptunaError
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from vggsearch.errors import StoreError
from vggsearch.runs import METRICS
from vggsearch.study.file import Objective
from vggsearch.study.search.database import Connection, Database, reason, unusable
from vggsearch.study.search.samplers import quiet

RETRY_S = 60.0
"""How long a server that is away is left alone: to ask it takes until it answers, or `CONNECT_S`."""

OWNER = "vggsearch store"
"""The attribute of a study in a shared database that holds the token of the store it is a copy of."""

_BROKEN = (SQLAlchemyError, OptunaError, OSError, RuntimeError, ValueError, LookupError, AssertionError)
"""What comes up through Optuna from a database that is away, damaged, or was changed by others."""


class Mirror:
    """One study in Optuna's database.

    A damaged database is moved aside and made again. One that fails later is opened anew, and made to agree
    with what it was told; a shared one that is away then is left alone for `RETRY_S` at a time.

    Args:
        database: Where.
        name: Of the study in it.
        objectives: Their names, the first maximised.
        token: Of the store, which marks the study in a shared database.
        say: Is told what a person should read.

    Until `reconcile` has returned every method raises `StoreError` where the database cannot be used;
    afterwards only where it is not shared.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        objectives: Sequence[Objective],
        token: str,
        say: Callable[[str], None],
    ) -> None:
        quiet()
        self._database, self._name, self._token, self._say = database, name, token, say
        self._directions = [
            StudyDirection.MAXIMIZE if METRICS[name].better == "higher" else StudyDirection.MINIMIZE
            for name in objectives
        ]
        self._wanted: list[FrozenTrial] = []
        """What the database should hold."""
        self._agreed = False
        """Whether it did since it was opened here."""
        self._retry_at: float | None = None
        """When a server that went away is asked again; None while it is there."""
        self._storage: RDBStorage | None = None
        self._connections: list[Connection] = []
        """All that were made for `_storage`, which closes none where it could not be made."""
        with self._errors():
            self._mended(self._open)

    @property
    def trials(self) -> list[FrozenTrial]:
        """What the database holds, by number."""
        with self._errors():
            return self._study.get_trials(deepcopy=False)

    def reconcile(self, trials: Sequence[FrozenTrial]) -> None:
        """Make the database hold exactly `trials`."""
        self._wanted = list(trials)
        self._write(self._agree)
        self._agreed = True

    def asked(self, trial: FrozenTrial) -> None:
        """Add a trial, running or told."""
        self._wanted.append(trial)
        self._write(lambda: self._add(trial))

    def told(self, trial: FrozenTrial) -> None:
        """Finish a trial that was asked."""
        self._wanted[trial.number] = trial
        self._write(lambda: self._finish(trial))

    def close(self) -> None:
        """Let go of the database, so that it is one file again. A server that was away is asked once more."""
        if self._retry_at is not None:
            with suppress(StoreError, *_BROKEN):
                self._reopen()
        self._let_go()

    def _write(self, write: Callable[[], None]) -> None:
        """Do `write`, or something better; never fails for a shared database that agreed once."""
        away = self._retry_at is not None
        if self._retry_at is not None and time.monotonic() < self._retry_at:
            return
        try:
            with self._errors():
                if away:
                    self._reopen()
                else:
                    self._surely(write)
        except StoreError as error:
            if not (self._agreed and self._database.shared):
                raise
            self._retry_at = time.monotonic() + RETRY_S
            if not away:
                self._say(
                    f"{error}; the study goes on without it, and the copy is made up for when it is back"
                )
            return
        self._retry_at = None
        if away:
            self._say(f"Optuna's database {self._database} is back, and up to date")

    def _surely(self, write: Callable[[], None]) -> None:
        """Do `write`; where that fails, open the database anew and bring it to where it should be."""
        try:
            write()
        except _BROKEN:
            self._mended(self._reopen)

    def _mended(self, opening: Callable[[], None]) -> None:
        """Do `opening`; where the database is damaged, move it aside and do it again on a new one."""
        try:
            opening()
        except _BROKEN as error:
            self._let_go()
            kept = self._database.set_aside(error)
            if kept is None:
                raise
            self._say(
                f"Optuna's database {self._database} was damaged ({reason(self._database, error)}): "
                f"it is kept as {kept}, and made again from the trial files"
            )
            opening()

    def _reopen(self) -> None:
        self._let_go()
        self._open()
        self._agree()

    def _open(self) -> None:
        settings = {"creator": self._connect, "pool_pre_ping": self._database.shared}
        self._storage = RDBStorage(self._database.dialect, engine_kwargs=settings)
        self._study = self._create(self._storage)
        self._study.get_trials(deepcopy=False)  # what cannot be read is found here

    def _connect(self) -> Connection:
        self._connections.append(self._database.connect())
        return self._connections[-1]

    def _create(self, storage: RDBStorage) -> optuna.Study:
        """The study, new or as it is; of a shared database only where it is this store's."""
        study = optuna.create_study(
            study_name=self._name,
            storage=storage,
            sampler=RandomSampler(),
            directions=self._directions,
            load_if_exists=True,
        )
        if self._database.shared and study.user_attrs.get(OWNER) != self._token:
            # Created and not yet marked: this controller's, or that of one killed between the two.
            if study.user_attrs or study.get_trials(deepcopy=False) or study.directions != self._directions:
                raise StoreError(
                    f"Optuna's database {self._database} holds a study {self._name} that is not of this "
                    "store: name another database with --storage, or give the study file another name"
                )
            study.set_user_attr(OWNER, self._token)
        return study

    def _agree(self) -> None:
        """Make the database hold what it should."""
        held = self._study.get_trials(deepcopy=False)
        fits = len(held) <= len(self._wanted) and all(map(_agrees, held, self._wanted))
        if not fits or self._study.directions != self._directions:
            assert self._storage is not None  # the study is open
            optuna.delete_study(study_name=self._name, storage=self._storage)
            self._study = self._create(self._storage)
            held = []
        for mine, trial in zip(held, self._wanted, strict=False):
            if trial.state.is_finished() and not mine.state.is_finished():
                self._finish(trial)
        for trial in self._wanted[len(held) :]:
            self._add(trial)

    def _add(self, trial: FrozenTrial) -> None:
        self._study.add_trial(trial)

    def _finish(self, trial: FrozenTrial) -> None:
        self._study.tell(trial.number, trial.values, trial.state)

    def _let_go(self) -> None:
        if self._storage is not None:
            self._storage.remove_session()
            self._storage.engine.dispose()
            self._storage = None
        while self._connections:
            self._connections.pop().close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except _BROKEN as error:
            raise unusable(self._database, error) from error


def _agrees(mine: FrozenTrial, trial: FrozenTrial) -> bool:
    """Whether the database's trial is the same, or is it still running."""
    same = mine.params == trial.params and mine.distributions == trial.distributions
    noted = mine.constraints == trial.constraints and trial.user_attrs.items() <= mine.user_attrs.items()
    told = mine.state == trial.state and mine.values == trial.values
    return same and noted and (told or mine.state == TrialState.RUNNING)
