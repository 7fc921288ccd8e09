"""What a person passes from Python, as bytes [N, C, H, W] and labels: arrays, tensors, data sets.

No library is imported for what it may pass: a torch tensor is known by its methods, a torch `Dataset` by its
length and items, a Hugging Face `Dataset` by its `features`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, Protocol, Self, cast, runtime_checkable

import numpy as np
import numpy.typing as npt
from PIL import Image

from vggsearch.data.array_file import MAX_CHANNELS
from vggsearch.data.folder import MAX_BYTES, MAX_IMAGES
from vggsearch.data.formats import Pixels
from vggsearch.data.image_files import MAX_SIDE
from vggsearch.errors import DataError
from vggsearch.text import shown

Axes = Literal["NCHW", "NHWC"]
"""Order of the axes of images in four dimensions: channels first, or last."""

Array = npt.NDArray[np.generic]
GivenLabels = npt.NDArray[np.int64] | npt.NDArray[np.str_]

_CHUNK = 1024
_MODES = ("L", "RGB")


@dataclass(frozen=True, slots=True, eq=False)
class GivenPart:
    """The images of one part, as they were given."""

    images: Pixels
    """[N, C, H, W]"""
    labels: GivenLabels
    """[N]: numbers, or names of classes."""
    classes: tuple[str, ...] | None
    """Names of the classes where the data set knows them."""


@runtime_checkable
class _Tensor(Protocol):
    def detach(self) -> Self: ...
    def cpu(self) -> Self: ...
    def numpy(self) -> Array: ...


@runtime_checkable
class _Items(Protocol):
    """A torch `Dataset` with items (image, label)."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> object: ...


@runtime_checkable
class _Table(Protocol):
    """A Hugging Face `Dataset`: its rows are mappings by the names of its columns."""

    features: Mapping[str, object]

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Mapping[str, object]: ...


def given_part(images: object, labels: object, axes: Axes | None) -> GivenPart:
    """Read a part: images and labels, or a data set and None. Raises `DataError`."""
    if labels is not None:
        return _checked(pixels_of(images, axes), _labels_of(labels), None)
    match images:
        case tuple() if len(images) == 2:
            return given_part(*images, axes)
        case Mapping():
            names = ", ".join(map(str, list(images)[:5]))
            raise DataError(
                f"one part is passed at a time, not a mapping of {names}: pass data['train'], and "
                "test=data['test']"
            )
        case _Table() if isinstance(images.features, Mapping):
            return _from_table(images, axes)
        case np.ndarray() | _Tensor() | list() | tuple() | str():
            pass
        case _Items():
            return _from_items(images, axes)
    raise DataError(
        f"images must come with labels, or be a Dataset of known length, not {_kind(images)}: pass "
        "(images, labels)"
    )


def pixels_of(images: object, axes: Axes | None) -> Pixels:
    """Return images as bytes [N, C, H, W]; raises `DataError` where their axes or values are not clear."""
    if isinstance(images, list | tuple) and images and isinstance(images[0], Image.Image):
        return _stacked(images, axes)
    if isinstance(images, list | tuple) and images and isinstance(images[0], np.ndarray | _Tensor):
        return _stacked(images, axes)
    array = _array(images)
    if array.ndim not in (3, 4):
        raise DataError(
            f"images must be an array [N, H, W], [N, H, W, C] or [N, C, H, W], not of shape {array.shape}: "
            "reshape it"
        )
    _check_size(len(array), array.size)
    return _channels_first(_bytes(array), axes)


def _from_items(dataset: _Items, axes: Axes | None) -> GivenPart:
    count = len(dataset)
    labels: list[object] = []
    if count:
        first, again = (_array(_pair(dataset[0])[0]) for _ in range(2))
        if not np.array_equal(first, again):
            raise DataError(
                "a Dataset must give the same image each time, and the first one differs: remove random "
                "transforms from it; the recipe augments"
            )

    def items() -> Iterator[object]:
        for i in range(count):
            image, label = _pair(dataset[i])
            labels.append(label.detach().cpu().numpy()[()] if isinstance(label, _Tensor) else label)
            yield image

    images = _stacked(items(), axes)
    names = getattr(dataset, "classes", None)
    known = isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
    return _checked(images, _labels_of(labels), tuple(names) if known and names else None)


def _from_table(table: _Table, axes: Axes | None) -> GivenPart:
    image, label = _column(table, "Image", "image"), _column(table, "ClassLabel", "label")
    labels: list[object] = []

    def images() -> Iterator[object]:
        for i in range(len(table)):
            row = table[i]
            labels.append(row[label])
            yield row[image]

    pixels = _stacked(images(), axes)
    names = getattr(table.features[label], "names", None)
    return _checked(pixels, _labels_of(labels), tuple(map(str, names)) if names else None)


def _column(table: _Table, kind: str, name: str) -> str:
    """The one column whose feature is of a kind, or else the one of that name."""
    of_kind = [column for column, feature in table.features.items() if type(feature).__name__ == kind]
    usual = {"image": ("image", "img"), "label": ("label", "labels")}[name]
    named = [column for column in usual if column in table.features]
    found = of_kind if len(of_kind) == 1 else [one for one in named if one in (of_kind or named)]
    if not found:
        columns = ", ".join(map(str, list(table.features)[:10]))
        raise DataError(
            f"a Dataset must have one column of {name}s, and has {shown(columns)}: name it {name} with "
            f"rename_column, or pass (images, labels)"
        )
    return found[0]


def _pair(item: object) -> tuple[object, object]:
    if isinstance(item, tuple | list) and len(item) == 2:
        return item[0], item[1]
    raise DataError(f"a Dataset's items must be (image, label), not {_kind(item)}: pass (images, labels)")


