"""The command line of `vggsearch runs`. Imports nothing heavy before a command runs."""

from typing import Annotated

import typer

from vggsearch.commands.arguments import (
    STORE,
    DataFolder,
    Device,
    Json,
    ReportFolder,
    StoreFolder,
    select_gpu,
)

app = typer.Typer(rich_markup_mode=None, help="Look into single runs, and repeat them.")

Key = Annotated[
    str,
    typer.Argument(
        metavar="KEY", show_default=False, help="Digest of the run's key, or its first 6 digits or more."
    ),
]


@app.command("show")
def runs_show(key: Key, store: StoreFolder = STORE, source: ReportFolder = None, json: Json = False) -> None:
    """Print all that is known of a run.

    What it was, what came of it, where it was made, and what used it.
    """
    from vggsearch.commands.runs import show_command

    show_command(key, store=store, source=source, as_json=json)


@app.command("repeat")
def runs_repeat(
    key: Key,
    store: StoreFolder = STORE,
    source: ReportFolder = None,
    data_dir: DataFolder = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Train a run again and compare.

    Nothing is written. The exit status is 1 where bits differ that should be the same.
    """
    from vggsearch.commands.repeat import repeat_command

    raise typer.Exit(
        repeat_command(
            key, store=store, source=source, data_dir=data_dir, device=select_gpu(device), as_json=json
        )
    )
