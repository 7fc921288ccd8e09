"""Images and labels of any data set, named or `folder:PATH`, as arrays. No torch."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vggsearch.data.catalog import PARTS, DatasetInfo, NamedDataset, Part, named
from vggsearch.data.copies import first_equal, pixel_digests
from vggsearch.data.folder import PREFIX, FolderDataset, Progress, list_folder, read_folder
from vggsearch.data.formats import Labels, Pixels, read_files
from vggsearch.data.image_files import ImageFacts
from vggsearch.data.layout import listed
from vggsearch.data.locations import find_files, search_locations
from vggsearch.data.prepared import PreparedPart, blank, prepared_part
from vggsearch.data.published_names import CLASS_NAMES
from vggsearch.data.split import Indices, split_digest, stratified_split
from vggsearch.errors import DataError
from vggsearch.runs import DataKey
from vggsearch.text import Json

_FRACTIONS = (0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
"""Values of `val_fraction` that a message may propose."""


@dataclass(frozen=True, slots=True)
class Source:
    """A data set that was found, not yet read."""

    name: str
    info: DatasetInfo
    folder: FolderDataset | None
    """None for a named data set."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; their numbers where a named data set has no names."""
        if self.folder is not None:
            return self.folder.classes
        return CLASS_NAMES.get(self.name) or tuple(map(str, range(self.info.num_classes)))


def find(name: str) -> Source:
    """List the folder, or look the name up. Raises `DataError`."""
    folder = list_folder(name) if name.startswith(PREFIX) else None
    return Source(name, folder.info if folder else named(name).info, folder)


def class_names(name: str) -> tuple[str, ...]:
    """Return the names of the classes, in the order of their labels. Raises `DataError`.

    Opens no file of a named data set; of `folder:PATH` they are the names of the folders.
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

    Opens no file. Raises `DataError` as `describe` does.
    """
    if name.startswith(PREFIX):
        return list_folder(name).root
    train, test = (find_files(named(name), part, data_dir) for part in PARTS)
    return train[0].parent if train and test else None


def part_files(source: Source, part: Part, data_dir: Path | None) -> list[Path]:
    """Return the files of one part. Raises `DataError` if a named data set is absent."""
    if source.folder is not None:
        return source.folder.files(part)
    return list(_found(named(source.name), part, data_dir))


def load_part(
    source: Source, part: Part, data_dir: Path | None, progress: Progress | None = None
) -> PreparedPart:
    """Load images and labels of one part. Opens no file of the other part. Raises `DataError`."""
    if source.folder is not None:
        return _folder_part(source.folder, part, progress)
    dataset = named(source.name)
    paths = _found(dataset, part, data_dir)
    identity = f"{dataset.info.name} {part} {paths[0].parent}"
    return prepared_part(identity, paths, lambda: read_files(dataset, part, paths))


def split_part(
    source: Source, part: PreparedPart, val_fraction: float, split_seed: int
) -> tuple[DataKey, Indices, Indices]:
    """Split a training part; return its key and the indices of the training and validation images.

    Raises `DataError` if a class would have no training or no validation image.
    """
    first = first_equal(pixel_digests(part.images)) if source.folder is not None else None
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
    """Return the indices of training and validation images; `first` names copies, in a folder alone.

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
    return split_part(source, load_part(source, "train", data_dir), val_fraction, split_seed)[0]


def _lacking(labels: Labels, split: tuple[Indices, Indices]) -> list[int]:
    """Return the classes that are not on both sides of a split."""
    there = np.unique(labels)
    both = np.intersect1d(labels[split[0]], labels[split[1]])
    return [int(label) for label in np.setdiff1d(there, both)]


def _found(dataset: NamedDataset, part: Part, data_dir: Path | None) -> tuple[Path, ...]:
    paths = find_files(dataset, part, data_dir)
    if paths is None:
        name, where = dataset.info.name, ", ".join(search_locations(dataset, data_dir))
        raise DataError(
            f"the {part} files of {name} must be in one of {where}, and are in none: run "
            f"vggsearch data fetch {name}, or give their folder with --data-dir"
        )
    return paths


def _folder_part(folder: FolderDataset, part: Part, progress: Progress | None) -> PreparedPart:
    paths = folder.files(part)
    identity = f"folder {part} {folder.info.input_shape} {folder.root}"
    held = _Held()

    def read() -> tuple[Pixels, Labels]:
        images = blank((len(paths), *folder.info.input_shape))
        return read_folder(folder, part, images=images, observe=held.add, progress=progress)

    return prepared_part(identity, paths, read, held.facts)


@dataclass(slots=True)
class _Held:
    """What the files of a part held, counted."""

    modes: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    sizes: set[tuple[int, int]] = field(default_factory=set)
    highest: int | None = None

    def add(self, facts: ImageFacts) -> None:
        self.modes[facts.mode] += 1
        self.counts["colour"] += facts.colour
        self.counts["transparent"] += facts.transparent
        self.counts["animated"] += facts.animated
        if len(self.sizes) < 1000:
            self.sizes.add((facts.height, facts.width))
        if facts.highest is not None:
            self.highest = max(self.highest or 0, facts.highest)

    def facts(self) -> dict[str, Json]:
        areas = sorted(self.sizes, key=lambda size: (size[0] * size[1], size))
        return {
            "modes": dict(self.modes.most_common()),
            **{name: self.counts[name] for name in ("colour", "transparent", "animated")},
            "sizes": [list(areas[0]), list(areas[-1])] if areas else [],
            "highest": self.highest,
        }
