"""Images and labels of any data set, `fashion-mnist`, `folder:PATH` or `arrays:PATH`, as arrays. No torch."""

from pathlib import Path

import numpy as np

from vggsearch.data.array_file import PREFIX as ARRAYS, list_array_file
from vggsearch.data.array_source import ArraySource
from vggsearch.data.catalog import DatasetInfo, named
from vggsearch.data.copies import first_equal, pixel_digests
from vggsearch.data.folder import PREFIX as FOLDER, list_folder
from vggsearch.data.folder_source import FolderSource
from vggsearch.data.formats import Labels
from vggsearch.data.layout import listed
from vggsearch.data.named_source import NamedSource
from vggsearch.data.prepared import PreparedPart
from vggsearch.data.source import FileReport, Source
from vggsearch.data.split import Indices, split_digest, stratified_split
from vggsearch.errors import DataError
from vggsearch.runs import DataKey

_FRACTIONS = (0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
"""Values of `val_fraction` that a message may propose."""


def find(name: str) -> Source:
    """List the folder, read the head of the array file, or look the name up. Raises `DataError`."""
    if name.startswith(FOLDER):
        return FolderSource(name, list_folder(name))
    if name.startswith(ARRAYS):
        return ArraySource(name, list_array_file(name))
    return NamedSource(named(name))


def is_own(name: str) -> bool:
    """Whether a name is that of a user's own images: `folder:PATH` or `arrays:PATH`."""
    return name.startswith((FOLDER, ARRAYS))


def class_names(name: str) -> tuple[str, ...]:
    """Return the names of the classes, in the order of their labels. Raises `DataError`.

    Opens no image.
    """
    return find(name).classes


def describe(name: str, data_dir: Path | None = None) -> DatasetInfo:
    """Return shapes and sizes of a data set. Opens no file of a named one, and few images of a `folder:PATH`.

    Raises `DataError` for an unknown name and for a folder that is no data set.
    """
    del data_dir  # a named data set is the same in every folder
    return find(name).info


def locate(name: str, data_dir: Path | None = None) -> Path | None:
    """Return the folder with the training files of a data set; None if files of either part are absent.

    Opens no image. Raises `DataError` as `describe` does.
    """
    return find(name).locate(data_dir)


def verify(name: str, data_dir: Path | None = None) -> tuple[FileReport, ...]:
    """Check every file of both parts of a data set. Raises `DataError` for an unknown name or no such folder.

    For `folder:PATH`, every image is decoded: there is one report of a sound part, or one of each image that
    cannot be read.
    """
    return find(name).verify(data_dir)


def split_part(
    source: Source, part: PreparedPart, val_fraction: float, split_seed: int
) -> tuple[DataKey, Indices, Indices]:
    """Split a training part; return its key and the indices of the training and validation images.

    Raises `DataError` if a class would have no training or no validation image.
    """
    first = first_equal(pixel_digests(part.images)) if source.own else None
    train, val = split_images(source, part.labels, first, val_fraction, split_seed)
    own = source.info.val_size is not None
    key = DataKey(
        name=source.name,
        digest=part.digest,
        # With a validation part of its own neither changes anything, so equal data have equal keys.
        val_fraction=len(val) / len(part.labels) if own else val_fraction,
        split_seed=0 if own else split_seed,
        split_digest=split_digest(val),
    )
    return key, train, val


def split_images(
    source: Source, labels: Labels, first: Indices | None, val_fraction: float, split_seed: int
) -> tuple[Indices, Indices]:
    """Return the indices of training and validation images; `first` names copies, of own images alone.

    Named data sets are split as published, copies or not.
    """
    if source.info.val_size is not None:
        indices = np.arange(len(labels))
        return indices[: -source.info.val_size], indices[-source.info.val_size :]
    found = stratified_split(labels, val_fraction, split_seed, first)
    lacking = _lacking(labels, found)
    if lacking:
        enough = (
            fraction
            for fraction in _FRACTIONS
            if fraction > val_fraction
            and not _lacking(labels, stratified_split(labels, fraction, split_seed, first))
        )
        fraction = next(enough, None)
        names = listed(source.classes[label] for label in lacking)
        remedy = (
            "remove the class, or add different images to it"
            if fraction is None
            else f"add images, or remove the class; in a study, val_fraction: {fraction:g} is enough, too"
        )
        kind = "training" if lacking[0] in labels[found[1]] else "validation"
        raise DataError(
            f"every class must have a training and a validation image, and in {source.info.source} {names} "
            f"{'has' if len(lacking) == 1 else 'have'} no {kind} image with val_fraction {val_fraction:g}: "
            f"{remedy}"
        )
    return found


def data_key(name: str, *, data_dir: Path | None, val_fraction: float = 0.1, split_seed: int = 0) -> DataKey:
    """Return the `SearchData.key` that `load_search_data` would give, without torch. Raises `DataError`."""
    source = find(name)
    return split_part(source, source.load("train", data_dir), val_fraction, split_seed)[0]


def _lacking(labels: Labels, split: tuple[Indices, Indices]) -> list[int]:
    """Return the classes that are not on both sides of a split."""
    there = np.unique(labels)
    both = np.intersect1d(labels[split[0]], labels[split[1]])
    return [int(label) for label in np.setdiff1d(there, both)]
