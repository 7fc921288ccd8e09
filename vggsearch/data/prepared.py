"""Prepared parts: the arrays of a part as `.npy` files in the cache, which load quickly.

A prepared part is used if its source files have kept their sizes and modification times and its content
matches its digest. Otherwise it is made again from the source files. If the cache cannot be written, the
source files are read each time.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from vggsearch.data.formats import Labels, Pixels
from vggsearch.data.locations import cache_dir
from vggsearch.text import Json

_REVISION = 2
"""Increased when the same files are to be read differently."""

_MOST_IN_MEMORY = 1 << 28
"""A part of more bytes is decoded into a file."""

_CHUNK = 1024
"""Images whose pixels are counted at once; numpy needs eight bytes per pixel."""


@dataclass(frozen=True, slots=True, eq=False)
class PreparedPart:
    """One part of a data set, in memory or memory-mapped read-only."""

    images: Pixels
    labels: Labels
    mean: tuple[float, ...]
    """Mean of each channel over all images, with pixels from 0 to 1; `std` likewise."""
    std: tuple[float, ...]
    digest: str
    """SHA-256 of the shape and of the SHA-256s of pixels and labels (little-endian int64)."""
    facts: Mapping[str, Json] = field(default_factory=dict)
    """What the reader told of the files."""


def prepared_part(
    identity: str,
    files: Iterable[Path],
    read: Callable[[], tuple[Pixels, Labels]],
    facts: Callable[[], Mapping[str, Json]] = dict,
) -> PreparedPart:
    """Return a part from the cache if it is there and up to date, else make it: `read` reads it from `files`.

    `identity` is a text that identifies the part, its data set and how it is read. A part prepared under the
    same identity from other files is replaced. `facts`, called after `read`, returns what is kept beside the
    arrays.
    """
    folder = cache_dir() / "prepared" / _sha256(identity)[:16]
    fingerprint = _fingerprint(identity, files)
    part = _load(folder, fingerprint)
    if part is None:
        images, labels = read()
        part = PreparedPart(images, labels, *_moments(images), content_digest(images, labels), facts())
        with contextlib.suppress(OSError):
            _save(part, folder, fingerprint)
    return part


def blank(shape: tuple[int, ...]) -> Pixels:
    """Return an array for the pixels of a part: in memory, or in a file without a name if it is large."""
    size = int(np.prod(shape))
    if size > _MOST_IN_MEMORY and hasattr(os, "posix_fallocate"):
        with contextlib.suppress(OSError):
            cache_dir().mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=cache_dir()) as file:
                os.posix_fallocate(file.fileno(), 0, size)  # writing to a map on a full disk would kill us
                return np.memmap(file, dtype=np.uint8, mode="r+", shape=shape)
    return np.empty(shape, dtype=np.uint8)


def _fingerprint(identity: str, files: Iterable[Path]) -> str:
    states = ((path, path.stat()) for path in files)
    fields = [f"\0{path}\0{stat.st_size}\0{stat.st_mtime_ns}" for path, stat in states]
    return _sha256("".join([f"{_REVISION}\0{identity}", *fields]))[:32]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _load(folder: Path, fingerprint: str) -> PreparedPart | None:
    """Load a saved part; None if it is absent or damaged."""
    try:
        summary = json.loads((folder / f"{fingerprint}.json").read_text())
        images = np.load(folder / f"{fingerprint}.images.npy", mmap_mode="r", allow_pickle=False)
        labels = np.load(folder / f"{fingerprint}.labels.npy", allow_pickle=False)
        part = PreparedPart(
            images, labels, tuple(summary["mean"]), tuple(summary["std"]), summary["digest"], summary["facts"]
        )
        return part if content_digest(images, labels) == part.digest else None
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        return None


def _save(part: PreparedPart, folder: Path, fingerprint: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    summary = {"digest": part.digest, "mean": part.mean, "std": part.std, "facts": part.facts}
    _write(folder / f"{fingerprint}.images.npy", lambda file: np.save(file, part.images, allow_pickle=False))
    _write(folder / f"{fingerprint}.labels.npy", lambda file: np.save(file, part.labels, allow_pickle=False))
    _write(folder / f"{fingerprint}.json", lambda file: file.write(json.dumps(summary).encode()))
    for old in folder.iterdir():
        # Unfinished files may belong to another process that is preparing the same part.
        if not old.name.startswith(fingerprint) and old.suffix != ".part":
            old.unlink(missing_ok=True)


def _write(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file so that no reader sees an incomplete one."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        try:
            write(file.file)
        except OSError:
            Path(file.name).unlink()
            raise
    Path(file.name).replace(path)


def content_digest(images: Pixels, labels: Labels) -> str:
    """Return the SHA-256 of the shape and of the SHA-256s of pixels and labels (little-endian int64)."""
    pixels = hashlib.sha256(np.ascontiguousarray(images).data).hexdigest()
    classes = hashlib.sha256(np.ascontiguousarray(labels, dtype="<i8").data).hexdigest()
    return hashlib.sha256(f"{images.shape} {pixels} {classes}".encode()).hexdigest()


def _moments(images: Pixels) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel, exactly, from the counts of the 256 values."""
    counts: npt.NDArray[np.int64] = np.zeros((images.shape[1], 256), dtype=np.int64)
    for start in range(0, len(images), _CHUNK):
        for channel, pixels in enumerate(images[start : start + _CHUNK].swapaxes(0, 1)):
            counts[channel] += np.bincount(pixels.reshape(-1), minlength=256)
    share = counts / counts.sum(axis=1, keepdims=True)
    values = np.arange(256) / 255
    mean = share @ values
    std = np.sqrt(np.sum(share * (values - mean[:, None]) ** 2, axis=1))
    return tuple(mean.tolist()), tuple(std.tolist())
