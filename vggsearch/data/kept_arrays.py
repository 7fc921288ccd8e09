"""Images that a person passes from Python become an array file in the cache, with a name: `arrays:PATH`."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from vggsearch.data.array_file import PREFIX, Arrays, write_arrays
from vggsearch.data.copies import first_equal, pixel_digests
from vggsearch.data.folder import MIN_CLASS, TEST_SHARE
from vggsearch.data.formats import Labels, Pixels
from vggsearch.data.given_arrays import Axes, GivenLabels, GivenPart, given_part
from vggsearch.data.layout import MAX_CLASSES, FolderPart, listed
from vggsearch.data.split import hold_out
from vggsearch.errors import DataError
from vggsearch.text import shown

_WORDS: Mapping[FolderPart, str] = {"train": "training part", "val": "validation part", "test": "test part"}


def keep_arrays(
    images: object,
    labels: object = None,
    *,
    test: object = None,
    validation: object = None,
    classes: Sequence[str] | None = None,
    axes: Axes | None = None,
    name: str = "images",
) -> str:
    """Write images and labels to a file in the cache, once, and return the name of the data set.

    `images` is an array or tensor [N, H, W], [N, H, W, C] or [N, C, H, W] of bytes, or of floats from 0 to 1,
    or a list of pictures or arrays of one shape; or, without `labels`, a pair of both, a torch `Dataset` of
    (image, label), or a Hugging Face `Dataset`. `test` and `validation` are such a pair or `Dataset`. Without
    `test`, 15 % of each class are held out. Labels are numbers or texts; `classes` are the names in the order
    of their labels. `name` begins the file's name. Raises `DataError`.
    """
    given: dict[FolderPart, GivenPart] = {"train": given_part(images, labels, axes)}
    others: dict[FolderPart, object] = {"val": validation, "test": test}
    given |= {part: given_part(data, None, axes) for part, data in others.items() if data is not None}
    names = _class_names(given["train"], classes)
    parts = {part: (one.images, _numbered(one.labels, names, part)) for part, one in given.items()}
    _check_shapes(parts)
    if test is None:
        parts["train"], parts["test"] = _held_out(*parts["train"], names)
    _check_classes(parts, names)
    title = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "images"
    path = write_arrays(parts, names, held_out=test is None, title=title)
    if not str(path).isprintable():
        raise DataError(f"the cache must have a printable path, not {shown(path)}: set XDG_CACHE_HOME")
    return f"{PREFIX}{path}"


def _class_names(train: GivenPart, classes: Sequence[str] | None) -> tuple[str, ...]:
    """The names that were passed, or that the data set knows, or else the labels themselves, sorted."""
    names = tuple(classes) if classes is not None else train.classes
    if names is None:
        names = tuple(str(label) for label in np.unique(train.labels).tolist())
    sound = all(isinstance(name, str) and 1 <= len(name) <= 255 and name.isprintable() for name in names)
    if not sound or len(set(names)) < len(names) or not 2 <= len(names) <= MAX_CLASSES:
        raise DataError(
            f"there must be 2 to {MAX_CLASSES} classes with different, printable names of 1 to 255 letters, "
            f"not {listed(map(str, names))}: change classes or labels"
        )
    return names


def _numbered(labels: GivenLabels, names: tuple[str, ...], part: FolderPart) -> Labels:
    """Labels as places in `names`. Numbers are places already, unless the names are such numbers."""
    texts = labels.dtype.kind == "U"
    numbers = not texts and all(re.fullmatch(r"-?[0-9]+", name) for name in names)
    known: dict[object, int] = (
        {name if texts else int(name): place for place, name in enumerate(names)}
        if texts or numbers
        else {place: place for place in range(len(names))}
    )
    values, where = np.unique(labels, return_inverse=True)
    strange = [str(value) for value in values.tolist() if value not in known]
    if strange:
        allowed = listed(map(str, known))
        raise DataError(
            f"a label must be one of {allowed}, and the {_WORDS[part]} has {listed(strange)}: change it, or "
            "pass classes with all names"
        )
    places = np.array([known[value] for value in values.tolist()], dtype=np.int64)
    return places[where]


def _check_shapes(parts: Mapping[FolderPart, Arrays]) -> None:
    shapes = {part: images.shape[1:] for part, (images, _) in parts.items()}
    for part, shape in shapes.items():
        if shape != shapes["train"]:
            raise DataError(
                f"images of all parts must have one shape, and those of the {_WORDS[part]} are {shape} where "
                f"those of the training part are {shapes['train']}: resize them"
            )


def _held_out(images: Pixels, labels: Labels, names: tuple[str, ...]) -> tuple[Arrays, Arrays]:
    """Training and test part. Of each class a share is held out, chosen by pixels; copies stay together."""
    few = [names[i] for i in range(len(names)) if np.count_nonzero(labels == i) < MIN_CLASS]
    if few:
        raise DataError(
            f"a class must have at least {MIN_CLASS} images where the test part is held out, and "
            f"{listed(few)} {'has' if len(few) == 1 else 'have'} fewer: add images, or pass test"
        )
    digests = pixel_digests(images)
    indices = hold_out(labels, digests, first_equal(digests), TEST_SHARE)
    held = np.zeros(len(labels), dtype=bool)
    held[indices] = True
    return (images[~held], labels[~held]), (images[held], labels[held])


def _check_classes(parts: Mapping[FolderPart, Arrays], names: tuple[str, ...]) -> None:
    """Every class needs an image in every part; the training part two, if validation images come from it."""
    for part, (_, labels) in parts.items():
        least = 2 if part == "train" and "val" not in parts else 1
        counts = np.bincount(labels, minlength=len(names))
        few = [name for name, count in zip(names, counts, strict=True) if count < least]
        if few:
            images = "2 images (one is for validation)" if least == 2 else "an image"
            raise DataError(
                f"every class must have {images} in the {_WORDS[part]}, and {listed(few)} "
                f"{'has' if len(few) == 1 else 'have'} not: add different images, or leave the class out"
            )
