"""`vggsearch report`: make a report from a store, or from an earlier report's own data."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from vggsearch.commands.arguments import STORE, DataFolder, OptionalStudyFile, StoreFolder
from vggsearch.errors import VggSearchError
from vggsearch.report import report_folder, summarize_results, with_pictures, write_report
from vggsearch.store import Store
from vggsearch.study import StudyResults, as_last_asked, load_study, read_results

"""Where reports go whose folder is not named. Git tracks none of them."""


def command(
    study: OptionalStudyFile = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FOLDER", show_default=False, help="Make a report again from its own data."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where to; default vggsearch-reports/NAME.", show_default=False),
    ] = None,
    store: StoreFolder = STORE,
    data_dir: DataFolder = None,
) -> None:
    """Write the report of a study.

    One page, figures, tables, and the data behind them.
    """
    if (study is None) == (source is None):
        given = "neither" if study is None else "both"
        raise VggSearchError(
            f"a report is made from a study file or --from an earlier report, not {given}: "
            "write vggsearch report quickstart, for example"
        )
    if source is not None:
        results = StudyResults.read(source / "data")
        folder = out or source
    else:
        assert study is not None  # one of the two is given
        opened = Store.open(store)
        found = read_results(opened, as_last_asked(load_study(study), opened))
        results = with_pictures(found, data_dir=data_dir)
        folder = out or report_folder(results)
    write_and_print(results, folder, made_from=source)


def write_and_print(results: StudyResults, folder: Path, *, made_from: Path | None = None) -> None:
    """Write the report and print its summary.

    The report names the command that makes it again from its own data, or from those of `made_from`.
    """
    made_by = shlex.join(["vggsearch", "report", "--from", str(made_from or folder)])
    print(write_report(results, folder, command=made_by))


def print_summary(results: StudyResults, command: str) -> None:
    """Print the same summary without a report; the last line is the command that makes the report."""
    summary = summarize_results(results, report_folder(results) / "index.html")
    print("\n".join((*summary.lines, f"report: {command}")))
