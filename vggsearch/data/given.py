"""Images that a person names to have them classified: files, folders of files, or one folder of classes.

They become pixels exactly as the images of `folder:PATH` do. One folder with sub-folders holds labelled
images: each sub-folder has the name of a class of the net, or, where all are numbers, its label. A `/` in the
name of a class is a `-` in that of a folder.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vggsearch.data.folder import UnreadableImagesError, count_outside, images_below
from vggsearch.data.formats import Labels, Pixels
from vggsearch.data.image_files import UnreadableImageError, decode, printable
from vggsearch.data.layout import composed, listed, subfolders
from vggsearch.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class GivenImages:
    """The files that were found. None has been decoded."""

    root: Path | None
    """The one folder that was named; None where others were."""
    files: tuple[Path, ...]
    labels: Labels | None
    """Shape (N,): the class of each file; None where their folders do not say it."""
    left_out: Mapping[str, int]
    """Numbers of files in folders that are read as no image, by reason."""

    def batches(self, shape: tuple[int, int, int], batch_size: int) -> Iterator[Pixels]:
        """Decode the images to `shape`, (C, H, W), and yield them in order, a batch at a time.

        The last batch may be smaller. Where images cannot be decoded, all are tried, and then
        `UnreadableImagesError` names those that failed.
        """
        failures: list[tuple[Path, str]] = []
        for start in range(0, len(self.files), batch_size):
            paths = self.files[start : start + batch_size]
            pixels = np.empty((len(paths), *shape), dtype=np.uint8)
            for image, path in zip(pixels, paths, strict=True):
                try:
                    image[:], _ = decode(path, shape)
                except UnreadableImageError as error:
                    failures.append((path, str(error)))
            if not failures:
                yield pixels
        if failures:
            raise UnreadableImagesError(self.root, len(self.files), failures)


def given_images(paths: Sequence[Path], classes: Sequence[str]) -> GivenImages:
    """Find the images in `paths`: files, folders of files, or one folder with a sub-folder for each class.

    `classes` are the names of the net's classes. Raises `DataError` for a path that is not there, a folder
    without an image, and a sub-folder that is no class.
    """
    left_out: Counter[str] = Counter()
    root = paths[0] if len(paths) == 1 and paths[0].is_dir() else None
    folders = {} if root is None else subfolders(root)
    if root is not None and folders:
        return _labelled(root, folders, classes, left_out)
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += images_below(path, left_out)
        elif path.exists():
            files.append(path)
        else:
            raise DataError(
                f"an image must be there, and {printable(path)} is not: give the path of one that is"
            )
    _check_some(files, paths)
    return GivenImages(root, tuple(files), None, dict(left_out))


def _labelled(
    root: Path, folders: Mapping[str, Path], classes: Sequence[str], left_out: Counter[str]
) -> GivenImages:
    known = {composed(name.replace("/", "-")): label for label, name in enumerate(classes)}
    if all(name.isdecimal() and name.isascii() for name in folders) and not folders.keys() <= known.keys():
        known = {str(label): label for label in range(len(classes))}
    strange = [name for name in folders if name not in known]
    if strange:
        raise DataError(
            f"sub-folders must be named like the net's classes, {listed(classes, most=10)}, and "
            f"{printable(root)} has {listed(strange)}: rename them, or give one alone, which needs no class"
        )
    files: list[Path] = []
    labels: list[int] = []
    for name, folder in folders.items():
        found = images_below(folder, left_out)
        files += found
        labels += [known[name]] * len(found)
    count_outside([root], left_out)
    _check_some(files, [root])
    return GivenImages(root, tuple(files), np.array(labels, dtype=np.int64), dict(left_out))


def _check_some(files: Sequence[Path], paths: Sequence[Path]) -> None:
    if not files:
        raise DataError(f"there must be an image, and {listed(map(str, paths))} holds none: give others")
