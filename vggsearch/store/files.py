"""How the files of a store are read and written, and the one line that says why one cannot be."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from vggsearch.errors import StoreError
from vggsearch.runs import TEMPORARY, Damage, Damaged, write_checksummed

T = TypeVar("T")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise `StoreError` for an OSError while `path` is written."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror}): free space or fix permissions, and run the same "
            "command again"
        ) from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise `StoreError` for an OSError while `path` is read."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read ({error.strerror}): fix its permissions, or name another --store"
        ) from error


def write(path: Path, record: bytes) -> None:
    """Write a JSON record and its checksum, on disk when this returns. Raises `StoreError`."""
    with writing(path):
        write_checksummed(path, record)


def entries(folder: Path) -> list[Path]:
    """What `folder` holds, by name, without files that are being written; empty where it is absent.

    Raises `StoreError`.
    """
    with reading(folder):
        try:
            return sorted(path for path in folder.iterdir() if not path.name.startswith(TEMPORARY))
        except FileNotFoundError:
            return []


def read_each(paths: Iterable[Path], read: Callable[[Path], T]) -> Iterator[T | Damaged]:
    """What `read` returns for each path, or the damage that it finds; files that vanish are left out."""
    for path in paths:
        try:
            yield read(path)
        except FileNotFoundError:
            continue
        except Damage as damage:
            yield Damaged(path, str(damage))
