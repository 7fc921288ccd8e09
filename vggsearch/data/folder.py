"""A user's own images, `folder:PATH`: one sub-folder per class, as in torchvision's `ImageFolder`.

`folder:PATH` resizes every image to the size of the first one, `folder:PATH@64` to 64×64. If PATH holds the
two folders `train` and `test`, with the same classes, they are the two parts. Otherwise a fixed share of
every class is held out as the test part, chosen by the hash of each file's path within PATH: the same on
every machine, without opening a file. All images are grey or RGB, as the first training image is.

A folder is untrusted input: the number of files and decoded bytes is limited, links to folders are not
followed, and names are escaped in messages.
"""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from vggsearch.data.catalog import PARTS, DatasetInfo, Part
from vggsearch.data.formats import Labels, Pixels
from vggsearch.data.image_files import MAX_SIDE, decode, input_shape, printable
from vggsearch.errors import DataError

PREFIX = "folder:"
TEST_SHARE = 0.15
MIN_CLASS = 3
"""Fewest images of a class: one each for training, validation and test."""
MAX_IMAGES = 1_000_000
"""Most files of a folder, other kinds of files included."""
MAX_CLASSES = 100_000
MAX_BYTES = 1 << 32
"""Most bytes of one part once decoded."""

_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")

Samples = tuple[tuple[Path, int], ...]
"""(path within the root folder, class) of images, in order."""


@dataclass(frozen=True, slots=True)
class FolderDataset:
    """The listing of a folder: its files, their classes and parts. One image has been opened."""

    info: DatasetInfo
    root: Path
    classes: tuple[str, ...]
    train: Samples
    test: Samples
    ignored: int
    """Number of files whose suffix is not that of an image, without hidden files."""

    def samples(self, part: Part) -> Samples:
        """Return the images of one part."""
        return self.train if part == "train" else self.test


def list_folder(name: str) -> FolderDataset:
    """List the folder that `folder:PATH` or `folder:PATH@SIDE` names. Raises `DataError`."""
    text, side = _parse(name)
    root = root_of(name)
    names = _subfolders(root)
    if set(names) == {"train", "test"}:
        classes = _subfolders(root / "train")
        if classes != _subfolders(root / "test"):
            raise DataError(
                f"train and test must have the same classes, and in {printable(root)} they differ: "
                "make them the same"
            )
        (train, ignored), (test, more) = (_images(root, root / part, classes) for part in PARTS)
        ignored += more
    else:
        classes = names
        samples, ignored = _images(root, root, classes)
        train, test = _hold_out(samples)
    _check_sizes(root, classes, names, train, test)
    shape = input_shape(root / train[0][0], side)
    for part in (train, test):
        if len(part) * int(np.prod(shape)) > MAX_BYTES:
            raise DataError(
                f"a part must take at most {MAX_BYTES} bytes, and one of {printable(root)} has "
                f"{len(part)} images of {shape}: use a smaller side, as in {PREFIX}{printable(text)}@64"
            )
    info = DatasetInfo(name, shape, len(classes), len(train), len(test), str(root))
    return FolderDataset(info, root, classes, train, test, ignored)


def read_folder(folder: FolderDataset, part: Part) -> tuple[Pixels, Labels]:
    """Decode one part. Raises `DataError`, which names the first image that cannot be used."""
    samples = folder.samples(part)
    shape = folder.info.input_shape
    images = np.empty((len(samples), *shape), dtype=np.uint8)
    for image, (path, _) in zip(images, samples, strict=True):
        image[:] = decode(folder.root / path, shape)
    return images, np.array([label for _, label in samples], dtype=np.int64)


def root_of(name: str) -> Path:
    """Return the folder that `folder:PATH` or `folder:PATH@SIDE` names, absolute. Raises `DataError`."""
    root = Path(_parse(name)[0])
    try:
        root = root.expanduser().resolve()
        found = root.is_dir()
    except (OSError, RuntimeError, ValueError):  # too long, circular links, unknown user, surrogates
        found = False
    if not found:
        raise DataError(
            f"folder:PATH must name a folder of images, and {printable(str(root)[:300])} is none: "
            "give a folder that exists"
        )
    return root


