"""A user's own images, `folder:PATH`: one sub-folder per class, as in torchvision's `ImageFolder`.

`folder:PATH` resizes every image to the size of the first one, `folder:PATH@64` to 64×64. If PATH holds
parts (`layout.py`), they are the parts. Otherwise a fixed share of every class is held out as the test part,
chosen by the hash of each file's path within PATH: the same on every machine, without opening a file. All
images are grey or RGB: RGB if any training image is in colour.

A folder is untrusted input: the number of files and decoded bytes is limited, links to folders are not
followed, and names are escaped in messages.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vggsearch.data.catalog import DatasetInfo, Part
from vggsearch.data.formats import Labels, Pixels
from vggsearch.data.image_files import (
    MAX_SIDE,
    ImageFacts,
    UnreadableImageError,
    decode,
    first_size,
    is_colour,
    is_image,
    kind_of_file,
    printable,
)
from vggsearch.data.layout import FolderPart, Layout, composed, entries, is_hidden, listed, read_layout
from vggsearch.data.remembered import fingerprint, recall, remember
from vggsearch.data.source import Progress
from vggsearch.errors import DataError

PREFIX = "folder:"
TEST_SHARE = 0.15
MIN_CLASS = 3
"""Fewest images of a class: one each for training, validation and test."""
MAX_IMAGES = 1_000_000
"""Most files of a folder, other kinds of files included."""
MAX_BYTES = 1 << 32
"""Most bytes of one part once decoded."""

_SUFFIXES = (
    *(".apng", ".bmp", ".dib", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm"),
    *(".ppm", ".tif", ".tiff", ".webp"),
)
"""Files with these are images, or mistakes that are told. Others are images if their first bytes say so."""
_SHOWN = 10
"""So many files that cannot be read are named."""
_FEW = 1000
"""Of so many images the headers are read each time."""

Samples = tuple[tuple[Path, int], ...]
"""(path within the root folder, class) of images, in order."""


class UnreadableImagesError(DataError):
    """Images of a folder, or given one by one, that cannot be decoded, told in one line."""

    def __init__(self, root: Path | None, count: int, failures: Sequence[tuple[Path, str]]) -> None:
        named = ", ".join(f"{_short(path)} ({reason})" for path, reason in failures[:_SHOWN])
        more = f", and {len(failures) - _SHOWN} more" if len(failures) > _SHOWN else ""
        are = "is" if len(failures) == 1 else "are"
        where = "given" if root is None else f"in {printable(root)}"
        super().__init__(
            f"every image must be readable, and of {count} {where} {len(failures)} {are} not: "
            f"{named}{more}: replace or remove {'it' if len(failures) == 1 else 'them'}"
        )
        self.failures = tuple(failures)
        """(path within the root folder, reason) of each."""


@dataclass(frozen=True, slots=True)
class FolderDataset:
    """The listing of a folder: its files, their classes and parts. Few images have been opened."""

    info: DatasetInfo
    root: Path
    classes: tuple[str, ...]
    train: Samples
    """Without validation images that have a part of their own."""
    val: Samples
    """Empty where validation images are to be split off the training images."""
    test: Samples
    parts: Mapping[FolderPart, str]
    """Names of the parts' folders; empty where the test part is held out."""
    left_out: Mapping[str, int]
    """Numbers of files that are read as no image, without hidden ones, by reason."""

    @property
    def ignored(self) -> int:
        """Number of files that are left out."""
        return sum(self.left_out.values())

    def samples(self, part: Part) -> Samples:
        """Return the images of one part; validation images come last in the training part."""
        return (*self.train, *self.val) if part == "train" else self.test

    def files(self, part: Part) -> list[Path]:
        """Return the files of one part."""
        return [self.root / path for path, _ in self.samples(part)]


