"""`vggsearch data`: which data sets there are, where they lie, and whether their bytes are right."""

import logging
import sys
from pathlib import Path

from vggsearch.commands.output import make_console, print_json, table
from vggsearch.data import DATASETS, DatasetInfo, FileReport, fetch, locate, verify
from vggsearch.errors import DataError
from vggsearch.recipe import Recipe


def list_command(*, data_dir: Path | None, as_json: bool) -> None:
    """Print every known data set and where it lies."""
    places = {name: locate(name, data_dir) for name in DATASETS}
    if as_json:
        print_json([_object(info, places[name]) for name, info in DATASETS.items()])
        return
    rows = table("name", "image", "classes", "train", "test", "place", right=("classes", "train", "test"))
    for name, info in DATASETS.items():
        sizes = (str(info.num_classes), f"{info.train_size:,}", f"{info.test_size:,}")
        rows.add_row(name, "×".join(map(str, info.input_shape)), *sizes, str(places[name] or "not here"))
    console = make_console()
    console.print(rows)
    console.print("\nfolder:PATH names your own images, one sub-folder per class", soft_wrap=True)


def fetch_command(name: str, *, data_dir: Path | None) -> None:
    """Make sure that a data set is there and undamaged."""
    print(f"{name}: verified in {fetch_and_log(name, data_dir)}")






def verify_command(name: str, *, data_dir: Path | None, as_json: bool) -> int:
    """Print the state of every file; 1 where one is absent or damaged."""
    found = verify(name, data_dir)
    sound = all(row.status == "verified" for row in found)
    if as_json:
        print_json({"name": name, "verified": sound, "files": [_row(row) for row in found]})
    else:
        rows = table("part", "status", "file", "detail")
        for row in found:
            rows.add_row(row.part, row.status, str(row.path or "–"), row.detail)
        make_console().print(rows)
    return 0 if sound else 1




def _object(info: DatasetInfo, place: Path | None) -> dict[str, str | int | list[int] | None]:
    return {
        "name": info.name,
        "input_shape": list(info.input_shape),
        "num_classes": info.num_classes,
        "train_size": info.train_size,
        "test_size": info.test_size,
        "source": info.source,
        "place": None if place is None else str(place),
    }


def _row(row: FileReport) -> dict[str, str | None]:
    path = None if row.path is None else str(row.path)
    return {"part": row.part, "status": row.status, "path": path, "detail": row.detail}
