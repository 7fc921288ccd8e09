"""Whether two machines see the same folder: one creates a marker file in it, the other looks for it."""

import contextlib
import secrets
from pathlib import Path

_PREFIX = ".shared-"


def create_marker(folder: Path) -> str | None:
    """Create a marker in `folder`, replacing older ones, and return its name. Makes the folder if absent.

    The name is random, so that neither a copy of the folder nor the cache of a network file system has it.
    Only the folder's one owner may call this. Returns None if the folder cannot be written, or is a link,
    which could lead anywhere.
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
            remove_marker(folder, path.name)
    return name


def has_marker(folder: Path, name: str) -> bool:
    """Whether `folder`, as this machine sees it, has the marker `name`."""
    try:
        return (folder / name).is_file()
    except OSError:
        return False


def remove_marker(folder: Path, name: str) -> None:
    """Remove a marker; does nothing if that is impossible."""
    with contextlib.suppress(OSError):
        (folder / name).unlink()