def list_folder(name: str) -> FolderDataset:
    """List the folder that `folder:PATH` or `folder:PATH@SIDE` names. Raises `DataError`."""
    text, side = _parse(name)
    root = root_of(name)
    layout = read_layout(root)
    left_out: Counter[str] = Counter()
    found = {part: _images(root, layout, part, left_out) for part in layout.folders}
    count_outside(layout.outside, left_out)
    if layout.parts:
        train, val, test = found["train"], found.get("val", ()), found["test"]
        _check_parts(root, layout, found)
    else:
        _check_counts(root, layout.classes, found["train"])
        train, test = _hold_out(found["train"])
        val = ()
    shape = _input_shape(root, (*train, *val), side)
    for samples in ((*train, *val), test):
        if len(samples) * int(np.prod(shape)) > MAX_BYTES:
            raise DataError(
                f"a part must take at most {MAX_BYTES} bytes, and one of {printable(root)} has "
                f"{len(samples)} images of {shape}: use a smaller side, as in {PREFIX}{printable(text)}@64"
            )
    given = len(val) if layout.parts and "val" in layout.parts else None
    count = len(train) + len(val)
    info = DatasetInfo(name, shape, len(layout.classes), count, len(test), str(root), given)
    return FolderDataset(info, root, layout.classes, train, val, test, layout.parts, dict(left_out))


def read_folder(
    folder: FolderDataset,
    part: Part,
    *,
    images: Pixels | None = None,
    observe: Callable[[ImageFacts], None] | None = None,
    progress: Progress | None = None,
) -> tuple[Pixels, Labels]:
    """Decode one part, into `images` if given. Raises `UnreadableImagesError`, which names all that fail.

    `observe` is told what each file held.
    """
    samples = folder.samples(part)
    shape = folder.info.input_shape
    if images is None:
        images = np.empty((len(samples), *shape), dtype=np.uint8)
    failures: list[tuple[Path, str]] = []
    for done, (image, (path, _)) in enumerate(zip(images, samples, strict=True), 1):
        try:
            image[:], facts = decode(folder.root / path, shape)
        except UnreadableImageError as error:
            failures.append((path, str(error)))
        else:
            if observe is not None:
                observe(facts)
        if progress is not None:
            progress(done, len(samples))
    if failures:
        raise UnreadableImagesError(folder.root, len(samples), failures)
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


def _images(root: Path, layout: Layout, part: FolderPart, left_out: Counter[str]) -> Samples:
    """Return all images of one part; other files are counted in `left_out`."""
    samples: list[tuple[Path, int]] = []
    for label, folder in enumerate(layout.folders[part]):
        images = images_below(folder, left_out)
        if len(samples) + len(images) + left_out.total() > MAX_IMAGES:
            raise _too_many(root)
        samples += [(path.relative_to(root), label) for path in images]
    return tuple(samples)


def images_below(folder: Path, left_out: Counter[str]) -> list[Path]:
    """Return all images in a folder and its sub-folders, in order; other files are counted in `left_out`.

    Files with an image's suffix are among them, whatever they hold. Raises `DataError` for too many files.
    """
    images: list[Path] = []
    for path in _files(folder, left_out):
        if path.suffix.lower() in _SUFFIXES or is_image(path):
            images.append(path)
        else:
            left_out[_why_not(path)] += 1
        if len(images) + left_out.total() > MAX_IMAGES:
            raise _too_many(folder)
    return sorted(images, key=lambda path: _in_order(path.relative_to(folder)))


def _too_many(root: Path) -> DataError:
    return DataError(
        f"a folder must hold at most {MAX_IMAGES} images, and {printable(root)} holds more: use fewer"
    )


def _files(folder: Path, left_out: Counter[str]) -> Iterator[Path]:
    """Yield every file below `folder` that is not hidden, without following links to folders."""
    folders = [folder]
    while folders:
        for path in entries(folders.pop()):
            if is_hidden(path.name):
                continue
            if path.is_file():
                yield path
            elif path.is_dir() and not path.is_symlink():
                folders.append(path)
            else:
                left_out["links to folders, broken links and devices"] += 1


