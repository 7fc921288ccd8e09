"""`vggsearch doctor --speed`: images a second by each precision and code of layers, on one core."""

import sys

import torch

from vggsearch.arch import Architecture, Task
from vggsearch.commands.output import print_json
from vggsearch.display import make_console, table
from vggsearch.recipe import RECIPES
from vggsearch.text import Json
from vggsearch.training import Speeds, choices_folder, device_model, measure_speeds

NETS = (
    "2x4-2x8-2x16-2x32+bn+gap",
    "2x8-2x16-2x32-2x64+bn+gap",
    "2x16-2x32-2x64-2x128+bn+gap",
    "2x32-2x64-2x128-2x256+bn+gap",
)
"""One net at four widths."""

RECIPE = "sprint"
"""A recipe that leaves precision and layers to the machine."""

TASK = Task((1, 28, 28), 10)
"""The shape of Fashion-MNIST."""

COLUMNS = {
    ("float32", "torch"): "float32",
    ("float32", "narrow"): "float32, narrow",
    ("bfloat16", "torch"): "bfloat16",
    ("bfloat16", "narrow"): "bfloat16, narrow",
}
"""Of the table, by precision and layers."""


def print_speeds(*, as_json: bool) -> None:
    """Measure, in a few seconds, and print a table or one JSON object."""
    console = make_console(sys.stderr)
    found: dict[str, Speeds] = {}
    for number, net in enumerate(NETS, start=1):
        with console.status(f"measuring {net} ({number} of {len(NETS)})"):
            found[net] = measure_speeds(Architecture.parse(net), TASK, RECIPES[RECIPE])
    if as_json:
        print_json(
            {
                "processor": device_model("cpu"),
                "threads": 1,
                "torch": torch.__version__,
                "recipe": RECIPE,
                "input_shape": list(TASK.input_shape),
                "folder": None if choices_folder() is None else str(choices_folder()),
                "nets": [{"architecture": net, **_object(speeds)} for net, speeds in found.items()],
            }
        )
    else:
        _print_table(found)


def _object(speeds: Speeds) -> dict[str, Json]:
    return {
        "speeds": [
            {**choice.model_dump(), "images_per_s": value} for choice, value in speeds.images_per_s.items()
        ],
        "chosen": speeds.chosen.model_dump(),
        "remembered": None if speeds.remembered is None else speeds.remembered.model_dump(),
    }


def _print_table(found: dict[str, Speeds]) -> None:
    console = make_console()
    shape = "×".join(map(str, TASK.input_shape))
    console.print(
        f"images/s of training by the recipe {RECIPE} on one core of {device_model('cpu')}, "
        f"1 thread, torch {torch.__version__}, images of {shape}:\n"
    )
    columns = list(COLUMNS.values())
    rows = table("network", *columns, right=columns)
    for net, speeds in found.items():
        cells = {COLUMNS[one.precision, one.layers]: value for one, value in speeds.images_per_s.items()}
        chosen = COLUMNS[speeds.chosen.precision, speeds.chosen.layers]
        shown = [
            f"{cells[name]:,.0f}{'*' if name == chosen else ' '}" if name in cells else "– "
            for name in columns
        ]
        rows.add_row(net, *shown)
    console.print(rows)
    console.print(
        "\n* what `precision: fastest` chooses by these times; – nothing differs from the layers of torch"
    )
    for net, speeds in found.items():
        if speeds.remembered not in (None, speeds.chosen):
            console.print(f"runs of nets like {net} use {speeds.remembered}, as measured before")
    if choices_folder() is not None:
        console.print(
            f"measured choices are kept in {choices_folder()}; without it they are measured anew",
            soft_wrap=True,
        )
