"""A user's arrays, kept in a file, as a `Source`."""

from dataclasses import dataclass
from pathlib import Path

from vggsearch.data.array_file import ArrayFile, read_arrays, read_labels
from vggsearch.data.catalog import PARTS, DatasetInfo, Part
from vggsearch.data.formats import Labels
from vggsearch.data.prepared import PreparedPart, prepared_part
from vggsearch.data.source import FileReport, Progress
from vggsearch.errors import DataError


@dataclass(frozen=True, slots=True)
class ArraySource:
    """See `Source`."""

    name: str
    file: ArrayFile
    own: bool = True
    left_out: None = None

    @property
    def info(self) -> DatasetInfo:
        """As the file's head has it."""
        return self.file.info

    @property
    def classes(self) -> tuple[str, ...]:
        """As the file's head has them."""
        return self.file.about.classes

    @property
    def subject(self) -> str:
        """The file's absolute path."""
        return str(self.file.path)

    def reading(self, share: str) -> str:
        """The parts were given, or the test part was held out."""
        if "val" in self.file.sizes:
            split = "validation part as given, val_fraction and split_seed do not apply"
        else:
            split = share
        if self.file.about.held_out:
            return f"15 % of each class held out as the test part; {split}"
        return f"test part as given; {split}"

    def locate(self, data_dir: Path | None) -> Path:
        """Return the folder of the file."""
        del data_dir
        return self.file.path.parent

    def files(self, part: Part, data_dir: Path | None) -> list[Path]:
        """Return the file, which holds all parts."""
        del part, data_dir
        return [self.file.path]

    def labels(self, part: Part, data_dir: Path | None) -> Labels:
        """Read the labels of a part alone."""
        del data_dir
        return read_labels(self.file, part)

    def load(self, part: Part, data_dir: Path | None, progress: Progress | None = None) -> PreparedPart:
        """Read a part. Nothing is decoded, so nothing is told of progress."""
        del progress
        files = self.files(part, data_dir)
        return prepared_part(f"arrays {part} {self.subject}", files, lambda: read_arrays(self.file, part))

    def test_image(self, index: int) -> str:
        """Return its number in the test part, from 0."""
        return f"number {index}"

    def verify(self, data_dir: Path | None) -> tuple[FileReport, ...]:
        """Compare the content of each part with its digest."""
        del data_dir
        return tuple(map(self._report, PARTS))

    def _report(self, part: Part) -> FileReport:
        try:
            read_arrays(self.file, part)
        except DataError as error:
            return FileReport(part, self.file.path, "damaged", str(error))
        return FileReport(part, self.file.path, "verified", "SHA-256 of its content")