def count_outside(outside: Sequence[Path], left_out: Counter[str]) -> None:
    """Count the files that lie in folders `outside`, beside the class folders."""
    for folder in outside:
        for path in entries(folder):
            if path.is_file() and not is_hidden(path.name):
                image = path.suffix.lower() in _SUFFIXES
                left_out["images outside the class folders" if image else _why_not(path)] += 1
                if left_out.total() > MAX_IMAGES:
                    return


def _why_not(path: Path) -> str:
    suffix = path.suffix.lower()
    kind = kind_of_file(path)
    kind = kind if len(suffix) > 8 or not suffix.isprintable() else f"{suffix} {kind}".strip()
    return f"not images ({kind})"


def _in_order(path: Path) -> tuple[str, ...]:
    return tuple(map(composed, path.parts))


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
    return hashlib.sha256(composed(path.as_posix()).encode("utf-8", "surrogateescape")).digest()


def _check_counts(root: Path, classes: Sequence[str], samples: Samples) -> None:
    counts = Counter(label for _, label in samples)
    few = [(name, counts[label]) for label, name in enumerate(classes) if counts[label] < MIN_CLASS]
    if few:
        has = few[0][1] if len(few) == 1 else "fewer"
        raise DataError(
            f"a class must have at least {MIN_CLASS} images, and {listed(name for name, _ in few)} in "
            f"{printable(root)} {'has' if len(few) == 1 else 'have'} {has}: add images, or remove the "
            f"folder{'' if len(few) == 1 else 's'}"
        )


def _check_parts(root: Path, layout: Layout, found: Mapping[FolderPart, Samples]) -> None:
    """Every class needs an image in every part; the training part two, if validation images come from it."""
    for part, samples in found.items():
        counts = Counter(label for _, label in samples)
        least = 2 if part == "train" and "val" not in found else 1
        few = [name for label, name in enumerate(layout.classes) if counts[label] < least]
        if few:
            images = "2 images (one is for validation)" if least == 2 else "an image"
            raise DataError(
                f"every class must have {images} in {printable(layout.parts[part])}, and {listed(few)} in "
                f"{printable(root)} {'has' if len(few) == 1 else 'have'} not: add images, or remove the "
                "class from every part"
            )


def _input_shape(root: Path, samples: Samples, side: int | None) -> tuple[int, int, int]:
    """Return (C, H, W): the size of the first image that can be read, in colour if any image is."""
    files = [root / path for path, _ in samples]
    reason = ""
    for at, path in enumerate(files):
        try:
            width, height, colour = first_size(path)
        except UnreadableImageError as error:
            reason = reason or str(error)
            continue
        if side is not None:
            width = height = side
        if max(height, width) > MAX_SIDE:
            raise DataError(
                f"the sides of images must be 1 to {MAX_SIDE} pixels, and {printable(path)} is "
                f"{width}x{height}: give a side, as in folder:PATH@64"
            )
        return 3 if colour or _any_colour(root, files[at + 1 :]) else 1, height, width
    raise UnreadableImagesError(root, len(samples), [(path, reason) for path, _ in samples])


def _any_colour(root: Path, files: Sequence[Path]) -> bool:
    """Whether any image is in colour. What the headers of many images said is remembered."""
    state = fingerprint("colour", files) if len(files) > _FEW else None
    known = None if state is None else recall("colour", str(root), state)
    if isinstance(known, bool):
        return known
    found = any(map(_is_colour, files))
    if state is not None:
        remember("colour", str(root), state, found)
    return found


def _is_colour(path: Path) -> bool:
    try:
        return is_colour(path)
    except UnreadableImageError:
        return False  # it is named when all are decoded


def _short(path: Path) -> str:
    text = printable(path)
    return text if len(text) <= 60 else "…" + text[-59:]
