"""`vggsearch table build`: train what a table still lacks, and write the file."""

from pathlib import Path
from typing import Annotated

import typer

from vggsearch.commands.again import command_arguments
from vggsearch.commands.arguments import INTERRUPTED, STORE, DataFolder, Device, StoreFolder, select_gpu
from vggsearch.display import make_console, run_with_display
from vggsearch.store import Store
from vggsearch.study import (
    Resources,
    StudyResults,
    TableStudy,
    as_last_asked,
    is_finished,
    load_study,
    read_results,
)
from vggsearch.tables import build_table, write_table

TABLES = Path("tables")


def command(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="STUDY", show_default=False, help="Study file; one of kind table is trained first."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to; default tables/NAME.csv.gz.", show_default=False),
    ] = None,
    store: StoreFolder = STORE,
    data_dir: DataFolder = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Runs at once; default one per core or GPU.", show_default=False)
    ] = None,
    device: Device = "auto",
    train: Annotated[
        bool, typer.Option("--train/--no-train", help="Whether to make the runs that the table lacks.")
    ] = True,
) -> None:
    """Train what a table still lacks, and write the file.

    The runs of any other study that the store holds are written as they are.
    """
    study = load_study(file)
    opened = Store.open(store, create=isinstance(study, TableStudy) and train)
    results = read_results(opened, as_last_asked(study, opened))
    if isinstance(study, TableStudy) and train and not is_finished(results, opened):
        resources = Resources(select_gpu(device), workers, data_dir)
        results, why = run_with_display(study, opened, results, resources)
        if why != "finished":
            again = command_arguments(study, store)
            make_console().print(f"{why}; to continue: vggsearch table build {again}", soft_wrap=True)
            raise typer.Exit(INTERRUPTED if why == "interrupted" else 0)
    path = out or TABLES / f"{study.name}.csv.gz"
    print(_written(results, path))


def _written(results: StudyResults, path: Path) -> str:
    table = build_table(results)
    write_table(table, path)
    members, fidelities = len(table.members), len(table.fidelities)
    notes = "".join(f"\n{note}" for note in table.header.notes)
    return (
        f"{path}: {len(table.rows)} runs of {members} networks at {fidelities} budgets, "
        f"{path.stat().st_size / 1000:.0f} kB{notes}"
    )
