"""A copy of a search in Optuna's database, for dashboards and for people who know Optuna.

It is written after the store's own files: each trial in one transaction when asked and in one when told. A
copy that disagrees with the files, or is lost or damaged, is made again. So SQLite need not wait for the disk
at every transaction: with its write-ahead log, a power failure costs the last transactions and never the
database. That takes 0.02 ms instead of 28 ms a transaction on a busy disk. Nor does a study wait for a server
that is unreachable: the copy catches up when the server is back.
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
"""Seconds between attempts to reach a server that was unreachable; each attempt may take `CONNECT_S`."""

OWNER = "vggsearch store"
"""Attribute of a study in a shared database: the token of the store that it is a copy of."""

_BROKEN = (SQLAlchemyError, OptunaError, OSError, RuntimeError, ValueError, LookupError, AssertionError)
"""Raised by Optuna where a database is unreachable, damaged, or was changed by others."""


class OptunaCopy:
    """One study in Optuna's database.

    A damaged database is moved aside and made again. One that fails later is opened anew and reconciled with
    the trials; a shared one that is unreachable then is tried again every `RETRY_S`.

    Args:
        database: Where the copy is kept.
        name: Name of the study in it.
        objectives: Names of the objectives, the first maximised.
        token: The store's token, which marks the study in a shared database.
        notice: Called with each line that a person should read.

    Until `reconcile` has returned every method raises `StoreError` where the database cannot be used;
    afterwards only where it is not shared.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        objectives: Sequence[Objective],
        token: str,
        notice: Callable[[str], None],
    ) -> None:
        quiet()
        self._database, self._name, self._token, self._notice = database, name, token, notice
        self._directions = [
            StudyDirection.MAXIMIZE if METRICS[name].better == "higher" else StudyDirection.MINIMIZE
            for name in objectives
        ]
        self._wanted: list[FrozenTrial] = []
        """The trials that the database should hold."""
        self._reconciled = False
        """Whether the database has held them since it was opened here."""
        self._retry_at: float | None = None
        """When an unreachable server is tried again; None while it is reachable."""
        self._storage: RDBStorage | None = None
        self._connections: list[Connection] = []
        """All connections made for `_storage`, which closes none where it could not be made."""
        with self._errors():
            self._repairing(self._open)

    @property
    def trials(self) -> list[FrozenTrial]:
        """The trials of the database, by number."""
        with self._errors():
            return self._study.get_trials(deepcopy=False)

    def reconcile(self, trials: Sequence[FrozenTrial]) -> None:
        """Make the database hold exactly `trials`."""
        self._wanted = list(trials)
        self._write(self._synchronize)
        self._reconciled = True

    def add(self, trial: FrozenTrial) -> None:
        """Add a trial, running or finished."""
        self._wanted.append(trial)
        self._write(lambda: self._add(trial))

    def finish(self, trial: FrozenTrial) -> None:
        """Finish a running trial."""
        self._wanted[trial.number] = trial
        self._write(lambda: self._finish(trial))

    def close(self) -> None:
        """Close the database, so that it is one file again. An unreachable server is tried once more."""
        if self._retry_at is not None:
            with suppress(StoreError, *_BROKEN):
                self._reopen()
        self._disconnect()

    def _write(self, write: Callable[[], None]) -> None:
        """Call `write`; where that fails, open the database anew and reconcile it.

        Never fails for a shared database that was reconciled once.
        """
        unreachable = self._retry_at is not None
        if self._retry_at is not None and time.monotonic() < self._retry_at:
            return
        try:
            with self._errors():
                if unreachable:
                    self._reopen()
                else:
                    try:
                        write()
                    except _BROKEN:
                        self._repairing(self._reopen)
        except StoreError as error:
            if not (self._reconciled and self._database.shared):
                raise
            self._retry_at = time.monotonic() + RETRY_S
            if not unreachable:
                self._notice(
                    f"{error}; the study continues without it, and the copy is completed when it is back"
                )
            return
        self._retry_at = None
        if unreachable:
            self._notice(f"Optuna's database {self._database} is back, and up to date")

    def _repairing(self, opening: Callable[[], None]) -> None:
        """Call `opening`; where the database is damaged, move it aside and call `opening` again."""
        try:
            opening()
        except _BROKEN as error:
            self._disconnect()
            kept = self._database.set_aside(error)
            if kept is None:
                raise
            self._notice(
                f"Optuna's database {self._database} was damaged ({reason(self._database, error)}): "
                f"it is kept as {kept}, and made again from the trial files"
            )
            opening()

    def _reopen(self) -> None:
        self._disconnect()
        self._open()
        self._synchronize()

    def _open(self) -> None:
        settings = {"creator": self._connect, "pool_pre_ping": self._database.shared}
        self._storage = RDBStorage(self._database.dialect, engine_kwargs=settings)
        self._study = self._create(self._storage)
        self._study.get_trials(deepcopy=False)  # raises where they cannot be read

    def _connect(self) -> Connection:
        self._connections.append(self._database.connect())
        return self._connections[-1]

    def _create(self, storage: RDBStorage) -> optuna.Study:
        """The study, new or existing; in a shared database it must be this store's."""
        study = optuna.create_study(
            study_name=self._name,
            storage=storage,
            sampler=RandomSampler(),
            directions=self._directions,
            load_if_exists=True,
        )
        if self._database.shared and study.user_attrs.get(OWNER) != self._token:
            # A study without any of these was just created, or its controller was killed before marking it.
            if study.user_attrs or study.get_trials(deepcopy=False) or study.directions != self._directions:
                raise StoreError(
                    f"Optuna's database {self._database} holds a study {self._name} that is not of this "
                    "store: name another database with --storage, or give the study file another name"
                )
            study.set_user_attr(OWNER, self._token)
        return study

    def _synchronize(self) -> None:
        """Make the database hold the wanted trials."""
        held = self._study.get_trials(deepcopy=False)
        fits = len(held) <= len(self._wanted) and all(map(_matches, held, self._wanted))
        if not fits or self._study.directions != self._directions:
            assert self._storage is not None  # the study is open
            optuna.delete_study(study_name=self._name, storage=self._storage)
            self._study = self._create(self._storage)
            held = []
        for existing, trial in zip(held, self._wanted, strict=False):
            if trial.state.is_finished() and not existing.state.is_finished():
                self._finish(trial)
        for trial in self._wanted[len(held) :]:
            self._add(trial)

    def _add(self, trial: FrozenTrial) -> None:
        self._study.add_trial(trial)

    def _finish(self, trial: FrozenTrial) -> None:
        self._study.tell(trial.number, trial.values, trial.state)

    def _disconnect(self) -> None:
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


def _matches(existing: FrozenTrial, trial: FrozenTrial) -> bool:
    """Whether the trial of the database is `trial`, or `trial` while it was running."""
    return (
        existing.params == trial.params
        and existing.distributions == trial.distributions
        and existing.constraints == trial.constraints
        and trial.user_attrs.items() <= existing.user_attrs.items()
        and (
            existing.state == TrialState.RUNNING
            or (existing.state == trial.state and existing.values == trial.values)
        )
    )
