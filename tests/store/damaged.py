"""Ways in which a store comes to harm."""

from collections.abc import Callable, Iterator
from pathlib import Path


def flipped(path: Path) -> None:
    """One bit of it is another."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    """Its end is gone."""
    path.write_bytes(path.read_bytes()[:-20])


def emptied(path: Path) -> None:
    """It has no content."""
    path.write_bytes(b"")


HARMS: tuple[Callable[[Path], None], ...] = (flipped, cut, emptied)


def snapshot(root: Path) -> dict[str, bytes]:
    """Every file of a store but its lock, and its content."""
    return dict(_files(root))


def _files(root: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.name != "lock":
            yield str(path.relative_to(root)), path.read_bytes()