def _stacked(images: Iterator[object] | Sequence[object], axes: Axes | None) -> Pixels:
    """Images one by one, of one shape; those of Pillow have their channels last."""
    made: list[Pixels] = []
    images = iter(images)
    one = next(images, None)
    pictures = isinstance(one, Image.Image)
    bytes_ = 0
    for i, image in enumerate(chain([one], images) if one is not None else ()):
        array = _array(image)
        if array.ndim not in (2, 3):
            raise DataError(
                f"an image must be an array [H, W], [H, W, C] or [C, H, W], not of shape {array.shape}: "
                "reshape it"
            )
        made.append(_bytes(array[None])[0])
        if made[0].shape != made[-1].shape:
            raise DataError(
                f"all images must have one shape, and number {i} is {made[-1].shape} where number 0 is "
                f"{made[0].shape}: resize them, or convert them to one mode"
            )
        bytes_ += made[-1].size
        _check_size(i + 1, bytes_)
    _check_size(len(made), bytes_)
    return _channels_first(np.stack(made), "NHWC" if pictures else axes)


def _array(value: object) -> Array:
    """An array, a tensor, a picture or nested lists of numbers as an array."""
    if isinstance(value, Image.Image):
        if value.mode not in _MODES:
            raise DataError(
                f"pictures must have the mode L or RGB, not {value.mode}: convert them with "
                "picture.convert('RGB')"
            )
        return np.asarray(value)
    try:
        return value.detach().cpu().numpy() if isinstance(value, _Tensor) else np.asarray(value)
    except (ValueError, TypeError) as error:  # ragged lists; bfloat16
        raise DataError(f"images must be an array, not {_kind(value)} ({error}): convert them") from error


def _bytes(array: Array) -> Pixels:
    """Bytes as they are; floats from 0 to 1 times 255, rounded."""
    if array.dtype == np.uint8:
        return cast("Pixels", array)
    if array.dtype.kind != "f":
        raise DataError(
            f"images must be bytes (uint8), or floats from 0 to 1, not {array.dtype}: scale them to 0 to 255 "
            "and convert them to uint8"
        )
    pixels = np.empty(array.shape, dtype=np.uint8)
    for start in range(0, len(array), _CHUNK):
        some = array[start : start + _CHUNK].astype(np.float64)
        low, high = float(some.min(initial=0)), float(some.max(initial=0))
        if not (low >= 0 and high <= 1):  # NaN, too
            raise DataError(
                f"images of {array.dtype} must lie from 0 to 1, and these reach from {low:g} to {high:g}: "
                "scale them, or convert them to uint8 if they are whole numbers from 0 to 255"
            )
        pixels[start : start + _CHUNK] = np.rint(some * 255)
    return pixels


def _channels_first(images: Pixels, axes: Axes | None) -> Pixels:
    """[N, H, W], [N, H, W, C] or [N, C, H, W] as [N, C, H, W]."""
    if axes not in (None, "NCHW", "NHWC"):
        raise DataError(f"axes must be NCHW or NHWC, not {shown(axes)}: use one of them")
    if images.ndim == 3:
        images, axes = images[:, None], "NCHW"
    if axes is None:
        first, last = (images.shape[axis] <= MAX_CHANNELS for axis in (1, 3))
        if first and last:
            raise DataError(
                f"images of shape {images.shape} may have their channels first or last: say which, with "
                'axes="NCHW" or axes="NHWC"'
            )
        axes = "NHWC" if last else "NCHW"
    if axes == "NHWC":
        images = np.moveaxis(images, 3, 1)
    channels, height, width = images.shape[1:]
    if not (1 <= channels <= MAX_CHANNELS and 1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise DataError(
            f"images have 1 to {MAX_CHANNELS} channels and sides of 1 to {MAX_SIDE} pixels, not "
            f"{channels} channels of {height}x{width}: choose channels, or make them smaller"
        )
    return np.ascontiguousarray(images)


def _labels_of(labels: object) -> GivenLabels:
    """Labels as whole numbers or as texts, [N]."""
    if isinstance(labels, _Tensor):
        labels = labels.detach().cpu().numpy()
    try:
        array = np.asarray(labels)
    except ValueError as error:
        raise DataError("labels must be a list of one label an image: make it one") from error
    if array.ndim != 1:
        raise DataError(
            f"labels must be one of each image, [N], not of shape {array.shape}: flatten them, or use "
            "labels.argmax(1) where they are one-hot"
        )
    if array.dtype.kind in "iub":
        return array.astype(np.int64)
    if array.dtype.kind == "U" or all(isinstance(label, str) for label in array.tolist()):
        return array.astype(np.str_)
    raise DataError(
        f"labels must be whole numbers or texts, not {array.dtype}: convert them, as in labels.astype(int)"
    )


def _checked(images: Pixels, labels: GivenLabels, classes: tuple[str, ...] | None) -> GivenPart:
    if len(images) != len(labels):
        raise DataError(
            f"every image must have a label, and there are {len(images)} images and {len(labels)} labels: "
            "pass as many"
        )
    return GivenPart(images, labels, classes)


def _check_size(count: int, size: int) -> None:
    if not 1 <= count <= MAX_IMAGES:
        raise DataError(f"there must be 1 to {MAX_IMAGES} images, not {count}: pass others")
    if size > MAX_BYTES:
        raise DataError(
            f"a part must take at most {MAX_BYTES} bytes, and {count} images take {size}: make them smaller"
        )


def _kind(value: object) -> str:
    return type(value).__name__
