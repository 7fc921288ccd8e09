"""The command line: what can be asked, and how a mistake is told. The work is in `vggsearch.commands`.

Only this module and `commands.arguments` read the environment. Neither imports anything heavy, so that
`--help` answers at once: every command's module is imported when the command runs.
"""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from vggsearch import __version__
from vggsearch.commands import data_app, runs
from vggsearch.commands.arguments import (
    INTERRUPTED,
    STORE,
    ArchitectureText,
    DataFolder,
    Device,
    Json,
    StoreFolder,
    StudyFile,
    select_gpu,
)
from vggsearch.errors import VggSearchError

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Architecture search and ablations for VGG-style networks, on your data, within the time you have.",
    epilog="Begin with: vggsearch run studies/quickstart.yaml",
)
app.add_typer(data_app.app, name="data")
app.add_typer(runs.app, name="runs")


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Without a command: the version or the help."""
    if version:
        typer.echo(f"vggsearch {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def run(
    study: StudyFile,
    store: StoreFolder = STORE,
    data_dir: DataFolder = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Runs at once; default one per core or GPU.", show_default=False)
    ] = None,
    device: Device = "auto",
    trials: Annotated[
        int | None, typer.Option(min=1, help="Instead of a search's `trials`.", show_default=False)
    ] = None,
    time_limit: Annotated[
        float | None, typer.Option(min=0, help="Seconds after which nothing new begins.", show_default=False)
    ] = None,
    report: Annotated[bool, typer.Option("--report", help="Write the report at the end.")] = False,
    executor: Annotated[
        str, typer.Option("--executor", help="local, or ray: on the nodes of a Ray cluster.")
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", show_default=False, help="Of the Ray cluster's head, or auto."),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            show_default=False,
            help="Optuna's part in PostgreSQL: postgresql+psycopg://HOST/DB.",
        ),
    ] = None,
) -> None:
    """Run a study, or resume it.

    The same command again, after any interruption, goes on where the study stopped.
    """
    from vggsearch.commands.run import run_command

    raise typer.Exit(
        run_command(
            study,
            store=store,
            data_dir=data_dir,
            workers=workers,
            device=select_gpu(device),
            trials=trials,
            time_limit_s=time_limit,
            report=report,
            executor=executor,
            address=address,
            storage=storage,
        )
    )


@app.command()
def report(
    study: Annotated[
        Path | None, typer.Argument(metavar="[STUDY]", show_default=False, help="Study file (YAML).")
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FOLDER", show_default=False, help="Make a report again from its own data."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where to; default reports/NAME.", show_default=False),
    ] = None,
    store: StoreFolder = STORE,
) -> None:
    """Write the report of a study.

    One page, figures, tables, and the data behind them.
    """
    from vggsearch.commands.report import report_command

    report_command(study, source=source, out=out, store=store)


@app.command()
def status(study: StudyFile, store: StoreFolder = STORE, json: Json = False) -> None:
    """Say how far a study is.

    Reads the store only, so it can be asked while the study runs.
    """
    from vggsearch.commands.status import status_command

    status_command(study, store=store, as_json=json)


@app.command()
def space(
    study: StudyFile,
    data_dir: DataFolder = None,
    list_all: Annotated[bool, typer.Option("--list", help="Print every member, one a line.")] = False,
    sample: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="Print so many drawn at random.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of --sample.")] = 0,
    json: Json = False,
) -> None:
    """Describe the space that a study searches.

    How many networks there are, and how large they are.
    """
    from vggsearch.commands.space import space_command

    space_command(study, data_dir=data_dir, list_all=list_all, sample=sample, seed=seed, as_json=json)


@app.command()
def plan(
    study: StudyFile,
    store: StoreFolder = STORE,
    data_dir: DataFolder = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Say what an ablation compares.

    How many runs, how long, and which effects it could detect. Measures each arm's speed, and trains nothing.
    """
    from vggsearch.commands.plan import plan_command

    raise typer.Exit(
        plan_command(study, store=store, data_dir=data_dir, device=select_gpu(device), as_json=json)
    )


@app.command()
def cost(
    architecture: ArchitectureText,
    input: Annotated[
        str | None,
        typer.Option(
            metavar="CxHxW",
            show_default=False,
            help="Channels, height and width of an image; default 1x28x28, or what a named net was made for.",
        ),
    ] = None,
    classes: Annotated[
        int | None,
        typer.Option(show_default=False, help="Classes; default 10, or what a named net was made for."),
    ] = None,
    layers: Annotated[bool, typer.Option("--layers", help="One line a layer, not a stage.")] = False,
    json: Json = False,
) -> None:
    """Walk a network stage by stage.

    Output shapes, parameters and MACs.
    """
    from vggsearch.commands.cost import cost_command

    cost_command(architecture, input_text=input, num_classes=classes, by_layer=layers, as_json=json)


@app.command()
def train(
    architecture: ArchitectureText,
    data: Annotated[str, typer.Option(help="Name of a data set, or folder:PATH.")] = "fashion-mnist",
    resize: Annotated[
        int | None, typer.Option(help="Side images are resized to.", show_default=False)
    ] = None,
    recipe: Annotated[str, typer.Option(help="fast, sprint, dash or d2l.")] = "fast",
    budget: Annotated[str, typer.Option(help="As in 30s, 2epochs, 500steps, 1e12macs.")] = "30s",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    device: Device = "auto",
    store: StoreFolder = STORE,
    data_dir: DataFolder = None,
    json: Json = False,
) -> None:
    """Train one network.

    A run that the store already holds is printed, not made again.
    """
    from vggsearch.commands.train import train_command

    train_command(
        architecture,
        data=data,
        resize=resize,
        recipe=recipe,
        budget=budget,
        seed=seed,
        device=select_gpu(device),
        store=store,
        data_dir=data_dir,
        as_json=json,
    )


@app.command()
def doctor(
    store: StoreFolder = STORE,
    data_dir: DataFolder = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend the store, after a copy of what is changed in it.")
    ] = False,
    json: Json = False,
) -> None:
    """Look for what could stop a study here.

    The exit status is 1 where something is wrong.
    """
    from vggsearch.commands.doctor import doctor_command

    raise typer.Exit(doctor_command(store=store, data_dir=data_dir, repair=repair, as_json=json))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status: 0, 1 by a command's own meaning, 2 for a mistake, 130.

    A mistake is one line on standard error. Anything else that is raised is a bug, and keeps its traceback.
    """
    try:
        status = app(arguments, prog_name="vggsearch", standalone_mode=False)
        sys.stdout.flush()
    except VggSearchError as error:
        return _mistake(str(error))
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "vggsearch"
        text = " ".join(error.format_message().split()).rstrip(".")
        remedy = "" if text.endswith("?") else f": see {command} --help"
        return _mistake(f"{text[:1].lower()}{text[1:]}{remedy}")
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has gone: standard output becomes a sink, so that the flush at exit is quiet too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.filename is None or error.strerror is None:
            raise
        return _mistake(f"{error.filename} cannot be used ({error.strerror}): mend it, or name another place")
    return status if isinstance(status, int) else 0


def _mistake(text: str) -> int:
    from vggsearch.commands.output import harmless

    hidden = re.sub(r"://[^/@\s]+@", "://***@", text)  # a password that was typed where none belongs
    print(f"vggsearch: error: {' '.join(harmless(hidden).splitlines())}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
