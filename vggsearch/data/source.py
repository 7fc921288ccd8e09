"""What every data set can do, whatever it comes from; `find` in `arrays.py` finds them. No torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from vggsearch.data.catalog import DatasetInfo, Part
from vggsearch.data.formats import Labels
from vggsearch.data.prepared import PreparedPart

Progress = Callable[[int, int], None]
"""Called with the number of images that are done, and of all."""

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


class Source(Protocol):
    """A data set that was found, not yet read. Its methods raise `DataError`."""

    @property
    def name(self) -> str:
        """What names it: `fashion-mnist`, `folder:PATH`, `arrays:PATH`."""

    @property
    def info(self) -> DatasetInfo:
        """Shapes and sizes."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their labels."""

    @property
    def own(self) -> bool:
        """Whether the images are a user's own: their copies stay on one side of the split."""

    @property
    def subject(self) -> str:
        """What is remembered about it is kept under this text: a name, or an absolute path."""

    @property
    def left_out(self) -> Mapping[str, int] | None:
        """Numbers of files that are read as no image, by reason; None where images are no files."""

    def reading(self, share: str) -> str:
        """Where the parts come from, in words; `share` says how validation images are split off."""

    def locate(self, data_dir: Path | None) -> Path | None:
        """Return the folder with the training files; None if files of either part are absent."""

    def files(self, part: Part, data_dir: Path | None) -> list[Path]:
        """Return the files that hold a part."""

    def labels(self, part: Part, data_dir: Path | None) -> Labels:
        """Return the labels of a part."""

    def load(self, part: Part, data_dir: Path | None, progress: Progress | None = None) -> PreparedPart:
        """Load images and labels of a part. Reads no image of the other part."""

    def test_image(self, index: int) -> str | None:
        """Return what a person calls a test image; None where it has no name."""

    def verify(self, data_dir: Path | None) -> tuple[FileReport, ...]:
        """Check every file, or every image, without changing anything."""
