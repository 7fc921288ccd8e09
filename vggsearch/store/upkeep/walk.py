"""A look through a whole store: what is in it, what is damaged, what was left behind, what is not ours.

Changes nothing, opens one file at a time and holds no record longer than it takes to judge it. It raises for
nothing that it finds, follows no link, and may be done while a controller works.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from vggsearch.errors import StoreError
from vggsearch.runs import (
    MAX_RECORD_BYTES,
    TEMPORARY,
    Damage,
    Digest,
    RunRecord,
    TrialRecord,
    first_error,
    read_bounded,
    valid_trial,
    validated,
    verify_checksum,
)
from vggsearch.store.plans import PlanBook
from vggsearch.store.state import MAX_NOTE_BYTES, PendingCandidates, RateChoice, Selection
from vggsearch.store.store import MAX_IDENTITY_BYTES, MAX_TRIAL_BYTES, Store
from vggsearch.store.upkeep import optuna_file
from vggsearch.store.upkeep.checkpoints import is_checkpoints, survey_checkpoints
from vggsearch.store.upkeep.problems import Finding, Kind, StudyFound, Survey

BACKUP = "backup"
"""The folder of a store to which `vggsearch.store.upkeep.repairs` moves things."""

_FOLDERS = ("ledger", "studies", "checkpoints", BACKUP)
_FILES = ("lock", optuna_file.NAME, *optuna_file.SIDECARS)
_TOKEN = "token.json"
_STUDY = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}", re.ASCII)
_SHARD = re.compile(r"[0-9a-f]{2}", re.ASCII)

FUTURE_S = 60.0
"""Seconds that clocks of several machines may differ by."""

T = TypeVar("T")


def survey(store: Store, now_s: float) -> Survey:
    """Look through `store`; `now_s` are seconds since the epoch."""
    return _Walk(store, now_s).survey()


def leftovers(root: Path) -> Iterator[Path]:
    """What interrupted writes left in a store, where whoever takes its lock clears it away."""
    for pattern in ("", "ledger/*", "studies/*", "studies/*/trials"):
        for folder in (root,) if not pattern else root.glob(pattern):
            try:
                if folder.is_symlink() or folder.parent.is_symlink():
                    continue
                found = [path for path in folder.iterdir() if path.name.startswith(TEMPORARY)]
                yield from [path for path in sorted(found) if not path.is_dir()]
            except OSError:  # told by who looks through the folder
                continue


class _Walk:
    """One look through one store."""

    def __init__(self, store: Store, now_s: float) -> None:
        self._store, self._root, self._now_s = store, store.root, now_s
        self._found = Survey()

    def survey(self) -> Survey:
        found = self._found
        found.leftovers = list(leftovers(self._root))
        self._top()
        wanted = {study.name: study for study in self._studies()}
        present = set(self._ledger())
        for study in wanted.values():
            # PendingCandidate again, as a controller may have written one since.
            study.absent = {
                run for run in study.absent if run not in present and run not in self._store.ledger
            }
        found.studies = list(wanted.values())
        for entry in self._folder("checkpoints"):
            if not is_checkpoints(entry):
                self._foreign(entry)
        found.checkpoints = survey_checkpoints(self._store)
        for path, reason in found.checkpoints.damaged:
            self._add("checkpoint", path, reason)
        found.database = optuna_file.look_at(self._root / optuna_file.NAME)
        if found.database.state == "damaged":
            self._add("database", self._root / optuna_file.NAME, found.database.reason)
        found.findings.sort(key=lambda finding: (not finding.wrong, finding.kind, finding.path))
        return found

    def _top(self) -> None:
        for entry in self._entries(self._root):
            if entry.name in _FOLDERS:
                self._is_folder(entry)
            elif entry.name == "lock" and not entry.is_file(follow_symlinks=False):
                self._add("obstacle", entry, "must be a file, and is none")
            elif entry.name == _TOKEN:
                self._sealed("token", Path(entry), MAX_TRIAL_BYTES, from_json)
            elif optuna_file.ASIDE.fullmatch(entry.name):
                self._add("aside", entry, "a damaged database, of which a new one was made")
            elif entry.name not in _FILES:
                self._foreign(entry)

    def _studies(self) -> Iterator[StudyFound]:
        for entry in self._folder("studies"):
            if entry.is_symlink():
                self._add("link", entry, "a link")
            elif not entry.is_dir() or _STUDY.fullmatch(entry.name) is None:
                self._foreign(entry)
            else:
                yield self._study(entry)

    def _study(self, folder: os.DirEntry[str]) -> StudyFound:
        study = StudyFound(folder.name)
        for entry in self._entries(Path(folder)):
            path = Path(entry)
            match entry.name:
                case "study.json":
                    identity = self._sealed("study", path, MAX_IDENTITY_BYTES, _identity)
                    study.data = None if identity is None else _data_name(identity)
                case "plan.json":
                    self._judged("plan", path, lambda: PlanBook(Path(folder)).read())
                case "asked.json":
                    self._sealed("notes", path, MAX_NOTE_BYTES, PendingCandidates.model_validate_json)
                case "finalists.json":
                    self._sealed("notes", path, MAX_NOTE_BYTES, Selection.model_validate_json)
                case "rates.json":
                    self._sealed("notes", path, MAX_NOTE_BYTES, RateChoice.model_validate_json)
                case "trials":
                    self._trials(entry, study)
                case _:
                    self._foreign(entry)
        return study

    def _trials(self, folder: os.DirEntry[str], study: StudyFound) -> None:
        if not self._is_folder(folder):
            return
        for entry in self._entries(Path(folder)):
            if entry.name.startswith(TEMPORARY):
                continue

            def parse(data: bytes, name: str = entry.name) -> TrialRecord:
                trial = valid_trial(data)
                if (trial.study, f"{trial.stage}-{trial.number:06d}.json") != (study.name, name):
                    raise Damage("holds another trial than its name says")
                return trial

            trial = self._sealed("trial", Path(entry), MAX_TRIAL_BYTES, parse)
            if trial is not None:
                study.trials += 1
                study.searched |= trial.stage == "search"
                study.absent |= set() if trial.run is None else {trial.run}
                self._at(trial.told_at)

    def _ledger(self) -> Iterator[Digest]:
        """The sound records."""
        for folder in self._folder("ledger"):
            if _SHARD.fullmatch(folder.name) is None and not folder.is_dir(follow_symlinks=False):
                self._foreign(folder)
            elif self._is_folder(folder):
                yield from self._records(Path(folder))

    def _records(self, folder: Path) -> Iterator[Digest]:
        for entry in self._entries(folder):
            if entry.name.startswith(TEMPORARY):
                continue

            def parse(data: bytes, name: str = entry.name) -> RunRecord:
                record = validated(data)
                if name != f"{record.key.digest}.json" or folder.name != name[:2]:
                    raise Damage("holds another run than its name says")
                return record

            record = self._sealed("record", Path(entry), MAX_RECORD_BYTES, parse)
            if record is not None:
                self._found.runs += 1
                self._at(record.provenance.finished_at if record.provenance else 0.0)
                yield record.key.digest

    def _sealed(self, kind: Kind, path: Path, limit: int, parse: Callable[[bytes], T]) -> T | None:
        return self._judged(kind, path, lambda: parse(verify_checksum(read_bounded(path, limit))))

    def _judged(self, kind: Kind, path: Path, read: Callable[[], T]) -> T | None:
        """What `read` finds; None where it finds fault, which is told, or nothing."""
        try:
            found = path.lstat()
            self._at(found.st_mtime)
            if stat.S_ISLNK(found.st_mode):
                raise Damage("a link, and no file of its own")
            return read()
        except FileNotFoundError:
            return None
        except (OSError, ValueError, StoreError) as error:
            cause = error.__cause__ if isinstance(error, StoreError) else error
            denied = isinstance(cause, PermissionError) or isinstance(
                cause and cause.__cause__, PermissionError
            )
            self._add("unreadable" if denied else kind, path, _words(cause or error))
            return None

    def _folder(self, name: str) -> list[os.DirEntry[str]]:
        """The entries of a folder of the store itself; none where it is absent, or told of already."""
        path = self._root / name
        try:
            mode = path.lstat().st_mode
        except OSError:
            mode = 0
        return self._entries(path) if stat.S_ISDIR(mode) else []

    def _is_folder(self, entry: os.DirEntry[str]) -> bool:
        if entry.is_symlink():
            self._add("link", entry, "a link")
            return False
        if not entry.is_dir():
            self._add("obstacle", entry, "must be a folder, and is none")
            return False
        return True

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except FileNotFoundError:
            return []
        except OSError as error:
            self._add("unreadable", folder, f"cannot be read: {error.strerror}")
            return []

    def _foreign(self, entry: os.DirEntry[str]) -> None:
        if entry.is_symlink():
            self._add("link", entry, "a link")
        elif not entry.name.startswith(TEMPORARY) or entry.is_dir():
            self._add("foreign", entry, "not a store's")

    def _add(self, kind: Kind, path: Path | os.DirEntry[str], reason: str) -> None:
        self._found.findings.append(Finding(kind, Path(path).relative_to(self._root), reason))

    def _at(self, moment_s: float) -> None:
        self._found.future += moment_s > self._now_s + FUTURE_S


def _identity(data: bytes) -> dict[str, object]:
    identity = from_json(data)
    if not isinstance(identity, dict):
        raise Damage("does not say what the study is")
    return identity


def _data_name(identity: dict[str, object]) -> str | None:
    data = identity.get("data")
    name = data.get("name") if isinstance(data, dict) else None
    return name if isinstance(name, str) else None


def _words(error: BaseException) -> str:
    if isinstance(error, ValidationError):
        return first_error(error)
    text = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
    return " ".join(text.split())[:200]
