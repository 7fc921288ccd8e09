"""`vggsearch run --executor replay`: a search whose runs are looked up in a table."""

from pathlib import Path

from vggsearch.commands.report import print_summary, write_and_print
from vggsearch.display import make_console
from vggsearch.report import report_folder
from vggsearch.study import SearchStudy, Study
from vggsearch.tables import load_table, replay_study
from vggsearch.text import duration

REPLAY = "replay"
"""The value of `--executor`."""

WORKERS = 2
"""Runs at once, by default."""


def replay_and_print(study: Study, table: Path, workers: int | None, *, report: bool) -> None:
    """Replay `study` and print a summary, or write its report. Nothing is kept in a store."""
    if not isinstance(study, SearchStudy):
        raise study.mistake("kind: only a search is replayed on a table: leave --executor replay out")
    loaded = load_table(table)
    results = replay_study(study, loaded, workers=workers or WORKERS)
    end_s = max((trial.told_at for trial in results.trials), default=0.0)
    lines = [f"{len(results.runs)} runs of table {loaded.header.name}, in {duration(end_s)} of its machine"]
    if study.finalists is not None:
        lines.append("finalists are left out: a table has no test results")
    for line in lines:
        make_console().print(line, soft_wrap=True)
    folder = report_folder(results).with_name(f"{study.name}-replay")
    if report:
        write_and_print(results, folder)
    else:
        print_summary(results, f"add --report to this command, which writes {folder}")
