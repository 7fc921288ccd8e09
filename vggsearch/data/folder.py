"""A user's own images, `folder:PATH`: one sub-folder per class, as in torchvision's `ImageFolder`.

`folder:PATH` resizes every image to the size of the first one, `folder:PATH@64` to 64×64. Where PATH holds
the two folders `train` and `test`, each with the same classes, they are the two parts. Otherwise a fixed
share of every class is held out as the test part, by the hash of each file's path within PATH: the same on
every machine, and without opening a file. The first training image says whether the set is grey or RGB.

A folder may come from a stranger: how much is listed and decoded is bounded, links to folders are not
followed, and names are printed only as far as they are harmless.
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

from vggsearch.data.catalog import DatasetInfo, Part
from vggsearch.data.picture import MAX_SIDE, decode, input_shape, shown
from vggsearch.data.raw import Labels, Pixels
from vggsearch.errors import DataError

PREFIX = "folder:"
TEST_SHARE = 0.15
MIN_CLASS = 3
"""Images of a class: one to train on, one to validate on, one to test on."""
MAX_IMAGES = 1_000_000
"""Files of other kinds included."""
MAX_CLASSES = 100_000
MAX_BYTES = 1 << 32
"""Of one part, decoded."""

_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


@dataclass(frozen=True, slots=True)
class FolderDataset:
    """The listing of a folder: which files, of which class, in which part. One image has been opened."""

    info: DatasetInfo
    root: Path
    classes: tuple[str, ...]
    train: tuple[tuple[Path, int], ...]
    """(path within root, class) of every image, ordered."""
    test: tuple[tuple[Path, int], ...]
    ignored: int
    """Files that are not images by their names; hidden ones are not counted."""

    def samples(self, part: Part) -> tuple[tuple[Path, int], ...]:
        """The images of one part."""
        return self.train if part == "train" else self.test


def list_folder(name: str) -> FolderDataset:
    """Read the folder that `folder:PATH` or `folder:PATH@SIDE` names; raises `DataError`."""
    text, side = _parse(name)
    root = root_of(name)
    names = _subfolders(root)
    if set(names) == {"train", "test"}:
        classes = _subfolders(root / "train")
        if classes != _subfolders(root / "test"):
            raise DataError(
                f"train and test have the same classes, in {shown(root)} they differ: make them the same"
            )
        train, skipped = _images(root, root / "train", classes)
        test, also_skipped = _images(root, root / "test", classes)
        ignored = skipped + also_skipped
    else:
        classes = names
        everything, ignored = _images(root, root, classes)
        train, test = _hold_out(everything)
    _check_sizes(root, classes, names, train, test)
    shape = input_shape(root / train[0][0], side)
    for part in (train, test):
        if len(part) * int(np.prod(shape)) > MAX_BYTES:
            raise DataError(
                f"the images of {shown(root)} take at most {MAX_BYTES} bytes, not {len(part)} of {shape}: "
                f"use a smaller side, as in {PREFIX}{shown(text)}@64"
            )
    info = DatasetInfo(name, shape, len(classes), len(train), len(test), str(root))
    return FolderDataset(info, root, classes, train, test, ignored)


def read_folder(folder: FolderDataset, part: Part) -> tuple[Pixels, Labels]:
    """Decode one part; raises `DataError` that names the first image that cannot be used."""
    samples = folder.samples(part)
    shape = folder.info.input_shape
    images = np.empty((len(samples), *shape), dtype=np.uint8)
    for image, (path, _) in zip(images, samples, strict=True):
        image[:] = decode(folder.root / path, shape)
    return images, np.array([label for _, label in samples], dtype=np.int64)


def root_of(name: str) -> Path:
    """The folder that `folder:PATH` or `folder:PATH@SIDE` names, absolute; raises `DataError`."""
    root = Path(_parse(name)[0])
    try:
        root = root.expanduser().resolve()
        found = root.is_dir()
    except (OSError, RuntimeError, ValueError):  # too long, links in a circle, nobody's ~, half a character
        found = False
    if not found:
        raise DataError(
            f"folder:PATH names a folder of images, {shown(str(root)[:300])} is none: give a folder that "
            "exists"
        )
    return root


def _parse(name: str) -> tuple[str, int | None]:
    match = re.fullmatch(rf"{PREFIX}(.+?)(?:@([0-9]{{1,9}}))?", name, re.DOTALL)
    if match is None or "\0" in name:
        raise DataError(
            f"a folder of images is folder:PATH or folder:PATH@SIDE, not {name[:60]!r}: give its path"
        )
    side = int(match[2]) if match[2] else None
    if side is not None and not 1 <= side <= MAX_SIDE:
        raise DataError(
            f"images have sides of 1 to {MAX_SIDE} pixels, not {side}: write {PREFIX}PATH@64, for example"
        )
    return match[1], side


def _subfolders(folder: Path) -> tuple[str, ...]:
    found: list[str] = []
    for path in islice(_entries(folder), MAX_IMAGES):
        if not _hidden(path.name) and path.is_dir():
            if path.is_symlink():
                raise DataError(
                    f"a class is a folder of its own, {shown(path)} is a link: put the images "
                    "there, or remove it"
                )
            found.append(path.name)
    if len(found) > MAX_CLASSES:
        raise DataError(f"a folder holds at most {MAX_CLASSES} classes, {shown(folder)} more: use fewer")
    return tuple(sorted(found))


def _entries(folder: Path) -> Iterator[Path]:
    """What is in a folder, one by one: there may be more than memory holds."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                yield Path(entry.path)
    except OSError as error:
        raise DataError(
            f"a folder of images can be read, {shown(folder)} cannot ({error.strerror}): mend it"
        ) from None


