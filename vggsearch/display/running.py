"""Run a study with a display."""

import sys

from vggsearch.data import DataSummary
from vggsearch.display.console import make_console
from vggsearch.display.fetching import fetch_if_absent
from vggsearch.display.images import print_understood, reading_display
from vggsearch.display.studies import LiveDisplay, PlainLog
from vggsearch.store import Store
from vggsearch.study import (
    Event,
    Observer,
    Resources,
    Study,
    StudyResults,
    StudyStarted,
    examine,
    kind_of,
    launch,
)


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
    display = LiveDisplay if console.is_terminal else PlainLog
    with display(console, progress) as observer:
        results = launch(study, store, resources, _Announcer(observer, understood), train=train)
    return results, progress.why


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
