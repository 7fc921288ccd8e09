"""`vggsearch run`: run a study to its end, and print a short summary."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from vggsearch.commands.again import command_arguments
from vggsearch.commands.arguments import (
    INTERRUPTED,
    STORE,
    DataFolder,
    Device,
    StoreFolder,
    StudyFile,
    select_gpu,
)
from vggsearch.commands.lookup import weights_line
from vggsearch.commands.replaying import REPLAY, replay_and_print
from vggsearch.commands.report import print_summary, write_and_print
from vggsearch.display import finish_with_display, make_console
from vggsearch.errors import VggSearchError
from vggsearch.execution import KeepWeights
from vggsearch.report import report_folder, with_pictures
from vggsearch.store import Store
from vggsearch.study import Resources, kind_of, load_study, parse_storage


def command(
    file: StudyFile,
    store: StoreFolder = STORE,
    data_dir: DataFolder = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Runs at once; default one per core or GPU.", show_default=False)
    ] = None,
    device: Device = "auto",
    trials: Annotated[
        int | None, typer.Option(min=1, help="Replaces `trials` of a search.", show_default=False)
    ] = None,
    time_limit: Annotated[
        float | None, typer.Option(min=0, help="Seconds after which no new run begins.", show_default=False)
    ] = None,
    report: Annotated[bool, typer.Option("--report", help="Write the report at the end.")] = False,
    keep_weights: Annotated[
        KeepWeights | None,
        typer.Option(help="Replaces `keep_weights` of the study, finalists by default.", show_default=False),
    ] = None,
    executor: Annotated[
        str,
        typer.Option(
            "--executor", help="local; ray: on the nodes of a Ray cluster; replay: looked up in --table."
        ),
    ] = "local",
    table: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", show_default=False, help="Table that --executor replay looks runs up in."
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", show_default=False, help="Address of the Ray cluster's head, or auto."
        ),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            show_default=False,
            help="PostgreSQL database for Optuna's copy: postgresql+psycopg://HOST/DB.",
        ),
    ] = None,
) -> None:
    """Run a study, or resume it.

    The same command, given again after any interruption, continues where the study stopped. The exit status
    is 1 where finalists or runs of an ablation crashed; the same command then makes these again.
    """
    study = load_study(file)
    if executor == REPLAY or table is not None:
        if executor != REPLAY or table is None:
            raise VggSearchError("--executor replay and --table FILE go together: give both, or neither")
        study = study.with_options(trials=trials, time_limit_s=time_limit)
        replay_and_print(study, table, workers, report=report)
        return
    resources = Resources(select_gpu(device), workers, data_dir, executor, address, storage)
    study = study.with_options(trials=trials, time_limit_s=time_limit, keep_weights=keep_weights)
    if storage is not None and not kind_of(study).has_copy:
        raise study.mistake("an ablation has no copy in Optuna: leave --storage out")
    database = None if storage is None else parse_storage(storage)
    if database is not None:
        database.check()
    opened = Store.open(store, create=True)
    results, why = finish_with_display(study, opened, resources)
    if why != "finished":
        masked = None if database is None else str(database)
        again = f"vggsearch run {command_arguments(study, store, masked)}"
        again += "" if trials is None else f" --trials {trials}"
        again += "" if keep_weights is None else f" --keep-weights {keep_weights}"
        make_console().print(f"{why}; to continue: {again}", soft_wrap=True)
    else:
        for line in weights_line(results, opened, store):
            make_console().print(line, soft_wrap=True)
        if report:
            write_and_print(with_pictures(results, data_dir=data_dir), report_folder(results))
        else:
            print_summary(results, f"vggsearch report {command_arguments(study, store)}")
    failed = results.crash_notes() if why == "finished" else []
    for line in failed:
        make_console(sys.stderr).print(line, style="bold red", soft_wrap=True)
    raise typer.Exit(INTERRUPTED if why == "interrupted" else int(bool(failed)))
