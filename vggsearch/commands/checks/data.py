"""The data sets that the store's studies use."""

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from vggsearch.commands.checks.check import Check, plain
from vggsearch.data import describe, locate, verify
from vggsearch.errors import DataError

DATASET = "fashion-mnist"
"""The data set of the studies that come with vggsearch, for a store that has none yet."""

FOLDER = "folder:"


def check_data(names: Iterable[str | None], data_dir: Path | None) -> Iterator[Check]:
    """Every data set of `names` once, None apart."""
    for name in sorted({name for name in names if name}) or [DATASET]:
        try:
            yield from _folder(name) if name.startswith(FOLDER) else _named(name, data_dir)
        except DataError as error:
            yield Check("data", "wrong", plain(str(error)))


def _folder(name: str) -> Iterator[Check]:
    """Listed, and one image opened: all of them may take long."""
    info = describe(name)
    images = f"{info.train_size + info.test_size} images of {info.num_classes} classes"
    command = shlex.join(["vggsearch", "data", "verify", name])
    yield Check("data", "ok", plain(f"{name}: {images}; `{command}` opens each"))


def _named(name: str, data_dir: Path | None) -> Iterator[Check]:
    rows = verify(name, data_dir)
    bad = [row for row in rows if row.status == "damaged"]
    if bad:
        yield from (Check("data", "wrong", row.detail) for row in bad)
    elif any(row.status == "absent" for row in rows):
        yield Check("data", "note", f"{name} is not here yet: `vggsearch data fetch {name}` gets it")
    else:
        yield Check("data", "ok", f"{name} verified in {locate(name, data_dir)}")
