"""Repair a store: what is damaged is moved to a backup within it, and the next run makes it again.

    STORE/backup/20260314-150926/ledger/3f/3f6c….json    a moved file, under its old path; the time is UTC

Nothing is deleted except what any controller removes when it starts (leftovers of interrupted writes,
checkpoints of finished runs). Nothing is overwritten, no link is followed, and every move is a rename within
the file system. A repair that was killed can be repeated: the rest then goes to a second backup.

A registered plan is not moved: it proves that an ablation's question was fixed before its runs, and a program
that replaced it would forge the proof.
"""

import itertools
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from vggsearch.errors import StoreError
from vggsearch.runs import Clock, make_folder, sync_folder
from vggsearch.store.files import writing
from vggsearch.store.layout import OPTUNA_SIDECARS, Layout, tensors_of
from vggsearch.store.ledger import Ledger
from vggsearch.store.store import Store
from vggsearch.store.upkeep.checkpoints import finished_runs
from vggsearch.store.upkeep.problems import Problem, ProblemKind, StudySurvey
from vggsearch.store.upkeep.walk import leftovers, survey

MOVED: frozenset[ProblemKind] = frozenset(
    {"record", "trial", "state", "study", "database", "checkpoint", "weights", "aside", "obstacle"}
)
"""Kinds that are moved, because they can be made again."""


@dataclass
class Repair:
    """What was done to a store."""

    backup: Path | None = None
    """Where things were moved; None where nothing was."""
    moved: list[Problem] = field(default_factory=list)
    leftovers: int = 0
    """How many leftovers of interrupted writes were removed."""
    checkpoints: int = 0
    """How many finished runs' checkpoints were removed."""
    left: list[Problem] = field(default_factory=list)
    """What is still wrong: a person must repair it."""
    studies: list[StudySurvey] = field(default_factory=list)
    """Every study, with the runs that it now lacks."""

    @property
    def anything(self) -> bool:
        """Whether anything in the store was changed."""
        return bool(self.moved or self.leftovers or self.checkpoints)


def repair(root: Path, clock: Clock = time.time) -> Repair:
    """Repair the store at `root`, which keeps its runs in its own folder.

    Raises `StoreError` where a controller works in it, or where it cannot be written.
    """
    layout = Layout(root)
    ledger = Ledger(layout.ledger)
    before = len(list(leftovers(layout))), len(list(finished_runs(layout.checkpoints, ledger)))
    with Store(root, ledger).lock(repairing=True):
        found = survey(root, clock())
        done = Repair(studies=found.studies)
        done.leftovers = before[0] - len(found.leftovers)
        done.checkpoints = before[1] - len(found.checkpoints.finished)
        for problem in found.problems:
            if problem.kind not in MOVED:
                done.left += [problem] if problem.wrong else []
                continue
            if done.backup is None:
                done.backup = _new_backup(layout, clock())
            try:
                for path in _with_companions(problem):
                    _move(root, path, done.backup)
                done.moved.append(problem)
            except OSError as error:
                reason = f"{problem.reason}, and it cannot be moved ({error.strerror})"
                done.left.append(Problem(problem.kind, problem.path, reason))
    return done


def _with_companions(problem: Problem) -> list[Path]:
    """The files that move together, the problem itself last: an interrupted move is then repeated."""
    if problem.kind == "database":
        return [*(problem.path.with_name(name) for name in OPTUNA_SIDECARS), problem.path]
    if problem.kind == "checkpoint":
        return [tensors_of(problem.path), problem.path]
    return [problem.path]


def _new_backup(layout: Layout, now_s: float) -> Path:
    """A folder that did not exist."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now_s))
    parent = layout.backup
    with writing(parent):
        parent.mkdir(exist_ok=True)
        if parent.is_symlink():
            raise StoreError(f"{parent}: is a link, and a backup stays in its store: move the link away")
        sync_folder(layout.root)
        taken = {path.name for path in parent.iterdir()}
        names = (stamp if number == 1 else f"{stamp}-{number}" for number in itertools.count(1))
        path = parent / next(name for name in names if name not in taken)
        path.mkdir()
        sync_folder(parent)
        return path


def _move(root: Path, path: Path, backup: Path) -> None:
    """Rename `path`, relative to `root`, to the same path in `backup`; does nothing where it is absent."""
    old, new = root / path, backup / path
    if not os.path.lexists(old):
        return
    make_folder(new.parent)
    old.rename(new)  # of a link, the link itself
    sync_folder(new.parent)
    sync_folder(old.parent)
