"""`vggsearch run`: a study from where it is to its end, and the three lines a person wants."""

import shlex
from pathlib import Path

from vggsearch.commands import INTERRUPTED
from vggsearch.commands.data import fetch_if_absent
from vggsearch.commands.devices import default_workers, resolve_device
from vggsearch.commands.output import make_console
from vggsearch.commands.report import print_summary, report_folder, write_and_print
from vggsearch.commands.status import best_of, is_finished
from vggsearch.display import LiveDisplay, PlainLog
from vggsearch.progress import Progress
from vggsearch.study import Store, Study, StudyResults, load_study


def run_command(
    path: Path,
    *,
    store: Path,
    data_dir: Path | None,
    workers: int | None,
    device: str,
    trials: int | None,
    time_limit_s: float | None,
    report: bool,
) -> int:
    """Run or resume the study in `path`; returns 130 where a person stopped it, else 0."""
    study = load_study(path).with_options(trials=trials, time_limit_s=time_limit_s)
    opened = Store.open(store)
    results = opened.results(study)
    if is_finished(results, opened):
        with opened.lock():
            opened.begin(study)
        print(f"{study.name} is finished already")
        why = "finished"
    else:
        results, why = _work(study, opened, results, device, workers, data_dir)
    again = _again(study, store)
    if why != "finished":
        make_console().print(f"{why}; to go on: vggsearch run {again}", soft_wrap=True)
    elif report:
        write_and_print(results, report_folder(results))
    else:
        print_summary(results, f"vggsearch report {again}")
    return INTERRUPTED if why == "interrupted" else 0


def _work(
    study: Study, store: Store, before: StudyResults, device: str, workers: int | None, data_dir: Path | None
) -> tuple[StudyResults, str]:
    """Do what is left of the study; returns what is known then, and why it ended."""
    fetch_if_absent(study.data.name, data_dir)
    console = make_console()
    progress = Progress(expected_run_s=study.budget.seconds, best=best_of(before), study=study.name)
    display = LiveDisplay if console.is_terminal else PlainLog
    with display(console, progress) as observer:
        # Loading torch and Optuna takes seconds, in which a person already sees something.
        from vggsearch.commands.work import work

        kind = resolve_device(device)
        results = work(study, store, kind, workers or default_workers(kind), data_dir, observer)
    return results, progress.why


def _again(study: Study, store: Path) -> str:
    """The study and its store as the next command has to name them."""
    return shlex.join([str(study.path), *([] if store == Path(".vggsearch") else ["--store", str(store)])])
