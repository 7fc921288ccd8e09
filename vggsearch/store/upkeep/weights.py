"""Which weights a store holds: how many, which no record names, which are damaged, and how many are lost."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vggsearch.runs import Digest
from vggsearch.store.layout import WEIGHTS_FILE
from vggsearch.store.weights import digest_of


@dataclass
class WeightsSurvey:
    """What is in the store's folder of weights."""

    files: int = 0
    """Sound files that a record names."""
    bytes: int = 0
    lost: int = 0
    """Files that records name and that are absent or damaged."""


def survey_weights(
    paths: Iterable[Path], named: set[Digest], found: WeightsSurvey
) -> Iterator[tuple[Path, str]]:
    """Count the weights files `paths` into `found`; yields those that are of no use, and why.

    `named` are the digests in the store's records, read after the paths were listed: a controller moves a
    file there before it puts the record that names it.
    """
    sound = set()
    for path in paths:
        digest = digest_of(path)
        if digest == path.stem and digest in named:
            sound.add(digest)
            found.bytes += path.lstat().st_size
        elif os.path.lexists(path):  # `doctor` may look while a controller works
            yield path, "no record names it" if digest == path.stem else "its checksum is not its name"
    found.files, found.lost = len(sound), len(named - sound)


def is_weights(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of the folder can be a weights file."""
    return WEIGHTS_FILE.fullmatch(entry.name) is not None and entry.is_file(follow_symlinks=False)
