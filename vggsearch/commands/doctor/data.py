"""The data sets that the store's studies use."""

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from vggsearch.commands.doctor.check import Check
from vggsearch.data import describe, is_own, locate, verify
from vggsearch.errors import DataError

DATASET = "fashion-mnist"
"""The data set that is checked where the store has no studies: that of the studies in the package."""


def check_data(names: Iterable[str | None], data_dir: Path | None) -> Iterator[Check]:
    """Every data set of `names` once; None is left out."""
    for name in sorted({name for name in names if name}) or [DATASET]:
        try:
            yield from _own(name) if is_own(name) else _named(name, data_dir)
        except DataError as error:
            yield Check("data", "wrong", str(error))


def _own(name: str) -> Iterator[Check]:
    """A folder is listed and one image opened, as opening all may take long; of a file the head is read."""
    info = describe(name)
    images = f"{info.train_size + info.test_size} images of {info.num_classes} classes"
    command = shlex.join(["vggsearch", "data", "verify", name])
    yield Check("data", "ok", f"{name}: {images}; `{command}` opens each")


def _named(name: str, data_dir: Path | None) -> Iterator[Check]:
    rows = verify(name, data_dir)
    bad = [row for row in rows if row.status == "damaged"]
    if bad:
        yield from (Check("data", "wrong", row.detail) for row in bad)
    elif any(row.status == "absent" for row in rows):
        yield Check("data", "note", f"{name} is not here yet: `vggsearch data fetch {name}` gets it")
    else:
        yield Check("data", "ok", f"{name} verified in {locate(name, data_dir)}")
