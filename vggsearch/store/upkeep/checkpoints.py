"""Which checkpoints a store holds: those that runs go on from, leftovers of finished runs, damaged ones.

No torch: a checkpoint is judged by its checksums. Whether it fits its run, its trainer finds out.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic_core import from_json

from vggsearch.runs import FINAL, Damage, Digest, read_bounded, verify_checksum
from vggsearch.store.store import Store

MAX_COUNTERS_BYTES = 64 * 1024
MAX_TENSORS_BYTES = 8 * 2**30
"""VGG-19 and its momentum take 1.2 GB."""

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_COUNTERS = re.compile(r"[0-9]{12}\.json", re.ASCII)


@dataclass
class CheckpointsFound:
    """What is in the store's folder of checkpoints."""

    interrupted: list[Digest] = field(default_factory=list)
    """Runs that go on from theirs, or are going on."""
    interrupted_bytes: int = 0
    finished: list[Digest] = field(default_factory=list)
    """Runs that need theirs no more."""
    finished_bytes: int = 0
    damaged: list[tuple[Path, str]] = field(default_factory=list)
    """The JSON of a checkpoint that cannot be used, and why."""


def survey_checkpoints(store: Store) -> CheckpointsFound:
    """Look through the checkpoints of `store`; follows no link, and changes nothing."""
    found = CheckpointsFound()
    finished = set(finished_runs(store))
    for digest in _digests(store.checkpoints):
        path = store.checkpoints / digest
        names = _names(path)
        count = sum(_bytes(path / name) for name in names)
        if digest in finished:
            found.finished.append(digest)
            found.finished_bytes += count
            continue
        found.interrupted.append(digest)
        found.interrupted_bytes += count
        for name in names:
            reason = _fault(path / name) if _COUNTERS.fullmatch(name) else None
            if reason is not None and os.path.lexists(path / name):  # its run may have gone on meanwhile
                found.damaged.append((path / name, reason))
    return found


def finished_runs(store: Store) -> Iterator[Digest]:
    """The runs with checkpoints that need them no more, as their record is there for good."""
    for digest in _digests(store.checkpoints):
        run = store.ledger.get(digest)
        if run is not None and run.outcome in FINAL:
            yield digest


def is_checkpoints(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of the folder can be the checkpoints of a run."""
    return _DIGEST.fullmatch(entry.name) is not None and entry.is_dir(follow_symlinks=False)


def tensors_of(counters: Path) -> Path:
    """The tensors that a checkpoint's JSON belongs to."""
    return counters.with_suffix(".safetensors")


def _digests(root: Path) -> list[Digest]:
    if root.is_symlink():
        return []
    try:
        with os.scandir(root) as entries:
            return sorted(entry.name for entry in entries if is_checkpoints(entry))
    except OSError:
        return []


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:
        return []


def _bytes(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _fault(path: Path) -> str | None:
    """What is wrong with the checkpoint whose JSON is `path`; None where nothing is."""
    try:
        counters = from_json(verify_checksum(read_bounded(path, MAX_COUNTERS_BYTES)))
        expected = counters.get("tensors") if isinstance(counters, dict) else None
        if _sha256(tensors_of(path)) != expected:
            return "its tensors' checksum does not match them"
    except FileNotFoundError:
        return "its tensors are absent"
    except (OSError, ValueError) as error:
        return " ".join(str(error).split())[:200]
    return None


def _sha256(path: Path) -> str:
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_TENSORS_BYTES:
            raise Damage("its tensors are no regular file, or larger than any net's")
        return hashlib.file_digest(file, "sha256").hexdigest()
