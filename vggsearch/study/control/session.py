"""`Session`: what one invocation uses to work on a study."""

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
    """What one invocation uses to work on a study."""

    store: Store
    executor: Executor
    conditions: Conditions
    """What all runs share; `executor` makes runs under these conditions."""
    observer: Observer = field(default_factory=NullObserver)
    stopping: Stopping | None = None
    """When to stop; by default at signals and at the study's time limit."""
    clock: Clock = time.time
    storage: str | None = field(default=None, repr=False)
    """URL of the database for Optuna's copy of a search; None for a file of the store."""
    copied: bool = True
    """Whether Optuna keeps a copy of a search; a replay has none."""
    train: bool = True
    """Whether to train; where False, an ablation stops once its arms are measured and its plan is fixed."""

    @contextmanager
    def until_stopped(self, time_limit_s: float | None) -> Iterator["Session"]:
        """The same session with signals handled inside the `with` block."""
        with self.stopping or Stopping(time_limit_s) as stopping:
            yield replace(self, stopping=stopping)

    def notice(self, text: str) -> None:
        """Send the observer a line that a person should read."""
        self.observer.notify(Notice(text))
