"""A data set of the catalog as a `Source`: its files are published, and checked by their digests."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vggsearch.data.catalog import PARTS, DatasetFile, DatasetInfo, NamedDataset, Part
from vggsearch.data.formats import Labels, checked_content, read_files
from vggsearch.data.locations import find_files, search_locations
from vggsearch.data.prepared import PreparedPart, prepared_part
from vggsearch.data.published_names import CLASS_NAMES
from vggsearch.data.source import FileReport, Progress
from vggsearch.errors import DataError


@dataclass(frozen=True, slots=True)
class NamedSource:
    """See `Source`."""

    dataset: NamedDataset
    own: bool = False
    left_out: None = None

    @property
    def info(self) -> DatasetInfo:
        """As the catalog has it."""
        return self.dataset.info

    @property
    def name(self) -> str:
        """Its name in the catalog."""
        return self.info.name

    @property
    def subject(self) -> str:
        """Its name: it is the same in every folder."""
        return self.name

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; their numbers where none are published."""
        return CLASS_NAMES.get(self.name) or tuple(map(str, range(self.info.num_classes)))

    def reading(self, share: str) -> str:
        """The parts are the published ones."""
        return f"parts as published, {share}"

    def locate(self, data_dir: Path | None) -> Path | None:
        """Return the folder of the training files. Opens none."""
        train, test = (find_files(self.dataset, part, data_dir) for part in PARTS)
        return train[0].parent if train and test else None

    def files(self, part: Part, data_dir: Path | None) -> list[Path]:
        """Return the files of one part. Raises `DataError` if one is absent."""
        paths = find_files(self.dataset, part, data_dir)
        if paths is None:
            where = ", ".join(search_locations(self.dataset, data_dir))
            raise DataError(
                f"the {part} files of {self.name} must be in one of {where}, and are in none: run "
                f"vggsearch data fetch {self.name}, or give their folder with --data-dir"
            )
        return list(paths)

    def labels(self, part: Part, data_dir: Path | None) -> Labels:
        """Return the labels of a part."""
        return self.load(part, data_dir).labels

    def load(self, part: Part, data_dir: Path | None, progress: Progress | None = None) -> PreparedPart:
        """Load a part. Its few files are read at once, so nothing is told of progress."""
        del progress
        paths = self.files(part, data_dir)
        identity = f"{self.name} {part} {paths[0].parent}"
        return prepared_part(identity, paths, lambda: read_files(self.dataset, part, tuple(paths)))

    def test_image(self, index: int) -> str | None:
        """The images have no names."""
        del index
        return None

    def verify(self, data_dir: Path | None) -> tuple[FileReport, ...]:
        """Check every file by its digest."""
        return tuple(report for part in PARTS for report in self._reports(part, data_dir))

    def _reports(self, part: Part, data_dir: Path | None) -> Iterator[FileReport]:
        files = self.dataset.files(part)
        paths = find_files(self.dataset, part, data_dir)
        if paths is None:
            where = ", ".join(search_locations(self.dataset, data_dir))
            yield from (FileReport(part, None, "absent", f"{file.name}: not in {where}") for file in files)
        else:
            yield from (self._report(part, *pair) for pair in zip(files, paths, strict=True))

    def _report(self, part: Part, file: DatasetFile, path: Path) -> FileReport:
        try:
            checked_content(self.dataset, file, path)
        except DataError as error:
            return FileReport(part, path, "damaged", str(error))
        return FileReport(part, path, "verified", "SHA-256 of its content" if file.sha256 else "MD5")
