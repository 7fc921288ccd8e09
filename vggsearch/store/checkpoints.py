"""The checkpoints of runs: handed to workers, removed once the run's record is kept.

    STORE/checkpoints/3f6c…/  the checkpoints of the run of that digest; only its worker writes there

The trainer knows what a folder holds (`vggsearch.training.checkpoint`). No torch.
"""

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

from vggsearch.runs import Digest
from vggsearch.store.layout import DIGEST


def remove_checkpoints(root: Path, digest: Digest) -> None:
    """Remove the checkpoints of a run whose record is kept; does nothing where there are none.

    What cannot be removed stays, and `sweep_checkpoints` tries again. A link is removed, and not its target.
    """
    assert DIGEST.fullmatch(digest)  # a run's own: it cannot leave `root`
    folder = root / digest
    with contextlib.suppress(OSError):
        if folder.is_symlink():
            folder.unlink()
        else:
            shutil.rmtree(folder)


def sweep_checkpoints(root: Path, finished: Callable[[Digest], bool]) -> int:
    """Remove what kills left in `root` of `finished` runs, and count it; only for the store's one writer.

    Unfinished runs keep their checkpoints. Entries that no run would have made are left alone, as is
    everything where `root` is a link.
    """
    if root.is_symlink():
        return 0
    try:
        names = [path.name for path in root.iterdir() if DIGEST.fullmatch(path.name)]
    except OSError:
        return 0
    left = [name for name in names if finished(name)]
    for name in left:
        remove_checkpoints(root, name)
    return len(left)
