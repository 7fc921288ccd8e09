"""The store: one folder that holds everything that studies have found, and nothing else.

`vggsearch.store.layout` shows what lies where. Workers see only the checkpoints of their run. Any number of
processes read a store at any time; one writes, and holds the lock meanwhile.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from pydantic_core import from_json

from vggsearch.errors import StoreError, StudyFileError
from vggsearch.runs import (
    STAGES,
    TEMPORARY,
    Damage,
    Damaged,
    Digest,
    RunKey,
    RunRecord,
    TrialRecord,
    read_checksummed,
    sweep,
    valid_trial,
)
from vggsearch.store.base import BaseLedger
from vggsearch.store.checkpoints import remove_checkpoints, sweep_checkpoints
from vggsearch.store.files import entries, read_each, reading, write, writing
from vggsearch.store.layout import IDENTITY, MAX_IDENTITY_BYTES, MAX_TRIAL_BYTES, TRIALS, Layout, trial_name
from vggsearch.store.ledger import Ledger
from vggsearch.store.plans import PlanBook
from vggsearch.store.state import ControllerState, Options
from vggsearch.store.weights import WeightsFolder
from vggsearch.system import O_CLOEXEC, O_NOFOLLOW, lock_file
from vggsearch.text import shown


class StudyIdentity(Protocol):
    """What a store asks of a study."""

    @property
    def name(self) -> str:
        """The name of its folder."""

    @property
    def path(self) -> Path:
        """Its file, for messages."""

    def identity(self) -> dict[str, object]:
        """What must not change while the store holds trials of it, as plain JSON values."""

    def options(self) -> Options | None:
        """What it is asked for now and may change; None where there is nothing of that kind."""


class Store:
    """A store folder; made by `Store.open`.

    Args:
        root: The folder, an absolute path.
        ledger: Where the runs are kept; by default a `Ledger` in the store's own folder.
    """

    def __init__(self, root: Path, ledger: BaseLedger | None = None) -> None:
        self.root = root
        self.layout = Layout(root)
        self.ledger: BaseLedger = Ledger(self.layout.ledger) if ledger is None else ledger
        self.checkpoints = self.layout.checkpoints
        """The folder in which workers, and nobody else, write the checkpoints and weights of their runs."""
        self._weights = WeightsFolder(self.layout)

    @classmethod
    def open(cls, path: Path, *, create: bool = False, ledger: BaseLedger | None = None) -> "Store":
        """The store in `path`, to read it; with `create`, to write, and it is made if absent.

        Without `create` nothing is written. Raises `StoreError` where it cannot be used, or is absent and is
        not to be made.
        """
        store = cls(path.absolute(), ledger)
        try:
            if create:
                store.layout.ledger.mkdir(parents=True, exist_ok=True)
                store.layout.studies.mkdir(exist_ok=True)
                with tempfile.TemporaryFile(dir=store.root, prefix=TEMPORARY):
                    pass
            elif not store.layout.ledger.is_dir():
                raise StoreError(
                    f"store {path}: holds no runs yet: run a study first, or name another --store"
                )
        except OSError as error:
            raise StoreError(
                f"store {path}: cannot be written ({error.strerror}): name a folder you may write to with "
                "--store"
            ) from error
        return store

    @property
    def optuna_url(self) -> str:
        """The database's URL, for Optuna's own tools. Raises `StoreError` where a URL cannot name it."""
        from sqlalchemy import URL, make_url

        path = str(self.layout.optuna)
        url = URL.create("sqlite", database=path).render_as_string(hide_password=False)
        if make_url(url).database != path:
            raise StoreError(
                f"store {self.root}: a store's path has no ?, # or % in it: name another folder with --store"
            )
        return url

    @contextlib.contextmanager
    def lock(self, *, repairing: bool = False) -> Iterator[None]:
        """Be the one process that writes, and remove what interrupted writes left.

        Raises `StoreError` where another process, which it names, holds the lock. Also, unless `repairing`,
        where a folder of the store is a link, because what is written would land elsewhere. The lock of a
        killed process is free.
        """
        flags = os.O_RDWR | os.O_CREAT | O_CLOEXEC | O_NOFOLLOW
        with writing(self.layout.lock):
            handle = os.open(self.layout.lock, flags, 0o666)
        try:
            with writing(self.layout.lock):
                self._take(handle)
            if not repairing:
                self._refuse_links()
            with writing(self.root):
                self._sweep()
            yield
        finally:
            os.close(handle)

    def begin(self, study: StudyIdentity) -> None:
        """Start or resume a study: its identity is written down, or compared with what was written.

        Raises `StudyFileError` where the file differs from when the study began, and `StoreError`.
        """
        self._compare(study)
        options, state = study.options(), self.state(study.name)
        if options is not None and options != state.options():
            state.put_options(options)

    def _compare(self, study: StudyIdentity) -> None:
        path = self.layout.study(study.name) / IDENTITY
        identity = study.identity()
        try:
            before = from_json(read_checksummed(path, MAX_IDENTITY_BYTES))
        except FileNotFoundError:
            write(path, json.dumps(identity, sort_keys=True).encode())
            return
        except ValueError as error:
            raise StoreError(
                f"{path}: {error}: run `vggsearch doctor --repair` if {study.path} is what it was when the "
                "study began"
            ) from error
        different = _difference(before, identity)
        if different is not None:
            key, old, new = different
            raise StudyFileError(
                f"{study.path}: {key}: must stay as the study began in {self.root}, {old}, not {new}: "
                "change it back, or copy the file to a new name for a new study"
            )

    def studies(self) -> list[str]:
        """The names of the studies, in order. Raises `StoreError`."""
        with reading(self.layout.studies):
            return [folder.name for folder in self.layout.study_folders()]

    def put_run(self, record: RunRecord, notice: Callable[[str], None]) -> RunRecord:
        """Keep a run that has ended, and the weights that its worker handed over; returns it as it is kept.

        All is on disk when this returns, and the run's checkpoints are removed. Where the weights cannot be
        kept, `notice` is given the reason in one line, and the record is kept without. Raises `StoreError`.
        """
        if record.weights is not None and (reason := self._weights.adopt(record)) is not None:
            notice(reason)
            record = record.model_copy(update={"weights": None})
        self.ledger.put(record)
        remove_checkpoints(self.checkpoints, record.key.digest)
        return record

    def weights_file(self, record: RunRecord) -> Path | None:
        """The weights of a run, whose bytes were compared with the digest in its record.

        None where they were not kept, and where the file is absent or damaged.
        `vggsearch.training.read_weights` reads it.
        """
        return self._weights.find(record.weights)

    def initial_weights_file(self, key: RunKey) -> Path | None:
        """The weights that the run of `key` begins with, as `weights_file`; None where it draws its own."""
        return self._weights.find(key.initial_weights)

    def take_weights(self, path: Path, digest: Digest) -> None:
        """Keep a copy of a weights file that runs begin with (`WeightsFolder.take`). Raises `StoreError`."""
        self._weights.take(path, digest)

    def put_trial(self, trial: TrialRecord) -> None:
        """Keep a trial in place of the one with its stage and number, on disk when this returns.

        Raises `StoreError` where it cannot be written.
        """
        write(self.layout.trials(trial.study) / trial_name(trial), trial.model_dump_json().encode())

    def trials(self, name: str) -> list[TrialRecord]:
        """The trials of a study, by stage and number; damaged ones are left out, and `damaged` names them."""
        found = (trial for trial in self.scan_trials(name) if isinstance(trial, TrialRecord))
        return sorted(found, key=trial_order)

    def damaged(self, name: str) -> list[Damaged]:
        """The trial files of a study that cannot be used, and why."""
        return [found for found in self.scan_trials(name) if isinstance(found, Damaged)]

    def scan_trials(self, name: str) -> Iterator[TrialRecord | Damaged]:
        """Every trial of a study by the name of its file, and what is damaged between them."""
        return read_each(entries(self.layout.trials(name)), read_trial)

    def plans(self, name: str) -> PlanBook:
        """The registered plans of an ablation."""
        return PlanBook(self.layout.study(name))

    def state(self, name: str) -> ControllerState:
        """What the controller of a study writes down besides trials."""
        return ControllerState(self.layout.study(name))

    def _take(self, handle: int) -> None:
        try:
            lock_file(handle)
        except BlockingIOError as error:
            holder = os.read(handle, 20).decode("ascii", "replace").strip()
            who = f"process {holder}" if holder.isdecimal() else "another process"
            raise StoreError(
                f"store {self.root}: one controller writes at a time, and {who} does: wait for it, stop "
                "it, or name another --store"
            ) from error
        except OSError as error:
            raise StoreError(
                f"store {self.root}: its file system cannot lock files ({error.strerror}): name a --store on "
                "a local disk"
            ) from error
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())

    def _refuse_links(self) -> None:
        # A run's own checkpoints that are a link are not used, so nothing is refused for them.
        folders = [self.checkpoints, self.layout.weights]
        for folder in (self.layout.ledger, self.layout.studies):
            folders += [folder, *(entries(folder) if folder.is_dir() else [])]
        folders += [folder / TRIALS for folder in folders if folder.parent == self.layout.studies]
        link = next((path for path in folders if path.is_symlink()), None)
        if link is not None:
            raise StoreError(
                f"store {self.root}: {link.relative_to(self.root)} is a link, and a store has its own "
                "folders: put the folder there, or run `vggsearch doctor --repair`, which moves it away"
            )

    def _sweep(self) -> None:
        self.ledger.sweep()
        sweep_checkpoints(self.checkpoints, self.ledger.has_final)
        for folder in self.layout.written_folders():
            sweep(folder.resolve() if folder == self.root else folder)  # the store itself may be a link


def read_trial(path: Path) -> TrialRecord:
    """The trial in a file of a study's folder; raises FileNotFoundError and `Damage`."""
    trial = valid_trial(read_checksummed(path, MAX_TRIAL_BYTES))
    if (trial.study, trial_name(trial)) != (path.parents[1].name, path.name):
        raise Damage("holds another trial than its name says")
    return trial


def trial_order(trial: TrialRecord) -> tuple[int, int]:
    """Sorts trials by stage, in the order of the work, and by number."""
    return STAGES.index(trial.stage), trial.number


def _difference(before: object, now: object, key: str = "") -> tuple[str, str, str] | None:
    """The first place at which two JSON values differ, and both values there; None where they agree."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted(before.keys() | now.keys()):
            inner = _difference(before.get(name), now.get(name), f"{key}.{name}" if key else str(name))
            if inner is not None:
                return inner
        return None
    return None if before == now else (key, shown(before), shown(now))
