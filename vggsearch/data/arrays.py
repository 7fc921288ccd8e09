"""Images and labels of any data set, named or `folder:PATH`, as arrays. No torch."""

from pathlib import Path

from vggsearch.data.catalog import PARTS, DatasetInfo, NamedDataset, Part, named
from vggsearch.data.folder import PREFIX, FolderDataset, list_folder, read_folder
from vggsearch.data.formats import read_files
from vggsearch.data.locations import find_files, search_locations
from vggsearch.data.prepared import PreparedPart, prepared_part
from vggsearch.data.split import Indices, split_digest, stratified_split
from vggsearch.errors import DataError
from vggsearch.runs import DataKey


def describe(name: str, data_dir: Path | None = None) -> DatasetInfo:
    """Return shapes and sizes of a data set. Opens no file of a named one, and one image of a `folder:PATH`.

    Raises `DataError` for an unknown name and for a folder that is no data set.
    """
    del data_dir  # a named data set is the same in every folder
    return list_folder(name).info if name.startswith(PREFIX) else named(name).info


def locate(name: str, data_dir: Path | None = None) -> Path | None:
    """Return the folder with the training files of a data set; None if files of either part are absent.

    Opens no file. Raises `DataError` as `describe` does.
    """
    if name.startswith(PREFIX):
        return list_folder(name).root
    train, test = (find_files(named(name), part, data_dir) for part in PARTS)
    return train[0].parent if train and test else None


def load_part(name: str, part: Part, data_dir: Path | None) -> PreparedPart:
    """Load images and labels of one part. Opens no file of the other part. Raises `DataError`."""
    if name.startswith(PREFIX):
        return _folder_part(list_folder(name), part)
    return _named_part(named(name), part, data_dir)


def split_part(
    part: PreparedPart, name: str, val_fraction: float, split_seed: int
) -> tuple[DataKey, Indices, Indices]:
    """Split a training part; return its key and the indices of the training and validation images."""
    train, val = stratified_split(part.labels, val_fraction, split_seed)
    key = DataKey(
        name=name,
        digest=part.digest,
        val_fraction=val_fraction,
        split_seed=split_seed,
        split_digest=split_digest(val),
    )
    return key, train, val


def data_key(name: str, *, data_dir: Path | None, val_fraction: float = 0.1, split_seed: int = 0) -> DataKey:
    """Return the `SearchData.key` that `load_search_data` would give, without torch. Raises `DataError`."""
    return split_part(load_part(name, "train", data_dir), name, val_fraction, split_seed)[0]


def _named_part(dataset: NamedDataset, part: Part, data_dir: Path | None) -> PreparedPart:
    paths = find_files(dataset, part, data_dir)
    if paths is None:
        name, where = dataset.info.name, ", ".join(search_locations(dataset, data_dir))
        raise DataError(
            f"the {part} files of {name} must be in one of {where}, and are in none: run "
            f"vggsearch data fetch {name}, or give their folder with --data-dir"
        )
    identity = f"{dataset.info.name} {part} {paths[0].parent}"
    return prepared_part(identity, paths, lambda: read_files(dataset, part, paths))


def _folder_part(folder: FolderDataset, part: Part) -> PreparedPart:
    paths = [folder.root / path for path, _ in folder.samples(part)]
    identity = f"folder {part} {folder.info.input_shape} {folder.root}"
    return prepared_part(identity, paths, lambda: read_folder(folder, part))
