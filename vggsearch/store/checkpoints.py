"""Folders for the checkpoints of runs that go on: handed to workers, removed once the run's record is kept.

    STORE/checkpoints/3f6c…/  what the run of that digest goes on from; only its worker writes there

What a folder holds is the trainer's affair (`vggsearch.training.checkpoint`). No torch.
"""

import contextlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from vggsearch.runs import Digest

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


def remove_checkpoints(root: Path, digest: Digest) -> None:
    """Remove the checkpoints of a run whose record is kept; does nothing where there are none.

    What cannot be removed stays, and is tried again by `sweep_checkpoints`. A link is removed, and not what
    it points to.
    """
    assert _DIGEST.fullmatch(digest)  # a run's own: it cannot leave `root`
    folder = root / digest
    with contextlib.suppress(OSError):
        if folder.is_symlink():
            folder.unlink()
        else:
            shutil.rmtree(folder)


def sweep_checkpoints(root: Path, finished: Callable[[Digest], bool]) -> int:
    """Remove what kills left in `root` of `finished` runs, and count it; only for the store's one writer.

    Runs that are not finished keep their checkpoints, and entries that no run would have made are left alone,
    as is everything where `root` is a link.
    """
    if root.is_symlink():
        return 0
    try:
        names = [path.name for path in root.iterdir() if _DIGEST.fullmatch(path.name)]
    except OSError:
        return 0
    left = [name for name in names if finished(name)]
    for name in left:
        remove_checkpoints(root, name)
    return len(left)
