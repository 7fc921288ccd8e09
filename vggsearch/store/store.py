"""The store: one folder that holds everything that studies have found, and nothing else.

    STORE/
      lock                                    who writes; see `Store.lock`
      optuna.db                               Optuna's part, which can be rebuilt from the rest
      optuna.db.damaged-1                     one that was damaged, until somebody deletes it
      token.json                              what marks this store's studies in a shared database
      ledger/3f/3f6c….json                    the runs of all studies
      checkpoints/3f6c…/                      what a run that was interrupted goes on from
      studies/NAME/study.json                 what NAME must remain
      studies/NAME/plan.json                  what an ablation NAME decided before its first run
      studies/NAME/trials/search-000012.json  its trials

Workers see none of it but the checkpoints of their run. Any number of processes read it at any time; one
writes, and holds the lock meanwhile.
"""

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from pydantic_core import from_json

from vggsearch.errors import StoreError, StudyFileError
from vggsearch.runs import (
    FINAL,
    STAGES,
    TEMPORARY,
    Damage,
    Damaged,
    Digest,
    TrialRecord,
    add_checksum,
    read_bounded,
    sweep,
    valid_trial,
    verify_checksum,
    write_atomically,
)
from vggsearch.store.checkpoints import sweep_checkpoints
from vggsearch.store.ledger import Ledger
from vggsearch.store.plans import PlanBook
from vggsearch.text import shown

MAX_TRIAL_BYTES = 64 * 1024
MAX_IDENTITY_BYTES = 2**20


class StudyIdentity(Protocol):
    """What a store asks of a study."""

    @property
    def name(self) -> str:
        """Names its folder."""

    @property
    def path(self) -> Path:
        """Of its file, for messages."""

    def identity(self) -> dict[str, object]:
        """What must not change while the store holds trials of it, as plain JSON values."""


