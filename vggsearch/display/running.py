"""Run a study with a display."""

import sys

from rich.console import Console

from vggsearch.data import DataSummary
from vggsearch.display.console import make_console
from vggsearch.display.fetching import fetch_if_absent
from vggsearch.display.images import print_understood, reading_display
from vggsearch.display.notebook import NotebookDisplay, in_notebook
from vggsearch.display.studies import LiveDisplay, PlainLog
from vggsearch.store import Store
from vggsearch.study import (
    Event,
    Observer,
    Progress,
    Resources,
    Study,
    StudyResults,
    StudyStarted,
    examine,
    is_finished,
    kind_of,
    launch,
    read_results,
)


def finish_with_display(study: Study, store: Store, resources: Resources) -> tuple[StudyResults, str]:
    """Make the runs that are left, or say that none is; returns the results, and why it ended.

    The reason is `finished`, `interrupted` or `time limit`. Raises `VggSearchError`.
    """
    results = read_results(store, study)
    has_copy = kind_of(study).has_copy
    copy_lacks = has_copy and (resources.storage is not None or not store.layout.optuna.exists())
    if not is_finished(results, store) or copy_lacks:
        return run_with_display(study, store, results, resources)
    with store.lock():
        store.begin(study)
    print(f"{study.name} is finished already")
    return results, "finished"


def run_with_display(
    study: Study, store: Store, before: StudyResults, resources: Resources, *, train: bool = True
) -> tuple[StudyResults, str]:
    """Make the runs that are left with a display; returns the results, and why it ended.

    `before` are the results so far. Without `train` only an ablation's plan is made, and the display is on
    standard error.
    """
    fetch_if_absent(study.data.name, resources.data_dir)
    with reading_display() as reading:
        understood = examine(study, resources, reading)
    console = make_console(None if train else sys.stderr)
    progress = kind_of(study).progress(study, before, store)
    with _display(console, progress) as observer:
        results = launch(study, store, resources, _Announcer(observer, understood), train=train)
    return results, progress.why


def _display(console: Console, progress: Progress) -> LiveDisplay | NotebookDisplay | PlainLog:
    if in_notebook():
        return NotebookDisplay(progress)
    return (LiveDisplay if console.is_terminal else PlainLog)(console, progress)


class _Announcer:
    """Says what was understood of the data once the study begins: not if it is refused."""

    def __init__(self, observer: Observer, understood: DataSummary) -> None:
        self._observer = observer
        self._understood: DataSummary | None = understood

    def notify(self, event: Event) -> None:
        """Pass `event` on."""
        if isinstance(event, StudyStarted) and self._understood is not None:
            print_understood(self._understood)
            self._understood = None
        self._observer.notify(event)