def _hidden(name: str) -> bool:
    """Left behind by other programs: `.git`, `.DS_Store`, `__MACOSX`."""
    return name.startswith((".", "__"))


def _images(root: Path, folder: Path, classes: tuple[str, ...]) -> tuple[tuple[tuple[Path, int], ...], int]:
    """Every image below the class folders of `folder`, and how many other files are there."""
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
                    f"a folder holds at most {MAX_IMAGES} images, {shown(root)} holds more: use fewer"
                )
        samples += [(path, label) for path in sorted(images)]
    return tuple(samples), ignored


def _files(folder: Path) -> Iterator[Path]:
    """Every file below `folder` that is not hidden; not behind links to folders."""
    folders = [folder]
    while folders:
        for path in _entries(folders.pop()):
            if _hidden(path.name):
                continue
            if path.is_file():
                yield path
            elif path.is_dir() and not path.is_symlink():
                folders.append(path)


def _hold_out(
    samples: tuple[tuple[Path, int], ...],
) -> tuple[tuple[tuple[Path, int], ...], tuple[tuple[Path, int], ...]]:
    """Training and test part: the test part has the `TEST_SHARE` of each class with the smallest hashes."""
    held_out: set[Path] = set()
    by_label: dict[int, list[Path]] = {}
    for path, label in samples:
        by_label.setdefault(label, []).append(path)
    for paths in by_label.values():
        paths.sort(
            key=lambda path: hashlib.sha256(path.as_posix().encode("utf-8", "surrogateescape")).digest()
        )
        held_out.update(paths[: max(1, round(TEST_SHARE * len(paths)))])
    return (
        tuple(sample for sample in samples if sample[0] not in held_out),
        tuple(sample for sample in samples if sample[0] in held_out),
    )


def _check_sizes(
    root: Path,
    classes: tuple[str, ...],
    names: tuple[str, ...],
    train: tuple[tuple[Path, int], ...],
    test: tuple[tuple[Path, int], ...],
) -> None:
    if "train" in names and set(names) != {"train", "test"}:
        raise DataError(
            f"a folder with a train folder has a test folder and no other, {shown(root)} has "
            f"{', '.join(map(shown, names[:5]))}: validation images are split off train"
        )
    if len(classes) < 2:
        raise DataError(
            f"a folder of images has one sub-folder per class and at least 2, {shown(root)} has "
            f"{len(classes)}: sort the images into one folder per class"
        )
    counts = Counter(label for _, label in (*train, *test))
    for label, name in enumerate(classes):
        if counts[label] < MIN_CLASS:
            raise DataError(
                f"a class has at least {MIN_CLASS} images, {shown(name)} in {shown(root)} has "
                f"{counts[label]}: add images, or remove the folder"
            )
