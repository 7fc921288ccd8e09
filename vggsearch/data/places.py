"""Where the files of a data set are looked for: the user's folder, our cache, the Debian package's."""

from dataclasses import dataclass
from pathlib import Path

import platformdirs

from vggsearch.data.catalog import NamedDataset, Part, RawFile
from vggsearch.errors import DataError

SYSTEM_DIR = Path("/usr/share/datasets")
"""Where Debian's `dataset-*` packages install."""


class DamagedFileError(DataError):
    """A file whose bytes are not what they must be."""

    def __init__(self, path: Path, why: str, name: str) -> None:
        remedy = (
            f"vggsearch data fetch {name} replaces it"
            if path.is_relative_to(cache_dir())
            else "replace it, or remove it so that another copy is used"
        )
        super().__init__(f"{path} is damaged, truncated or of another data set ({why}): {remedy}")
        self.path = path


@dataclass(frozen=True, slots=True)
class Place:
    """One place: the folders in it that may hold the files, the likeliest first."""

    label: str
    """As messages name it."""
    folders: tuple[Path, ...]


def cache_dir() -> Path:
    """The per-user cache, the only folder that the data package writes to."""
    return platformdirs.user_cache_path("vggsearch")


def places(dataset: NamedDataset, data_dir: Path | None) -> tuple[Place, ...]:
    """Where to look for `dataset`, in order. Raises `DataError` where `data_dir` is given and no folder."""
    name = dataset.info.name
    found = []
    if data_dir is not None:
        if not data_dir.is_dir():
            raise DataError(
                f"a data folder must exist, {data_dir} does not: "
                "create it, or leave out --data-dir (VGGSEARCH_DATA)"
            )
        folders = (data_dir / dataset.folder, data_dir / name, data_dir)
        found.append(Place(str(data_dir), folders))
    found.append(Place(str(cache_dir() / name), (cache_dir() / name,)))
    if dataset.debian is not None:
        found.append(Place(str(SYSTEM_DIR / name), (SYSTEM_DIR / name,)))
    return tuple(found)


def find_files(dataset: NamedDataset, part: Part, data_dir: Path | None) -> tuple[Path, ...] | None:
    """Paths of the part's files, in the catalog's order, all in the first folder that holds them all."""
    for place in places(dataset, data_dir):
        for folder in place.folders:
            paths = [_file(folder, raw) for raw in dataset.files(part)]
            there = tuple(path for path in paths if path is not None)
            if len(there) == len(paths):
                return there
    return None


def _file(folder: Path, raw: RawFile) -> Path | None:
    """The decompressed file where its bytes can be checked, else the compressed one."""
    bare, compressed = folder / raw.name, folder / f"{raw.name}.gz"
    is_idx = raw.name.endswith("-ubyte")
    if (raw.sha256 is not None or not is_idx) and bare.is_file():
        return bare
    return compressed if is_idx and compressed.is_file() else None
