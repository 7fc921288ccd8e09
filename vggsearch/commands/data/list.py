"""`vggsearch data list`: the known data sets, and where each is."""

from pathlib import Path

from vggsearch.commands.arguments import DataFolder, Json as AsJson
from vggsearch.commands.output import print_json
from vggsearch.data import DATASETS, DatasetInfo, locate
from vggsearch.display import make_console, table
from vggsearch.text import Json, shape_text


def command(data_dir: DataFolder = None, json: AsJson = False) -> None:
    """Name the known data sets, and where each is."""
    places = {name: locate(name, data_dir) for name in DATASETS}
    if json:
        print_json([_object(info, places[name]) for name, info in DATASETS.items()])
        return
    rows = table("name", "image", "classes", "train", "test", "place", right=("classes", "train", "test"))
    for name, info in DATASETS.items():
        sizes = (str(info.num_classes), f"{info.train_size:,}", f"{info.test_size:,}")
        rows.add_row(name, shape_text(info.input_shape), *sizes, str(places[name] or "not here"))
    console = make_console()
    console.print(rows)
    console.print("\nfolder:PATH names your own images, one sub-folder per class", soft_wrap=True)


def _object(info: DatasetInfo, place: Path | None) -> dict[str, Json]:
    return {
        "name": info.name,
        "input_shape": list(info.input_shape),
        "num_classes": info.num_classes,
        "train_size": info.train_size,
        "test_size": info.test_size,
        "source": info.source,
        "place": None if place is None else str(place),
    }
