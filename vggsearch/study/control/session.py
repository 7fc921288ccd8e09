"""`Session`: with what, and for whom, a study is worked on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from vggsearch.execution import Executor
from vggsearch.runs import Clock
from vggsearch.store import Store
from vggsearch.study.control.conditions import Conditions
from vggsearch.study.control.events import Notice, NullObserver, Observer
from vggsearch.study.control.stopping import Stopping


@dataclass(frozen=True)
class Session:
    """The means of one invocation."""

    store: Store
    executor: Executor
    conditions: Conditions
    """What all runs share: `executor` makes runs under them."""
    observer: Observer = field(default_factory=NullObserver)
    stopping: Stopping | None = None
    """When to stop; by default at signals and at the study's time limit, counted from the beginning."""
    clock: Clock = time.time
    storage: str | None = field(default=None, repr=False)
    """URL of the database for Optuna's copy of a search; None for a file of the store."""
    train: bool = True
    """False stops an ablation once its arms are measured and its plan is fixed."""

    @contextmanager
    def until_stopped(self, time_limit_s: float | None) -> Iterator["Session"]:
        """The same session with signals handled inside the `with` block."""
        with self.stopping or Stopping(time_limit_s) as stopping:
            yield replace(self, stopping=stopping)

    def say(self, text: str) -> None:
        """Tell the observer a line that a person should read."""
        self.observer.notify(Notice(text))
