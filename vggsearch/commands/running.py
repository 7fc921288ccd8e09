"""Run a study with a display, for `vggsearch run` and `vggsearch plan`."""

import shlex
import sys
from pathlib import Path

from vggsearch.commands.arguments import STORE
from vggsearch.commands.display import LiveDisplay, PlainLog
from vggsearch.commands.fetching import fetch_if_absent
from vggsearch.commands.output import make_console
from vggsearch.store import Store
from vggsearch.study import Resources, Study, StudyResults, kind_of, launch


def run_with_display(
    study: Study, store: Store, before: StudyResults, resources: Resources, *, train: bool = True
) -> tuple[StudyResults, str]:
    """Make the runs that are left with a display; returns the results, and why it ended.

    `before` are the results so far. Without `train` only an ablation's plan is made, and the display is on
    standard error.
    """
    fetch_if_absent(study.data.name, resources.data_dir)
    console = make_console(None if train else sys.stderr)
    progress = kind_of(study).progress(study, before, store)
    display = LiveDisplay if console.is_terminal else PlainLog
    with display(console, progress) as observer:
        results = launch(study, store, resources, observer, train=train)
    return results, progress.why


def command_arguments(study: Study, store: Path, storage: str | None = None) -> str:
    """The arguments with which a command names the study, its store and its database."""
    options = [] if store == STORE else ["--store", str(store)]
    options += [] if storage is None else ["--storage", storage]
    return shlex.join([str(study.path), *options])
