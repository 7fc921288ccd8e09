"""A user's own arrays, `arrays:PATH`: one safetensors file with the images and labels of each part.

    train_images  uint8 [N, C, H, W]      train_labels  int64 [N]
    val_images    the same, or absent     val_labels
    test_images   the same                test_labels

The header's metadata hold one key, `vggsearch`, with an `ArrayInfo` as JSON. A file may come from anyone:
its size, header, names, types and shapes are checked before a number is read, and its content afterwards.
"""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from vggsearch.data.catalog import PARTS, DatasetInfo, Part
from vggsearch.data.folder import MAX_BYTES, MAX_IMAGES
from vggsearch.data.formats import Labels, Pixels
from vggsearch.data.image_files import MAX_SIDE, printable
from vggsearch.data.layout import MAX_CLASSES, FolderPart
from vggsearch.data.locations import cache_dir
from vggsearch.data.prepared import blank, content_digest
from vggsearch.errors import DataError
from vggsearch.runs import Damage, Digest, first_error, open_bounded
from vggsearch.schema import Frozen

PREFIX = "arrays:"
MAX_CHANNELS = 16
VERSION: Final = 1

_MAX_HEADER_BYTES = 1 << 24
_MAX_FILE_BYTES = 2 * MAX_BYTES + 3 * 8 * MAX_IMAGES + _MAX_HEADER_BYTES
_METADATA = "vggsearch"
_CHUNK = 1024
"""Images that are read at once."""

Arrays = tuple[Pixels, Labels]
"""Images [N, C, H, W] and their labels [N]."""


class ArrayInfo(Frozen):
    """What an array file says of itself."""

    version: Literal[1] = VERSION
    classes: tuple[Annotated[str, Field(min_length=1, max_length=255)], ...] = Field(
        min_length=2, max_length=MAX_CLASSES
    )
    """Names, in the order of the labels."""
    held_out: bool
    """Whether the test part was held out of the images that were given."""
    digests: Mapping[Part, Annotated[Digest, Field(pattern=r"^[0-9a-f]{64}$")]]
    """`content_digest` of each part; validation images come last in the training part."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if len(set(self.classes)) < len(self.classes) or not "".join(self.classes).isprintable():
            raise ValueError("classes: names must differ and be printable")
        if set(self.digests) != set(PARTS):
            raise ValueError("digests: one of each part")
        return self


@dataclass(frozen=True, slots=True)
class ArrayFile:
    """An array file whose head was read and checked. No image has been read."""

    path: Path
    info: DatasetInfo
    about: ArrayInfo
    sizes: Mapping[FolderPart, int]
    """Images of each part; `val` is absent where validation images are split off the training images."""

    def tensors(self, part: Part) -> tuple[FolderPart, ...]:
        """Return the beginnings of the names of a part's tensors."""
        return ("train", "val") if part == "train" and "val" in self.sizes else (part,)


def list_array_file(name: str) -> ArrayFile:
    """Read the head of the file that `arrays:PATH` names. Raises `DataError`."""
    path = Path(name.removeprefix(PREFIX))
    try:
        path = path.expanduser().resolve()
        shapes, text = _head(path)
        about = ArrayInfo.model_validate_json(text)
        image, sizes = _check_shapes(shapes)
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(
            f"arrays:PATH must name an array file, and {printable(str(path)[:300])} is not there: make it "
            "again with vggsearch.dataset and the same images, as in the cell or script that made it"
        ) from None
    except ValidationError as error:
        raise damaged(path, first_error(error)) from error
    except OSError as error:
        raise damaged(path, error.strerror or "unreadable") from error
    except (SafetensorError, RuntimeError, ValueError) as error:  # circular links, unknown user; `Damage`
        raise damaged(path, str(error)) from error
    val = sizes.get("val")
    train, classes = sizes["train"] + (val or 0), len(about.classes)
    info = DatasetInfo(name, image, classes, train, sizes["test"], str(path), val)
    return ArrayFile(path, info, about, sizes)


def read_arrays(file: ArrayFile, part: Part) -> Arrays:
    """Read one part. Raises `DataError` where its content is not what the head says."""
    count = file.info.train_size if part == "train" else file.info.test_size
    images = blank((count, *file.info.input_shape))
    labels = read_labels(file, part)
    at = 0
    try:
        with safe_open(file.path, framework="numpy") as opened:
            for name in file.tensors(part):
                tensor, size = opened.get_slice(f"{name}_images"), file.sizes[name]
                for start in range(0, size, _CHUNK):
                    chunk = tensor[start : min(start + _CHUNK, size)]
                    images[at : at + len(chunk)] = chunk
                    at += len(chunk)
    except (OSError, SafetensorError, ValueError) as error:  # changed since its head was read
        raise damaged(file.path, str(error)) from error
    if content_digest(images, labels) != file.about.digests[part]:
        raise damaged(file.path, f"the {part} part is not the one that was written")
    return images, labels


def read_labels(file: ArrayFile, part: Part) -> Labels:
    """Read the labels of one part. Raises `DataError` unless each class has one in each part."""
    labels: list[Labels] = []
    try:
        with safe_open(file.path, framework="numpy") as opened:
            labels += [opened.get_tensor(f"{name}_labels") for name in file.tensors(part)]
    except (OSError, SafetensorError) as error:
        raise damaged(file.path, str(error)) from error
    every = np.arange(file.info.num_classes)
    if any(not np.array_equal(np.unique(some), every) for some in labels):
        raise damaged(file.path, f"a class must have a label in the {part} part, and a label its class")
    return np.concatenate(labels)


