"""The survey of a whole store: what is in it, what is damaged, what was left behind, what is foreign.

It changes nothing, opens one file at a time and holds one record at a time. It raises for nothing that it
finds, follows no link, and may run while a controller works.
"""

import contextlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from vggsearch.errors import StoreError
from vggsearch.runs import TEMPORARY, Damage, Digest, first_error, read_checksummed, temporary_files
from vggsearch.store import layout as names
from vggsearch.store.layout import Layout, folders
from vggsearch.store.ledger import Ledger, read_record
from vggsearch.store.plans import PlanBook
from vggsearch.store.state import Options, PendingCandidates, RateChoice, Selection, read_state
from vggsearch.store.store import read_trial
from vggsearch.store.upkeep.checkpoints import is_checkpoints, survey_checkpoints
from vggsearch.store.upkeep.optuna_file import check_database
from vggsearch.store.upkeep.problems import Problem, ProblemKind, StudySurvey, Survey
from vggsearch.store.upkeep.weights import is_weights, survey_weights

FUTURE_S = 60.0
"""Seconds by which the clocks of several machines may differ."""

_STUDY_FILES: Mapping[str, tuple[ProblemKind, Callable[[Path], object]]] = {
    names.PLANS: ("plan", lambda path: PlanBook(path.parent).read()),
    names.PENDING: ("state", lambda path: read_state(path, PendingCandidates)),
    names.SELECTION: ("state", lambda path: read_state(path, Selection)),
    names.OPTIONS: ("state", lambda path: read_state(path, Options)),
    names.RATES: ("state", lambda path: read_state(path, RateChoice)),
}
"""How the files in a study's folder are read, its identity apart."""

T = TypeVar("T")


def survey(root: Path, now_s: float) -> Survey:
    """Look through the store at `root`, which keeps its runs in its own folder.

    Args:
        root: The store's folder.
        now_s: Seconds since the epoch.
    """
    return _Walk(Layout(root), now_s).survey()


def leftovers(layout: Layout) -> Iterator[Path]:
    """The temporary files in a store, which are removed by whoever takes its lock."""
    ledgers = [] if layout.ledger.is_symlink() else [layout.ledger]
    for written in (layout.written_folders(), (shard for ledger in ledgers for shard in folders(ledger))):
        with contextlib.suppress(OSError):  # the walk reports folders that cannot be read
            for folder in written:
                yield from temporary_files(folder)


