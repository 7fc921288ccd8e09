"""Is a data set there, and undamaged? File by file, changing nothing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vggsearch.data.catalog import PARTS, NamedDataset, Part, named
from vggsearch.data.folder import PREFIX, list_folder, read_folder
from vggsearch.data.places import DamagedFileError, find_files, places
from vggsearch.data.raw import check_file
from vggsearch.errors import DataError

Status = Literal["verified", "damaged", "absent"]


@dataclass(frozen=True, slots=True)
class FileReport:
    """What is known of one file."""

    part: Part
    path: Path | None
    """None where it is absent."""
    status: Status
    detail: str
    """What is wrong, or what was checked."""


def verify(name: str, data_dir: Path | None = None) -> tuple[FileReport, ...]:
    """Check every file of a data set, of both parts. Raises `DataError` for a name or a folder that is none.

    Of a `folder:PATH` every image is decoded, and there is one row a part.
    """
    check = _folder_rows if name.startswith(PREFIX) else _named_rows
    return tuple(row for part in PARTS for row in check(name, part, data_dir))


def _named_rows(name: str, part: Part, data_dir: Path | None) -> list[FileReport]:
    dataset = named(name)
    paths = find_files(dataset, part, data_dir)
    if paths is None:
        looked = ", ".join(place.label for place in places(dataset, data_dir))
        return [
            FileReport(part, None, "absent", f"{raw.name}: not in {looked}") for raw in dataset.files(part)
        ]
    return [_file_row(dataset, part, i, path) for i, path in enumerate(paths)]


def _file_row(dataset: NamedDataset, part: Part, index: int, path: Path) -> FileReport:
    raw = dataset.files(part)[index]
    try:
        check_file(dataset, raw, path)
    except DamagedFileError as error:
        return FileReport(part, path, "damaged", str(error))
    return FileReport(part, path, "verified", "SHA-256 of its content" if raw.sha256 else "MD5")


def _folder_rows(name: str, part: Part, data_dir: Path | None) -> list[FileReport]:
    del data_dir  # the name holds the path
    folder = list_folder(name)
    try:
        images, _ = read_folder(folder, part)
    except DataError as error:
        return [FileReport(part, folder.root, "damaged", str(error))]
    rest = f", {folder.ignored} other files ignored" if folder.ignored else ""
    return [FileReport(part, folder.root, "verified", f"{len(images)} images decoded{rest}")]
