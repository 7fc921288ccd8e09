"""How a running study is displayed: live on a terminal, as plain log lines elsewhere.

Both displays observe the controller and draw from a `Progress`, which knows nothing of terminals.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Self, assert_never

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from vggsearch.display.console import table
from vggsearch.runs import Outcome, TrialRecord
from vggsearch.study import (
    BLIND,
    Event,
    Notice,
    Progress,
    Running,
    StageEnded,
    StageStarted,
    StudyEnded,
    StudyStarted,
    TrialFinished,
    TrialProgress,
    TrialStarted,
    describe,
)
from vggsearch.text import duration, percent

RECENT = 5
"""How many finished runs the live display shows."""

REFRESH_PER_SECOND = 4


class PlainLog:
    """One line with a time stamp for every finished run and notice.

    Args:
        console: Where to print.
        progress: The progress to print.
        stamp: Returns the time as text.
    """

    def __init__(self, console: Console, progress: Progress, stamp: Callable[[], str] | None = None) -> None:
        self._console, self._progress = console, progress
        self._stamp = stamp or (lambda: time.strftime("%Y-%m-%d %H:%M:%S"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to release."""

    def notify(self, event: Event) -> None:
        """Print `event` if it belongs in a log."""
        self._progress.notify(event)
        progress = self._progress
        match event:
            case StudyStarted():
                stages = ", ".join(
                    f"{stage} {progress.done.get(stage, 0)}/{n}" for stage, n in event.quota.items()
                )
                plan = (
                    f"; plan {progress.planned.digest[:12]}"
                    if "pairs" in event.quota and progress.planned
                    else ""
                )
                self._line(f"study {event.study}: {stages}; {event.slots} at once{plan}")
            case TrialFinished():
                self._line(
                    f"{event.trial.stage} {event.done}/{event.quota}: {finished_line(event)}{self._tail()}"
                )
            case Notice():
                self._line(event.text)
            case StudyEnded() if event.why != "finished":
                self._line(f"stopped ({event.why}), {event.left} runs left")
            case StageStarted() | TrialStarted() | TrialProgress() | StageEnded() | StudyEnded():
                pass
            case unknown:
                assert_never(unknown)

    def _tail(self) -> str:
        """The state of the whole study, to be added to the line of a finished run."""
        progress = self._progress
        parts = [f"best {_best(progress)}"] if progress.best else []
        parts += [_pairs(progress)] if progress.stage == "pairs" and progress.planned else []
        left_s = progress.time_left_s()
        parts += [f"{duration(max(1, left_s))} left"] if left_s is not None and progress.left else []
        return "".join(f"; {part}" for part in parts)

    def _line(self, text: str) -> None:
        self._console.print(Text(f"{self._stamp()}  {text}"), soft_wrap=True)


class LiveDisplay:
    """A display that is redrawn a few times a second, as a context manager; notices scroll above it."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console, self._progress = console, progress
        self._recent: deque[str] = deque(maxlen=RECENT)
        self._lock = threading.Lock()  # rich redraws in a separate thread
        self._live = Live(
            console=console, get_renderable=self._draw, refresh_per_second=REFRESH_PER_SECOND, transient=True
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def notify(self, event: Event) -> None:
        """Show `event` at the next refresh."""
        with self._lock:
            self._progress.notify(event)
            if isinstance(event, TrialFinished):
                self._recent.append(f"{event.trial.stage} {event.done}/{event.quota}: {finished_line(event)}")
        if isinstance(event, Notice):
            self._console.print(Text(event.text, style="yellow"))

    def _draw(self) -> RenderableType:
        with self._lock:
            return draw(self._progress, list(self._recent))


def _best(progress: Progress) -> str:
    """The best value so far of what runs are ranked by."""
    balanced = "balanced " if progress.criterion == "val_balanced_accuracy" else ""
    return balanced + percent(getattr(progress.best, progress.criterion))


def draw(progress: Progress, recent: list[str]) -> RenderableType:
    """The live display at this moment."""
    left_s = progress.time_left_s()
    head = Text(progress.study, style="bold")
    head.append(f"  {duration(progress.elapsed_s)}", style="default")
    if not progress.quota:
        head.append(", starting", "default")
    elif progress.left:
        head.append(
            f", about {duration(left_s)} left" if left_s is not None else ", time left not known yet",
            "default",
        )
    stages = Table.grid(padding=(0, 2))
    for stage, quota in progress.quota.items():
        done = progress.done.get(stage, 0)
        stages.add_row(
            Text(stage, style="bold" if stage == progress.stage else "dim"),
            ProgressBar(total=max(1, quota), completed=done, width=30),
            f"{done}/{quota}",
        )
    parts: list[RenderableType] = [head, stages]
    parts += [_running(progress)] if progress.running else []
    if progress.best is not None:
        parts.append(Text(f"best so far {describe(progress.best)}", style="green"))
    counts = ", ".join(f"{count} {outcome.value}" for outcome, count in progress.outcomes.most_common())
    parts += [Text(_pairs(progress), style="green")] if progress.planned is not None else []
    parts += [Text(f"here: {counts}", style="dim")] if counts else []
    parts += [Text(f"  {line}", style="dim", no_wrap=True, overflow="ellipsis") for line in recent]
    return Group(*parts)


def _running(progress: Progress) -> Table:
    judged = "" if progress.stage in BLIND else "val. accuracy"
    rows = table("running", "architecture", "budget", "", judged, right=(judged,))
    now_s, run_s = progress.clock(), progress.run_s
    for run in progress.running.values():
        fraction = run.fraction(now_s, run_s)
        rows.add_row(
            f"{run.stage} {run.number}",
            run.architecture,
            ProgressBar(total=1.0, completed=fraction, width=24),
            f"{fraction:.0%}",
            _accuracy(run),
        )
    return rows


def _accuracy(run: Running) -> str:
    return "" if run.stage in BLIND else percent(run.point.val_accuracy if run.point else None)


def _pairs(progress: Progress) -> str:
    wanted = progress.planned.pairs if progress.planned else 0
    return f"{progress.pairs_complete or 0} of {wanted} pairs complete"


def finished_line(event: TrialFinished) -> str:
    """A finished trial in one line: its accuracy, or why it has none.

    For a run of an ablation, which run it was instead of its accuracy (see `BLIND`).
    """
    trial, run = event.trial, event.run
    arm = _arm(trial) if trial.stage in BLIND else ""
    if run is None or trial.outcome is not Outcome.COMPLETED:
        why = f": {trial.reason}" if trial.reason else ""
        return f"{arm}{trial.outcome.value}, {trial.architecture}{why}"
    test = f", {percent(run.test_accuracy)} test" if run.test_accuracy is not None else ""
    took = "already in the store" if trial.cached else f"{run.train_s:.1f} s training"
    reached = f"{run.steps} steps" if arm else f"{percent(run.val_accuracy)} val{test}"
    return f"{arm}{reached}, {took}, {trial.architecture}"


def _arm(trial: TrialRecord) -> str:
    """Which run of an ablation it is: `iso-macs, lr 0.2, pair 3: `."""
    parts = [str(trial.params.get("arm", ""))]
    parts += [f"{name} {trial.params[name]}" for name in ("lr", "repeat", "pair") if name in trial.params]
    return f"{', '.join(parts)}: "
