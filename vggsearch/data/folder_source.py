"""A user's folder of images as a `Source`."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vggsearch.data.catalog import PARTS, DatasetInfo, Part
from vggsearch.data.folder import FolderDataset, UnreadableImagesError, read_folder
from vggsearch.data.formats import Labels, Pixels
from vggsearch.data.image_files import ImageFacts, printable
from vggsearch.data.layout import listed
from vggsearch.data.prepared import PreparedPart, blank, prepared_part
from vggsearch.data.source import FileReport, Progress
from vggsearch.text import Json


@dataclass(frozen=True, slots=True)
class FolderSource:
    """See `Source`."""

    name: str
    folder: FolderDataset
    own: bool = True

    @property
    def info(self) -> DatasetInfo:
        """As it was listed."""
        return self.folder.info

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes' folders."""
        return self.folder.classes

    @property
    def subject(self) -> str:
        """The folder, absolute."""
        return str(self.folder.root)

    @property
    def left_out(self) -> Mapping[str, int]:
        """Numbers of files that are read as no image."""
        return self.folder.left_out

    def reading(self, share: str) -> str:
        """The parts are folders, or the test part is held out."""
        parts = self.folder.parts
        if not parts:
            return f"15 % of each class held out as the test part; {share}"
        named = f"parts {listed(parts[part] for part in ('train', 'val', 'test') if part in parts)}"
        return f"{named}; {'val_fraction and split_seed do not apply' if 'val' in parts else share}"

    def locate(self, data_dir: Path | None) -> Path:
        """Return the folder itself."""
        del data_dir
        return self.folder.root

    def files(self, part: Part, data_dir: Path | None) -> list[Path]:
        """Return the images of one part."""
        del data_dir
        return self.folder.files(part)

    def labels(self, part: Part, data_dir: Path | None) -> Labels:
        """Return the labels of a part, without opening an image."""
        del data_dir
        return np.array([label for _, label in self.folder.samples(part)], dtype=np.int64)

    def load(self, part: Part, data_dir: Path | None, progress: Progress | None = None) -> PreparedPart:
        """Decode the images of a part. Raises `UnreadableImagesError`, which names all that fail."""
        paths = self.files(part, data_dir)
        identity = f"folder {part} {self.info.input_shape} {self.folder.root}"
        held = _Held()

        def read() -> tuple[Pixels, Labels]:
            images = blank((len(paths), *self.info.input_shape))
            return read_folder(self.folder, part, images=images, observe=held.add, progress=progress)

        return prepared_part(identity, paths, read, held.facts)

    def test_image(self, index: int) -> str | None:
        """Return its path within the folder."""
        return printable(self.folder.test[index][0])

    def verify(self, data_dir: Path | None) -> tuple[FileReport, ...]:
        """Decode every image: one report of a sound part, else one of each image that cannot be read."""
        del data_dir
        return tuple(report for part in PARTS for report in self._reports(part))

    def _reports(self, part: Part) -> list[FileReport]:
        root = self.folder.root
        try:
            images, _ = read_folder(self.folder, part)
        except UnreadableImagesError as error:
            return [FileReport(part, root / path, "damaged", reason) for path, reason in error.failures]
        left_out = ", ".join(f"{count} {reason}" for reason, count in self.left_out.items())
        rest = f", left out: {left_out}" if left_out else ""
        return [FileReport(part, root, "verified", f"{len(images)} images decoded{rest}")]


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
