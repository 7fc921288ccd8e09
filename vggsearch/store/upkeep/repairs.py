"""Mend a store: what is damaged is moved to a backup within it, and the next run makes it again.

    STORE/backup/20260314-150926/ledger/3f/3f6c….json    what was moved, where it was; the time is UTC

Nothing is deleted but what any controller clears away when it starts (leftovers of interrupted writes,
checkpoints of finished runs). Nothing is overwritten, no link is followed, and every move is a rename within
the file system. A repair that is killed can be done again: what was moved is in one backup, the rest goes
to the next.

A registered plan is not moved: it proves that what an ablation asks was fixed before its runs, and a program
that put a new one in its place would forge the proof.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from vggsearch.errors import StoreError
from vggsearch.runs import Clock, make_folder, sync_folder
from vggsearch.store.store import Store
from vggsearch.store.upkeep import optuna_file
from vggsearch.store.upkeep.checkpoints import finished_runs, tensors_of
from vggsearch.store.upkeep.problems import Finding, Kind, StudyFound
from vggsearch.store.upkeep.walk import BACKUP, leftovers, survey

MOVED: frozenset[Kind] = frozenset(
    {"record", "trial", "notes", "study", "database", "checkpoint", "aside", "obstacle"}
)
"""What can be made again, so that it is moved where it is damaged."""


@dataclass
class Repair:
    """What was done to a store."""

    backup: Path | None = None
    """Where things were moved; None where nothing was."""
    moved: list[Finding] = field(default_factory=list)
    swept: int = 0
    """Leftovers of interrupted writes that were cleared away."""
    freed: int = 0
    """Finished runs whose checkpoints were cleared away."""
    left: list[Finding] = field(default_factory=list)
    """What is still wrong: a person's to mend."""
    studies: list[StudyFound] = field(default_factory=list)
    """Every study, with the runs that it now lacks."""

    @property
    def anything(self) -> bool:
        """Whether the store is another than it was."""
        return bool(self.moved or self.swept or self.freed)


def repair(store: Store, clock: Clock = time.time) -> Repair:
    """Mend `store`. Raises `StoreError` where a controller works in it, or where it cannot be written."""
    before = len(list(leftovers(store.root))), len(list(finished_runs(store)))
    with store.lock(mending=True):
        found = survey(store, clock())
        done = Repair(studies=found.studies)
        done.swept = before[0] - len(found.leftovers)
        done.freed = before[1] - len(found.checkpoints.finished)
        for finding in found.findings:
            if finding.kind not in MOVED:
                done.left += [finding] if finding.wrong else []
                continue
            if done.backup is None:
                done.backup = _new_backup(store.root, clock())
            try:
                for path in _with_companions(finding):
                    _move(store.root, path, done.backup)
                done.moved.append(finding)
            except OSError as error:
                reason = f"{finding.reason}, and it cannot be moved ({error.strerror})"
                done.left.append(Finding(finding.kind, finding.path, reason))
    return done


def _with_companions(finding: Finding) -> list[Path]:
    """The files that go with it, itself last: a move that is interrupted is taken up again."""
    if finding.kind == "database":
        return [*(finding.path.with_name(name) for name in optuna_file.SIDECARS), finding.path]
    if finding.kind == "checkpoint":
        return [tensors_of(finding.path), finding.path]
    return [finding.path]


def _new_backup(root: Path, now_s: float) -> Path:
    """A folder that did not exist."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now_s))
    parent = root / BACKUP
    try:
        parent.mkdir(exist_ok=True)
        if parent.is_symlink():
            raise StoreError(f"{parent}: is a link, and a backup stays in its store: move the link away")
        sync_folder(root)
        for number in range(1, 1000):
            path = parent / (stamp if number == 1 else f"{stamp}-{number}")
            try:
                path.mkdir()
            except FileExistsError:
                continue
            sync_folder(parent)
            return path
    except OSError as error:
        raise StoreError(
            f"{parent} cannot be written ({error.strerror}): free space or mend permissions, and run the "
            "same command again"
        ) from error
    raise StoreError(f"{parent} holds 1000 backups of this second: is the clock standing still")


def _move(root: Path, path: Path, backup: Path) -> None:
    """Rename `path`, within `root`, to the same path within `backup`; nothing where there is none."""
    old, new = root / path, backup / path
    if not os.path.lexists(old):
        return
    make_folder(new.parent)
    old.rename(new)  # a link itself, too, and not what it points to
    sync_folder(new.parent)
    sync_folder(old.parent)
