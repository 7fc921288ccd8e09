"""JSON files with a checksum: written whole or not at all, and damage to them is found.

The bytes on disk are one JSON object, `{"sha256":"…","record":…}` and a newline; the checksum is that of the
record's own bytes, so a bit flip, a truncation and an empty file are all found.
"""

import contextlib
import hashlib
import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from vggsearch.system import O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK

_HEAD = b'{"sha256":"'
_MIDDLE = b'","record":'
_TAIL = b"}\n"
_BODY = len(_HEAD) + 64 + len(_MIDDLE)

TEMPORARY = ".tmp-"
"""Begins the name of a file that is still being written, or was when its writer died."""


class Damage(ValueError):  # noqa: N818 - callers count and report it
    """Why a file does not hold what it should, in words."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """A file that cannot be used, and what is wrong with it."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def add_checksum(record: bytes) -> bytes:
    """The bytes of a file that holds `record`, which is JSON, and its checksum."""
    return _HEAD + hashlib.sha256(record).hexdigest().encode() + _MIDDLE + record + _TAIL


def verify_checksum(data: bytes) -> bytes:
    """The record in the bytes of such a file; raises `Damage` where a byte is missing or changed."""
    if not data:
        raise Damage("empty")
    whole = data.startswith(_HEAD) and data[_BODY - len(_MIDDLE) : _BODY] == _MIDDLE and data.endswith(_TAIL)
    if not whole:
        raise Damage("cut short, or not a record with its checksum")
    record = data[_BODY : -len(_TAIL)]
    if hashlib.sha256(record).hexdigest().encode() != data[len(_HEAD) : len(_HEAD) + 64]:
        raise Damage("its checksum does not match its content")
    return record


def read_checksummed(path: Path, limit: int) -> bytes:
    """The record in a file of at most `limit` bytes; raises FileNotFoundError and `Damage`."""
    return verify_checksum(read_bounded(path, limit))


def write_checksummed(path: Path, record: bytes) -> None:
    """Write `record`, which is JSON, and its checksum to `path`; see `write_atomically`."""
    write_atomically(path, add_checksum(record))


def read_bounded(path: Path, limit: int, *, follow: bool = False) -> bytes:
    """The content of a regular file of at most `limit` bytes.

    Raises FileNotFoundError where there is none, and `Damage` where it is larger, cannot be read, or
    is a folder, a pipe, a device or, unless `follow`, a link.
    """
    try:
        with open_bounded(path, limit, follow=follow) as file:
            return file.read(min(limit, os.fstat(file.fileno()).st_size))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Damage(f"cannot be read: {error.strerror}") from error


def open_bounded(path: Path, limit: int, *, follow: bool = False) -> io.BufferedReader:
    """The same file, open for reading. Raises OSError where it cannot be opened, and `Damage`."""
    # O_NONBLOCK: opening a pipe does not wait for its writer.
    flags = os.O_RDONLY | O_NONBLOCK | O_CLOEXEC | (0 if follow else O_NOFOLLOW)
    handle = os.open(path, flags)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise Damage("not a regular file")
        if found.st_size > limit:
            raise Damage(f"{found.st_size} bytes, more than {limit}")
        return os.fdopen(handle, "rb")
    except (Damage, OSError):
        os.close(handle)
        raise


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader, after a crash too, sees the old file or the new one, whole.

    Temporary file in the same folder, fsync, replace, fsync of the folder. Folders are made as needed. Raises
    OSError, and then the old file is as it was.
    """
    make_folder(path.parent)
    temporary = path.parent / f"{TEMPORARY}{os.getpid()}-{path.name}"
    try:
        temporary.unlink(missing_ok=True)  # a killed writer's, or a link that somebody has put there
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | O_NOFOLLOW | O_CLOEXEC
        with os.fdopen(os.open(temporary, flags, 0o666), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105 - one call, named as the contract names it
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make `folder`, and those around it, on disk when this returns."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the entries of `folder` are on disk."""
    handle = os.open(folder, os.O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def temporary_files(folder: Path) -> list[Path]:
    """The files of `folder` itself that are being written, or were when their writer died. Raises OSError."""
    try:
        found = [path for path in folder.iterdir() if path.name.startswith(TEMPORARY)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(path for path in found if not path.is_dir())


def sweep(folder: Path) -> int:
    """Remove the temporary files of `folder` itself and count them; only for the folder's one writer.

    A folder that is a link is left alone.
    """
    left = [] if folder.is_symlink() else temporary_files(folder)
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)
