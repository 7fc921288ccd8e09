"""A user's own images, `folder:PATH`: one sub-folder per class, as in torchvision's `ImageFolder`.

`folder:PATH` resizes every image to the size of the first one, `folder:PATH@64` to 64×64. Where PATH holds
the two folders `train` and `test`, each with the same classes, they are the two parts. Otherwise a fixed
share of every class is held out as the test part, by the hash of each file's path within PATH: the same on
every machine, and without opening a file. The first training image says whether the set is grey or RGB.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from vggsearch.data.catalog import DatasetInfo, Part
from vggsearch.data.raw import Labels, Pixels
from vggsearch.errors import DataError

PREFIX = "folder:"
TEST_SHARE = 0.15
MIN_CLASS = 3
"""Images of a class: one to train on, one to validate on, one to test on."""
MAX_IMAGES = 1_000_000
MAX_SIDE = 1024
MAX_BYTES = 1 << 32
"""Of one part, decoded."""

_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What is decoded, whatever the suffix says; Pillow's other formats start external programs or are rare."""
_GREY = ("1", "L", "LA")
_WIDE = ("I", "F")
"""First letters of Pillow's modes of more than eight bits a channel."""


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
    root = Path(text).expanduser().resolve()
    if not root.is_dir():
        raise DataError(f"folder:PATH names a folder of images, {root} is none: give a folder that exists")
    names = _subfolders(root)
    if set(names) == {"train", "test"}:
        classes = _subfolders(root / "train")
        if classes != _subfolders(root / "test"):
            raise DataError(
                f"train and test have the same classes, in {root} they differ: make them the same"
            )
        train, skipped = _images(root, root / "train", classes)
        test, also_skipped = _images(root, root / "test", classes)
        ignored = skipped + also_skipped
    else:
        classes = names
        everything, ignored = _images(root, root, classes)
        train, test = _hold_out(everything)
    _check_sizes(root, classes, names, train, test)
    shape = _input_shape(root / train[0][0], side)
    for part in (train, test):
        if len(part) * int(np.prod(shape)) > MAX_BYTES:
            raise DataError(
                f"the images of {root} take at most {MAX_BYTES} bytes, not {len(part)} of {shape}: "
                f"use a smaller side, as in {PREFIX}{text}@64"
            )
    info = DatasetInfo(name, shape, len(classes), len(train), len(test), str(root))
    return FolderDataset(info, root, classes, train, test, ignored)


def read_folder(folder: FolderDataset, part: Part) -> tuple[Pixels, Labels]:
    """Decode one part; raises `DataError` that names the first image that cannot be used."""
    samples = folder.samples(part)
    shape = folder.info.input_shape
    images = np.empty((len(samples), *shape), dtype=np.uint8)
    for image, (path, _) in zip(images, samples, strict=True):
        image[:] = _decode(folder.root / path, shape)
    return images, np.array([label for _, label in samples], dtype=np.int64)


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
    try:
        return tuple(
            sorted(path.name for path in folder.iterdir() if path.is_dir() and not _hidden(path.name))
        )
    except OSError as error:
        raise DataError(
            f"a folder of images can be read, {folder} cannot ({error.strerror}): mend it"
        ) from None


def _hidden(name: str) -> bool:
    """Left behind by other programs: `.git`, `.DS_Store`, `__MACOSX`."""
    return name.startswith((".", "__"))


def _images(root: Path, folder: Path, classes: tuple[str, ...]) -> tuple[tuple[tuple[Path, int], ...], int]:
    """Every image below the class folders of `folder`, and how many other files are there."""
    samples: list[tuple[Path, int]] = []
    ignored = 0
    for label, name in enumerate(classes):
        for path in sorted((folder / name).rglob("*")):
            inside = path.relative_to(root)
            if path.is_file() and not any(map(_hidden, inside.parts)):
                if path.suffix.lower() in _SUFFIXES:
                    samples.append((inside, label))
                else:
                    ignored += 1
        if len(samples) > MAX_IMAGES:
            raise DataError(f"a folder holds at most {MAX_IMAGES} images, {root} holds more: use fewer")
    return tuple(samples), ignored


def _hold_out(
    samples: tuple[tuple[Path, int], ...],
) -> tuple[tuple[tuple[Path, int], ...], tuple[tuple[Path, int], ...]]:
    """Training and test part: the test part has the `TEST_SHARE` of each class with the smallest hashes."""
    held_out: set[Path] = set()
    for label in {label for _, label in samples}:
        paths = sorted(
            (path for path, of in samples if of == label),
            key=lambda path: hashlib.sha256(path.as_posix().encode("utf-8", "surrogateescape")).digest(),
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
            f"a folder with a train folder has a test folder and no other, {root} has "
            f"{', '.join(names[:5])}: validation images are split off train"
        )
    if len(classes) < 2:
        raise DataError(
            f"a folder of images has one sub-folder per class and at least 2, {root} has {len(classes)}: "
            "sort the images into one folder per class"
        )
    for label, name in enumerate(classes):
        count = sum(of == label for _, of in train) + sum(of == label for _, of in test)
        if count < MIN_CLASS:
            raise DataError(
                f"a class has at least {MIN_CLASS} images, {name} in {root} has {count}: "
                "add images, or remove the folder"
            )


def _input_shape(first: Path, side: int | None) -> tuple[int, int, int]:
    with _opened(first) as image:
        channels = 1 if image.mode in _GREY else 3
        width, height = ImageOps.exif_transpose(image).size if side is None else (side, side)
    if max(height, width) > MAX_SIDE:
        raise DataError(
            f"images have sides of 1 to {MAX_SIDE} pixels, {first} is {width}x{height}: name a side, as in "
            f"{PREFIX}PATH@64"
        )
    return channels, height, width


def _decode(path: Path, shape: tuple[int, int, int]) -> Pixels:
    """One image as (C, H, W), bilinearly resized."""
    channels, height, width = shape
    with _opened(path) as opened:
        if opened.mode.startswith(_WIDE):
            raise DataError(
                f"images have 8 bits a channel, {path} has mode {opened.mode}: save it with 8 bits"
            )
        if channels == 1 and opened.mode not in _GREY:
            raise DataError(
                f"images are all grey where the first is, {path} has mode {opened.mode}: "
                "convert it, or all others"
            )
        try:
            image = ImageOps.exif_transpose(opened).convert("L" if channels == 1 else "RGB")
        except (OSError, SyntaxError, ValueError) as error:
            raise _unreadable(path, error) from None
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.uint8).reshape(height, width, channels).transpose(2, 0, 1)


def _opened(path: Path) -> Image.Image:
    """The image with its header read; Pillow itself refuses headers that promise too many pixels."""
    try:
        return Image.open(path, formats=_FORMATS)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = " ".join(str(error).split())[:100]
    return DataError(f"images can be decoded, {path} cannot ({reason}): replace or remove it")