def _parse(name: str) -> tuple[str, int | None]:
    match = re.fullmatch(rf"{PREFIX}(.+?)(?:@([0-9]{{1,9}}))?", name, re.DOTALL)
    if match is None or "\0" in name:
        raise DataError(
            f"a folder of images must be given as folder:PATH or folder:PATH@SIDE, not {name[:60]!r}: "
            "give its path"
        )
    side = int(match[2]) if match[2] else None
    if side is not None and not 1 <= side <= MAX_SIDE:
        raise DataError(
            f"the sides of images must be 1 to {MAX_SIDE} pixels, not {side}: "
            f"use {PREFIX}PATH@64, for example"
        )
    return match[1], side


def _subfolders(folder: Path) -> tuple[str, ...]:
    found: list[str] = []
    for path in islice(_entries(folder), MAX_IMAGES):
        if not _hidden(path.name) and path.is_dir():
            if path.is_symlink():
                raise DataError(
                    f"every class must be a real folder, and {printable(path)} is a link: "
                    "put the images there, or remove it"
                )
            found.append(path.name)
    if len(found) > MAX_CLASSES:
        raise DataError(
            f"a folder must hold at most {MAX_CLASSES} classes, and {printable(folder)} holds more: use fewer"
        )
    return tuple(sorted(found))


def _entries(folder: Path) -> Iterator[Path]:
    """Yield the entries of a folder one by one: there may be too many for memory."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                yield Path(entry.path)
    except OSError as error:
        raise DataError(
            f"a folder of images must be readable, and {printable(folder)} is not ({error.strerror}): "
            "change its permissions"
        ) from None


def _hidden(name: str) -> bool:
    """Whether a name is one of other programs' files, such as `.git`, `.DS_Store`, `__MACOSX`."""
    return name.startswith((".", "__"))


def _images(root: Path, folder: Path, classes: tuple[str, ...]) -> tuple[Samples, int]:
    """Return all images below the class folders of `folder`, and the number of other files."""
    samples: list[tuple[Path, int]] = []
    ignored = 0
    for label, name in enumerate(classes):
        images: list[Path] = []
        for path in _files(folder / name):
            if path.suffix.lower() in _SUFFIXES:
                images.append(path.relative_to(root))
            else:
                ignored += 1
            if len(samples) + len(images) + ignored > MAX_IMAGES:
                raise DataError(
                    f"a folder must hold at most {MAX_IMAGES} images, and {printable(root)} holds more: "
                    "use fewer"
                )
        samples += [(path, label) for path in sorted(images)]
    return tuple(samples), ignored


def _files(folder: Path) -> Iterator[Path]:
    """Yield every file below `folder` that is not hidden, without following links to folders."""
    folders = [folder]
    while folders:
        for path in _entries(folders.pop()):
            if _hidden(path.name):
                continue
            if path.is_file():
                yield path
            elif path.is_dir() and not path.is_symlink():
                folders.append(path)


def _hold_out(samples: Samples) -> tuple[Samples, Samples]:
    """Return training and test part. The images of a class with the smallest hashes are for the test."""
    held_out: set[Path] = set()
    sizes = Counter(label for _, label in samples)
    left = {label: max(1, round(TEST_SHARE * size)) for label, size in sizes.items()}
    for path, label in sorted(samples, key=lambda sample: _hash(sample[0])):
        if left[label]:
            held_out.add(path)
            left[label] -= 1
    train, test = ([s for s in samples if (s[0] in held_out) is is_test] for is_test in (False, True))
    return tuple(train), tuple(test)


def _hash(path: Path) -> bytes:
    return hashlib.sha256(path.as_posix().encode("utf-8", "surrogateescape")).digest()


def _check_sizes(
    root: Path, classes: tuple[str, ...], names: tuple[str, ...], train: Samples, test: Samples
) -> None:
    if "train" in names and set(names) != {"train", "test"}:
        raise DataError(
            f"beside a folder train there must be a folder test and no other, and {printable(root)} has "
            f"{', '.join(map(printable, names[:5]))}: have only these two; validation "
            "images are split off train"
        )
    if len(classes) < 2:
        raise DataError(
            "a folder of images must have one sub-folder per class and at least 2, and "
            f"{printable(root)} has {len(classes)}: sort the images into one folder per class"
        )
    counts = Counter(label for _, label in (*train, *test))
    for label, name in enumerate(classes):
        if counts[label] < MIN_CLASS:
            raise DataError(
                f"a class must have at least {MIN_CLASS} images, and {printable(name)} in {printable(root)} "
                f"has {counts[label]}: add images, or remove the folder"
            )
