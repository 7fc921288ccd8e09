"""Whether a folder is one and the same on two machines: one marks it, the other looks for the mark."""

import contextlib
import secrets
from pathlib import Path

_PREFIX = ".shared-"


def mark(folder: Path) -> str | None:
    """Mark `folder`, which is made where it is absent, in place of what marked it before; the mark's name.

    The name is random, so that neither a copy of the folder nor what a network file system remembers of it
    has it. Only for the folder's one owner. None where it cannot be written, or is a link, which could lead
    anywhere.
    """
    if folder.is_symlink():
        return None
    name = _PREFIX + secrets.token_hex(16)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    except OSError:
        return None
    for path in folder.glob(f"{_PREFIX}*"):
        if path.name != name:
            unmark(folder, path.name)
    return name


def is_marked(folder: Path, name: str) -> bool:
    """Whether `folder`, as this machine sees it, has that mark."""
    try:
        return (folder / name).is_file()
    except OSError:
        return False


def unmark(folder: Path, name: str) -> None:
    """Remove a mark, where it can be."""
    with contextlib.suppress(OSError):
        (folder / name).unlink()