class _Walk:
    """One walk through one store."""

    def __init__(self, layout: Layout, now_s: float) -> None:
        self._layout, self._root, self._now_s = layout, layout.root, now_s
        self._ledger = Ledger(layout.ledger)
        self._found = Survey()
        self._named: set[Digest] = set()
        """Digests of weights in records."""

    def survey(self) -> Survey:
        found = self._found
        found.leftovers = list(leftovers(self._layout))
        top = self._top()
        found.studies = list(self._studies(top.get(names.STUDIES, [])))
        present = set(self._records(top.get(names.LEDGER, [])))
        for study in found.studies:
            # The ledger is asked again, as a controller may have put a record meanwhile.
            study.absent = {run for run in study.absent if run not in present and run not in self._ledger}
        for entry in top.get(names.CHECKPOINTS, []):
            if not is_checkpoints(entry):
                self._foreign(entry)
        found.checkpoints = survey_checkpoints(self._layout.checkpoints, self._ledger)
        for path, reason in found.checkpoints.damaged:
            self._add("checkpoint", path, reason)
        self._weights(top.get(names.WEIGHTS, []))
        found.database = check_database(self._layout.optuna)
        if found.database.state == "damaged":
            self._add("database", self._layout.optuna, found.database.reason)
        found.problems.sort(key=lambda problem: (not problem.wrong, problem.kind, problem.path))
        return found

    def _top(self) -> dict[str, list[os.DirEntry[str]]]:
        """The entries of each of the store's folders."""
        found = {}
        for entry in self._entries(self._root):
            if entry.name in names.FOLDERS:
                found[entry.name] = self._inside(entry)
            elif entry.name == names.LOCK and not entry.is_file(follow_symlinks=False):
                self._add("obstacle", entry, "must be a file, and is none")
            elif entry.name == names.TOKEN:
                self._judge("token", Path(entry), lambda path: _json(path, names.MAX_TOKEN_BYTES))
            elif names.OPTUNA_DAMAGED.fullmatch(entry.name):
                self._add("aside", entry, "a damaged database, of which a new one was made")
            elif entry.name not in (names.LOCK, names.OPTUNA, *names.OPTUNA_SIDECARS):
                self._foreign(entry)
        return found

    def _studies(self, entries: list[os.DirEntry[str]]) -> Iterator[StudySurvey]:
        for entry in entries:
            if entry.is_symlink():
                self._add("link", entry, "a link")
            elif not entry.is_dir() or names.STUDY.fullmatch(entry.name) is None:
                self._foreign(entry)
            else:
                yield self._study(entry)

    def _study(self, folder: os.DirEntry[str]) -> StudySurvey:
        study = StudySurvey(folder.name)
        for entry in self._entries(Path(folder)):
            if entry.name == names.IDENTITY:
                identity = self._judge("study", Path(entry), _identity)
                study.data = None if identity is None else _data_name(identity)
            elif entry.name in _STUDY_FILES:
                kind, read = _STUDY_FILES[entry.name]
                self._judge(kind, Path(entry), read)
            elif entry.name == names.TRIALS:
                self._trials(entry, study)
            else:
                self._foreign(entry)
        return study

    def _trials(self, folder: os.DirEntry[str], study: StudySurvey) -> None:
        for path in self._files(folder):
            trial = self._judge("trial", path, read_trial)
            if trial is not None:
                study.trials += 1
                study.searched |= trial.stage == "search"
                study.crashed += trial.to_be_repeated
                study.absent |= set() if trial.run is None else {trial.run}
                self._at(trial.told_at)

    def _records(self, folders: list[os.DirEntry[str]]) -> Iterator[Digest]:
        """The digests of the sound records."""
        for folder in folders:
            if names.SHARD.fullmatch(folder.name) is None and not folder.is_dir(follow_symlinks=False):
                self._foreign(folder)
                continue
            for path in self._files(folder):
                record = self._judge("record", path, read_record)
                if record is not None:
                    self._found.runs += 1
                    self._named.update(filter(None, (record.weights, record.key.initial_weights)))
                    self._at(record.provenance.finished_at if record.provenance else 0.0)
                    yield record.key.digest

    def _weights(self, entries: list[os.DirEntry[str]]) -> None:
        """The folder of weights, whose `entries` were listed before the records were read."""
        for entry in entries:
            if not is_weights(entry):
                self._foreign(entry)
        files = (Path(entry) for entry in entries if is_weights(entry))
        for path, reason in survey_weights(files, self._named, self._found.weights):
            self._add("weights", path, reason)

    def _judge(self, kind: ProblemKind, path: Path, read: Callable[[Path], T]) -> T | None:
        """What `read` finds; None where it finds a fault, which is reported, or no file."""
        try:
            found = path.lstat()
            self._at(found.st_mtime)
            if stat.S_ISLNK(found.st_mode):
                raise Damage("a link, and no file of its own")
            return read(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, StoreError) as error:
            cause = error.__cause__ if isinstance(error, StoreError) else error
            denied = isinstance(cause, PermissionError) or isinstance(
                cause and cause.__cause__, PermissionError
            )
            self._add("unreadable" if denied else kind, path, _words(cause or error))
            return None

    def _files(self, folder: os.DirEntry[str]) -> list[Path]:
        """The files of a folder that holds one a record."""
        return [Path(entry) for entry in self._inside(folder) if not entry.name.startswith(TEMPORARY)]

    def _inside(self, folder: os.DirEntry[str]) -> list[os.DirEntry[str]]:
        """The entries of a folder of the store; empty where it is no folder, which is reported."""
        if not folder.is_dir(follow_symlinks=False):
            link = folder.is_symlink()
            reason = "a link" if link else "must be a folder, and is none"
            self._add("link" if link else "obstacle", folder, reason)
            return []
        return self._entries(Path(folder))

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
            self._add("foreign", entry, "not part of a store")

    def _add(self, kind: ProblemKind, path: Path | os.DirEntry[str], reason: str) -> None:
        self._found.problems.append(Problem(kind, Path(path).relative_to(self._root), reason))

    def _at(self, moment_s: float) -> None:
        self._found.future += moment_s > self._now_s + FUTURE_S


def _json(path: Path, limit: int) -> object:
    found: object = from_json(read_checksummed(path, limit))
    return found


def _identity(path: Path) -> dict[str, object]:
    identity = _json(path, names.MAX_IDENTITY_BYTES)
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