class Store:
    """A store folder; made by `Store.open`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        """Absolute."""
        self.ledger = Ledger(root / "ledger")
        self.checkpoints = root / "checkpoints"
        """Where workers keep what interrupted runs go on from: theirs alone to write."""

    @classmethod
    def open(cls, path: Path, *, create: bool = True) -> "Store":
        """The store in `path`; where `create`, made if absent and tried for writing.

        Raises `StoreError` where it cannot be used.
        """
        root = path.absolute()
        try:
            if create:
                (root / "ledger").mkdir(parents=True, exist_ok=True)
                (root / "studies").mkdir(exist_ok=True)
                with tempfile.TemporaryFile(dir=root, prefix=TEMPORARY):
                    pass
            elif not (root / "ledger").is_dir():
                raise StoreError(
                    f"store {path}: holds no runs yet: run a study first, or name another --store"
                )
        except OSError as error:
            raise StoreError(
                f"store {path}: cannot be written ({error.strerror}): name a folder you may write to with "
                "--store"
            ) from error
        return cls(root)

    @property
    def optuna_path(self) -> Path:
        """Optuna's SQLite database in the store."""
        return self.root / "optuna.db"

    @property
    def optuna_url(self) -> str:
        """Its URL, for Optuna's own tools; `StoreError` where a URL cannot name it."""
        from sqlalchemy import URL, make_url

        path = str(self.optuna_path)
        url = URL.create("sqlite", database=path).render_as_string(hide_password=False)
        if make_url(url).database != path:
            raise StoreError(
                f"store {self.root}: a store's path has no ?, # or % in it: name another folder with --store"
            )
        return url

    @contextlib.contextmanager
    def lock(self, *, mending: bool = False) -> Iterator[None]:
        """Be the one process that writes, and clear away what interrupted writes left behind.

        Raises `StoreError`, which names the process, where another one is that already, and, unless it is for
        `mending`, where a folder of the store is a link: what is written would land elsewhere. A killed
        process holds no lock.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with self._writing("lock"):
            handle = os.open(self.root / "lock", flags, 0o666)
        try:
            with self._writing("lock"):
                self._take(handle)
            if not mending:
                self._refuse_links()
            with self._writing("what interrupted writes left"):
                self._sweep()
            yield
        finally:
            os.close(handle)

    def begin(self, study: "StudyIdentity") -> None:
        """Start or resume a study: what it must remain is written down, and later compared.

        Raises `StudyFileError` where the file says something else than when the study began, and
        `StoreError`.
        """
        path = self._folder(study.name) / "study.json"
        identity = study.identity()
        try:
            before = from_json(verify_checksum(read_bounded(path, MAX_IDENTITY_BYTES)))
        except FileNotFoundError:
            self._write(path, json.dumps(identity, sort_keys=True).encode())
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

    def put_trial(self, trial: TrialRecord) -> None:
        """Keep a trial in place of what its stage and number had, on disk when this returns.

        Raises `StoreError` where it cannot be written.
        """
        self._write(self._trials(trial.study) / _file_name(trial), trial.model_dump_json().encode())

    def trials(self, name: str) -> list[TrialRecord]:
        """The trials of a study, by stage and number; damaged ones are left out, and `damaged` names them."""
        return sorted(
            (found for found in self.scan_trials(name) if isinstance(found, TrialRecord)), key=trial_order
        )

    def damaged(self, name: str) -> list[Damaged]:
        """The trial files of a study that cannot be used, and why."""
        return [found for found in self.scan_trials(name) if isinstance(found, Damaged)]

    def plans(self, name: str) -> PlanBook:
        """The registered plans of an ablation."""
        return PlanBook(self._folder(name))

    def _take(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(handle, 20, 0).decode("ascii", "replace").strip()
            who = f"process {holder}" if holder.isdecimal() else "another process"
            raise StoreError(
                f"store {self.root}: one controller writes at a time, and {who} does: wait for it, stop "
                "it, or name another --store"
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)

    def _refuse_links(self) -> None:
        for name in ("checkpoints", "ledger", "studies"):
            with self._writing(name):
                folder = self.root / name
                # A run's own checkpoints that are a link are not used.
                inside = list(folder.iterdir()) if folder.is_dir() and name != "checkpoints" else []
                deeper = [path / "trials" for path in inside] if name == "studies" else []
                link = next((path for path in (folder, *inside, *deeper) if path.is_symlink()), None)
            if link is not None:
                raise StoreError(
                    f"store {self.root}: {link.relative_to(self.root)} is a link, and a store has its own "
                    "folders: put the folder there, or run `vggsearch doctor --repair`, which moves it away"
                )

    def _sweep(self) -> None:
        self.ledger.sweep()
        sweep_checkpoints(self.checkpoints, self._finished)
        sweep(self.root.resolve())
        studies = self.root / "studies"
        for folder in () if studies.is_symlink() else studies.glob("*"):
            if not folder.is_symlink():
                sweep(folder)
                sweep(folder / "trials")

    def _finished(self, digest: Digest) -> bool:
        run = self.ledger.get(digest)
        return run is not None and run.outcome in FINAL

    def scan_trials(self, name: str) -> Iterator[TrialRecord | Damaged]:
        """Every trial file of a study by name of its file, as its trial or as what is wrong with it."""
        try:
            paths = list(self._trials(name).iterdir())
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(
                f"store {self.root}: the trials of {name} cannot be read ({error.strerror}): mend their "
                "permissions, or name another --store"
            ) from error
        for path in sorted(paths):
            if path.name.startswith(TEMPORARY):
                continue
            try:
                trial = valid_trial(verify_checksum(read_bounded(path, MAX_TRIAL_BYTES)))
                if (trial.study, _file_name(trial)) != (name, path.name):
                    raise Damage("holds another trial than its name says")
                yield trial
            except FileNotFoundError:
                continue
            except Damage as damage:
                yield Damaged(path, str(damage))

    def _folder(self, name: str) -> Path:
        return self.root / "studies" / name

    def _trials(self, name: str) -> Path:
        return self._folder(name) / "trials"

    def _write(self, path: Path, record: bytes) -> None:
        with self._writing(path.name):
            write_atomically(path, add_checksum(record))

    @contextlib.contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"store {self.root}: {name} cannot be written ({error.strerror}): free space or mend "
                "permissions, and run the same command again"
            ) from error


def _file_name(trial: TrialRecord) -> str:
    return f"{trial.stage}-{trial.number:06d}.json"


def trial_order(trial: TrialRecord) -> tuple[int, int]:
    """Sorts trials by stage, in the order of the work, and number."""
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
