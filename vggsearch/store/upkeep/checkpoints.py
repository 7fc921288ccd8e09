"""Which checkpoints a store holds: those of interrupted runs, leftovers of finished runs, damaged ones.

No torch: a checkpoint is judged by its checksums. Its trainer finds out whether it fits its run.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic_core import from_json

from vggsearch.runs import Damage, Digest, open_bounded, read_checksummed
from vggsearch.store.base import BaseLedger
from vggsearch.store.layout import (
    COUNTERS,
    DIGEST,
    MAX_COUNTERS_BYTES,
    MAX_TENSORS_BYTES,
    folders,
    tensors_of,
)


@dataclass
class CheckpointSurvey:
    """What is in the store's folder of checkpoints."""

    interrupted: list[Digest] = field(default_factory=list)
    """Runs that continue from theirs, or are active."""
    interrupted_bytes: int = 0
    finished: list[Digest] = field(default_factory=list)
    """Runs that no longer need theirs."""
    finished_bytes: int = 0
    damaged: list[tuple[Path, str]] = field(default_factory=list)
    """The JSON files of checkpoints that cannot be used, and why."""


def survey_checkpoints(root: Path, ledger: BaseLedger) -> CheckpointSurvey:
    """Look through the folder of checkpoints at `root`; follows no link, and changes nothing."""
    found = CheckpointSurvey()
    finished = set(finished_runs(root, ledger))
    for digest in _digests(root):
        path = root / digest
        sizes = _sizes(path)
        count = sum(sizes.values())
        if digest in finished:
            found.finished.append(digest)
            found.finished_bytes += count
            continue
        found.interrupted.append(digest)
        found.interrupted_bytes += count
        for name in sizes:
            reason = _fault(path / name) if COUNTERS.fullmatch(name) else None
            if reason is not None and os.path.lexists(path / name):  # its run may have replaced it meanwhile
                found.damaged.append((path / name, reason))
    return found


def finished_runs(root: Path, ledger: BaseLedger) -> Iterator[Digest]:
    """The runs with checkpoints at `root` that no longer need them, as their record is kept for ever."""
    return filter(ledger.has_final, _digests(root))


def is_checkpoints(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of the folder can be the checkpoints of a run."""
    return DIGEST.fullmatch(entry.name) is not None and entry.is_dir(follow_symlinks=False)


def _digests(root: Path) -> list[Digest]:
    with contextlib.suppress(OSError):
        if not root.is_symlink():
            return [folder.name for folder in folders(root) if DIGEST.fullmatch(folder.name)]
    return []


def _sizes(folder: Path) -> dict[str, int]:
    """The bytes of each file, by name; what cannot be read is left out."""
    sizes = {}
    with contextlib.suppress(OSError):
        for path in sorted(folder.iterdir()):
            with contextlib.suppress(OSError):
                sizes[path.name] = path.lstat().st_size
    return sizes


def _fault(path: Path) -> str | None:
    """What is wrong with the checkpoint whose JSON is `path`; None where nothing is."""
    try:
        counters = from_json(read_checksummed(path, MAX_COUNTERS_BYTES))
        expected = counters.get("tensors") if isinstance(counters, dict) else None
        try:
            tensors = open_bounded(tensors_of(path), MAX_TENSORS_BYTES)
        except Damage as damage:
            return f"its tensors are {damage}"
        with tensors:
            if hashlib.file_digest(tensors, "sha256").hexdigest() != expected:
                return "its tensors' checksum does not match them"
    except FileNotFoundError:
        return "its tensors are absent"
    except (OSError, ValueError) as error:
        return " ".join(str(error).split())[:200]
    return None
