"""Arguments and options of several commands, and their environment variables.

Imports nothing heavy, because `vggsearch --help` imports it.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from vggsearch.devices import traits

StudyFile = Annotated[
    Path,
    typer.Argument(
        metavar="STUDY", show_default=False, help="Study file (YAML), or a name of vggsearch studies."
    ),
]
OptionalStudyFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="STUDY", show_default=False, help="Study file (YAML), or a name of vggsearch studies."
    ),
]
ShippedName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Study to begin with: one of vggsearch studies."),
]
ArchitectureText = Annotated[
    str,
    typer.Argument(
        metavar="ARCH", show_default=False, help="Zoo name (vgg16, d2l-vgg11/4) or text (1x16-2x32k5+bn+gap)."
    ),
]
DataName = Annotated[
    str,
    typer.Argument(metavar="NAME", show_default=False, help="Name of a data set."),
]
ReportFolder = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="FOLDER",
        show_default=False,
        help="Read the data of a report in this folder instead.",
    ),
]
StoreFolder = Annotated[
    Path, typer.Option("--store", envvar="VGGSEARCH_STORE", help="Folder that keeps every finished run.")
]
DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", envvar="VGGSEARCH_DATA", help="Folder in which data sets are looked for first."
    ),
]
Device = Annotated[
    str, typer.Option("--device", help="auto, cpu, cuda, mps or xpu; cuda:N or xpu:N for one of several.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
STORE = Path(".vggsearch")
"""Default of `--store`."""


NO_GPU = "1000"
"""Number of a GPU that no machine has: with it alone visible, none is."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells count it: 128 + SIGINT."""


def select_gpu(device: str) -> str:
    """Hide all GPUs but N from this process and its workers where `device` is `cuda:N` or `xpu:N`.

    Returns `device`.
    """
    name, _, index = device.partition(":")
    if name in ("cuda", "xpu") and index.isdecimal() and len(index) < 4:
        variables = traits(name).visible
        for variable in [one for one in variables if one in os.environ] or variables[:1]:
            visible = os.environ.get(variable)
            numbers = visible.split(",") if visible is not None else [*map(str, range(1000))]
            os.environ[variable] = numbers[int(index)] if int(index) < len(numbers) else NO_GPU
    return device
