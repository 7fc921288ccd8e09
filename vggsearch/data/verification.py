"""Check the files of a data set one by one, without changing anything."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vggsearch.data.catalog import PARTS, DatasetFile, NamedDataset, Part, named
from vggsearch.data.folder import PREFIX, FolderDataset, UnreadableImagesError, list_folder, read_folder
from vggsearch.data.formats import checked_content
from vggsearch.data.locations import find_files, search_locations
from vggsearch.errors import DataError

Status = Literal["verified", "damaged", "absent"]


@dataclass(frozen=True, slots=True)
class FileReport:
    """The result of checking one file."""

    part: Part
    path: Path | None
    """None if it is absent."""
    status: Status
    detail: str
    """What is wrong, or what was checked."""


def verify(name: str, data_dir: Path | None = None) -> tuple[FileReport, ...]:
    """Check every file of both parts of a data set. Raises `DataError` for an unknown name or no such folder.

    For `folder:PATH`, every image is decoded: there is one report of a sound part, or one of each image that
    cannot be read.
    """
    if name.startswith(PREFIX):
        folder = list_folder(name)
        return tuple(report for part in PARTS for report in _folder_reports(folder, part))
    dataset = named(name)
    reports: list[FileReport] = []
    for part in PARTS:
        files = dataset.files(part)
        paths = find_files(dataset, part, data_dir)
        if paths is None:
            where = ", ".join(search_locations(dataset, data_dir))
            reports += [FileReport(part, None, "absent", f"{file.name}: not in {where}") for file in files]
        else:
            reports += [_file_report(dataset, part, *pair) for pair in zip(files, paths, strict=True)]
    return tuple(reports)


def _file_report(dataset: NamedDataset, part: Part, file: DatasetFile, path: Path) -> FileReport:
    try:
        checked_content(dataset, file, path)
    except DataError as error:
        return FileReport(part, path, "damaged", str(error))
    return FileReport(part, path, "verified", "SHA-256 of its content" if file.sha256 else "MD5")


def _folder_reports(folder: FolderDataset, part: Part) -> list[FileReport]:
    """One report of a sound part, else one of each image that cannot be read."""
    try:
        images, _ = read_folder(folder, part)
    except UnreadableImagesError as error:
        return [FileReport(part, folder.root / path, "damaged", reason) for path, reason in error.failures]
    left_out = ", ".join(f"{count} {reason}" for reason, count in folder.left_out.items())
    rest = f", left out: {left_out}" if left_out else ""
    return [FileReport(part, folder.root, "verified", f"{len(images)} images decoded{rest}")]
