"""The command line of `vggsearch data`. Imports nothing heavy before a command runs."""

from typing import Annotated

import typer

from vggsearch.commands.arguments import DataFolder, Json

app = typer.Typer(rich_markup_mode=None, help="List, fetch and verify data sets.")


@app.command("list")
def data_list(data_dir: DataFolder = None, json: Json = False) -> None:
    """Name the known data sets, and where each lies."""
    from vggsearch.commands.data import list_command

    list_command(data_dir=data_dir, as_json=json)


DataName = Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="Name of a data set.")]


@app.command("fetch")
def data_fetch(name: DataName, data_dir: DataFolder = None) -> None:
    """Get a data set unless it is there, and verify it."""
    from vggsearch.commands.data import fetch_command

    fetch_command(name, data_dir=data_dir)


@app.command("verify")
def data_verify(name: DataName, data_dir: DataFolder = None, json: Json = False) -> None:
    """Check every file of a data set against its known checksum."""
    from vggsearch.commands.data import verify_command

    raise typer.Exit(verify_command(name, data_dir=data_dir, as_json=json))
