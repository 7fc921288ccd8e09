"""Where the files of a data set are searched: the user's folder, our cache, the Debian package's folder."""

from collections.abc import Mapping
from pathlib import Path

import platformdirs

from vggsearch.data.catalog import DatasetFile, NamedDataset, Part
from vggsearch.errors import DataError

SYSTEM_DIR = Path("/usr/share/datasets")
"""Where Debian's `dataset-*` packages install."""


class DamagedFileError(DataError):
    """A file that does not have the content it must have."""

    def __init__(self, path: Path, why: str, name: str) -> None:
        remedy = (
            f"vggsearch data fetch {name} replaces it"
            if path.is_relative_to(cache_dir())
            else "replace it, or remove it so that another copy is used"
        )
        super().__init__(f"{path} is damaged, truncated or of another data set ({why}): {remedy}")
        self.path = path


def cache_dir() -> Path:
    """Return the user's cache folder, the only folder that the data package writes to."""
    return platformdirs.user_cache_path("vggsearch")


def search_locations(dataset: NamedDataset, data_dir: Path | None) -> Mapping[str, tuple[Path, ...]]:
    """Return the folders in which `dataset` is searched, in order, by the names that messages give them.

    Raises `DataError` if `data_dir` is given and is no folder.
    """
    name = dataset.info.name
    locations: dict[str, tuple[Path, ...]] = {}
    if data_dir is not None:
        if not data_dir.is_dir():
            raise DataError(
                f"a data folder must exist, and {data_dir} does not: "
                "create it, or leave out --data-dir (VGGSEARCH_DATA)"
            )
        locations[str(data_dir)] = (data_dir / dataset.folder, data_dir / name, data_dir)
    for parent in (cache_dir(), SYSTEM_DIR) if dataset.debian is not None else (cache_dir(),):
        locations.setdefault(str(parent / name), (parent / name,))
    return locations


def find_files(dataset: NamedDataset, part: Part, data_dir: Path | None) -> tuple[Path, ...] | None:
    """Return the part's files in the catalog's order, from the first folder that has them all."""
    for folders in search_locations(dataset, data_dir).values():
        for folder in folders:
            paths = [_find_file(folder, dataset, file) for file in dataset.files(part)]
            found = tuple(path for path in paths if path is not None)
            if len(found) == len(paths):
                return found
    return None


def _find_file(folder: Path, dataset: NamedDataset, file: DatasetFile) -> Path | None:
    """Return the decompressed file if its content can be checked, else the compressed one."""
    bare, compressed = folder / file.name, folder / f"{file.name}.gz"
    is_idx = dataset.file_format == "idx"
    if (file.sha256 is not None or not is_idx) and bare.is_file():
        return bare
    return compressed if is_idx and compressed.is_file() else None