def write_arrays(
    parts: Mapping[FolderPart, Arrays], classes: Sequence[str], *, held_out: bool, title: str
) -> Path:
    """Write an array file into the cache, named by `title` and its content; return its path.

    Where a sound file of this content is there, it is left alone. Raises `DataError` where it cannot be
    written.
    """
    train = [parts["train"], *([parts["val"]] if "val" in parts else [])]
    digests: dict[Part, str] = {
        "train": content_digest(
            _joined([images for images, _ in train]), np.concatenate([labels for _, labels in train])
        ),
        "test": content_digest(*parts["test"]),
    }
    about = ArrayInfo(classes=tuple(classes), held_out=held_out, digests=digests)
    text = about.model_dump_json()
    sizes = {part: len(labels) for part, (_, labels) in parts.items()}
    digest = hashlib.sha256(f"{text} {sizes}".encode()).hexdigest()
    path = cache_dir() / "arrays" / f"{title}-{digest[:16]}.safetensors"
    if not _is_sound(path, about):
        tensors: dict[str, Pixels | Labels] = {}
        for part, (images, labels) in parts.items():
            tensors |= {f"{part}_images": np.ascontiguousarray(images), f"{part}_labels": labels}
        try:
            _save(path, tensors, text)
        except (OSError, SafetensorError) as error:
            raise DataError(
                f"images must be written to the cache, and {path.parent} cannot take them ({error}): make "
                "room there, or set XDG_CACHE_HOME to another folder"
            ) from error
    return path


def _joined(images: Sequence[Pixels]) -> Pixels:
    return np.concatenate(images) if len(images) > 1 else images[0]


def damaged(path: Path, reason: str) -> DataError:
    """The error for an array file that cannot be used for `reason`."""
    line = printable(" ".join(reason.split()))[:200]
    return DataError(
        f"{printable(str(path)[:300])} is no sound array file ({line}): make it again with vggsearch.dataset "
        "and the same images"
    )


def _head(path: Path) -> tuple[dict[str, tuple[str, list[int]]], str]:
    """Types and shapes of the tensors, and the metadata. Raises OSError, ValueError and SafetensorError."""
    with open_bounded(path, _MAX_FILE_BYTES) as file:
        if int.from_bytes(file.read(8), "little") > _MAX_HEADER_BYTES:
            raise Damage("its header is too long")
    with safe_open(path, framework="numpy") as opened:
        names = list(opened.keys())
        if len(names) > 6:
            raise Damage(f"{len(names)} tensors")
        slices = {name: opened.get_slice(name) for name in names}
        shapes = {name: (str(one.get_dtype()), list(one.get_shape())) for name, one in slices.items()}
        return shapes, str((opened.metadata() or {}).get(_METADATA, ""))


def _check_shapes(
    shapes: Mapping[str, tuple[str, list[int]]],
) -> tuple[tuple[int, int, int], dict[FolderPart, int]]:
    """Return the shape of an image and the size of each part; raises `Damage`."""
    known: tuple[FolderPart, ...] = ("train", "val", "test")
    parts = [part for part in known if f"{part}_images" in shapes]
    wanted = {f"{part}_{what}" for part in parts for what in ("images", "labels")}
    if wanted != set(shapes) or not {"train", "test"} <= set(parts):
        raise Damage("it must hold images and labels of a training part and a test part, and no more")
    images = {part: shapes[f"{part}_images"] for part in parts}
    kinds = {(kind, len(shape), tuple(shape[1:])) for kind, shape in images.values()}
    kind, axes, shape = next(iter(kinds))
    if len(kinds) != 1 or (kind, axes) != ("U8", 4):
        raise Damage("its images must be bytes [N, C, H, W] of one shape")
    channels, height, width = shape
    if not (1 <= channels <= MAX_CHANNELS and 1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise Damage(f"images are at most {MAX_CHANNELS}x{MAX_SIDE}x{MAX_SIDE}, and here {shape}")
    sizes = {part: images[part][1][0] for part in parts}
    for part, size in sizes.items():
        if shapes[f"{part}_labels"] != ("I64", [size]) or not 1 <= size <= MAX_IMAGES:
            raise Damage(f"its {part} part must have 1 to {MAX_IMAGES} images, and as many labels")
        if size * channels * height * width > MAX_BYTES:
            raise Damage(f"a part must take at most {MAX_BYTES} bytes")
    return (channels, height, width), sizes


def _is_sound(path: Path, about: ArrayInfo) -> bool:
    try:
        file = list_array_file(f"{PREFIX}{path}")
        for part in PARTS:
            read_arrays(file, part)
    except DataError:
        return False
    return file.about == about


def _save(path: Path, tensors: Mapping[str, Pixels | Labels], text: str) -> None:
    """Write a file so that no reader sees an incomplete one. Raises OSError and SafetensorError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        temporary = Path(file.name)
    try:
        save_file(dict(tensors), temporary, metadata={_METADATA: text})
        temporary.replace(path)
    except BaseException:  # a notebook's stop button, too
        temporary.unlink(missing_ok=True)
        raise
