"""The command line: its commands, and how it reports a user's mistake.

Each command is a file of `commands`, imported when it runs, so that `--help` comes at once. Only this module
and `commands.arguments` read the environment.
"""

import contextlib
import io
import os
import re
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from vggsearch import __version__
from vggsearch.commands import INTERRUPTED, add_command
from vggsearch.errors import VggSearchError

COMMANDS: tuple[tuple[str, str], ...] = (
    ("run", "Run a study, or resume it."),
    ("studies", "List the studies that come with vggsearch."),
    ("init", "Write a study file to edit."),
    ("report", "Write the report of a study."),
    ("status", "Show how far a study is."),
    ("space", "Describe the space that a study searches, or of which it makes a table."),
    ("plan", "Say what an ablation compares, or how long a table takes."),
    ("cost", "Walk a network stage by stage."),
    ("train", "Train one network."),
    ("export", "Write a trained net as a folder."),
    ("predict", "Classify pictures with an exported net."),
    ("doctor", "Look for what could stop a study here."),
    ("data list", "Name the known data sets, and where each is."),
    ("data show", "Say what was understood of a data set."),
    ("data fetch", "Get a data set unless it is there, and verify it."),
    ("data verify", "Check every file of a data set against its known checksum."),
    ("table build", "Train what a table still lacks, and write the file."),
    ("table show", "Say what a table holds, and what it shows."),
    ("runs show", "Print all that is known of a run."),
    ("runs repeat", "Train a run again and compare."),
)
"""Name and first line of help. A command is the function `command` of `vggsearch/commands/NAME.py`, or of
`vggsearch/commands/GROUP/NAME.py`."""

GROUPS = {
    "data": "List, show, fetch and verify data sets.",
    "table": "Make and describe tables on which searches are replayed.",
    "runs": "Look into single runs, and repeat them.",
}


def _app() -> typer.Typer:
    app = typer.Typer(
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        help="Architecture search and ablations for VGG-style networks, on your data, within your time.",
        epilog="Begin with: vggsearch run quickstart, or your own study: vggsearch init",
    )
    app.callback(invoke_without_command=True)(_root)
    groups = {name: typer.Typer(rich_markup_mode=None, help=help) for name, help in GROUPS.items()}
    for words, help in COMMANDS:
        group, _, name = words.rpartition(" ")
        module = f"vggsearch.commands.{words.replace(' ', '.')}"
        add_command(groups[group] if group else app, name, module, help)
    for name, group_app in groups.items():
        app.add_typer(group_app, name=name)
    return app


def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Without a command: the version or the help."""
    if version:
        typer.echo(f"vggsearch {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


app = _app()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    0 is success, 1 has a meaning of its own for each command, 2 is a user's mistake, reported in one line on
    standard error, and 130 is an interruption. Any other exception is a bug and keeps its traceback.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(OSError):  # a descriptor that was replaced by another kind of file
                stream.reconfigure(errors="replace")  # a terminal may lack characters such as × and ±
    try:
        status = app(arguments, prog_name="vggsearch", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "vggsearch"
        text = " ".join(error.format_message().split()).rstrip(".")
        remedy = "" if text.endswith("?") else f": see {command} --help"
        return _mistake(f"{text[:1].lower()}{text[1:]}{remedy}")
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has closed the pipe. Standard output becomes a sink, so that the flush at exit is quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.filename is None or error.strerror is None:
            raise
        return _mistake(
            f"{error.filename} cannot be used ({error.strerror}): repair it, or name another place"
        )
    except VggSearchError as error:
        return _mistake(str(error))
    return status if isinstance(status, int) else 0


def _mistake(text: str) -> int:
    from vggsearch.display import harmless

    hidden = re.sub(r"://[^/@\s]+@", "://***@", text)  # a password typed into the wrong argument
    print(f"vggsearch: error: {' '.join(harmless(hidden).splitlines())}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
