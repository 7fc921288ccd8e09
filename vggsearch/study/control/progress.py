"""How far a running study is, computed from its events; knows nothing of how it is displayed."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import assert_never

from vggsearch.runs import (
    Clock,
    Criterion,
    CurvePoint,
    Digest,
    Outcome,
    RunRecord,
    Stage,
    TrialRecord,
    best_run,
)
from vggsearch.study.control.events import (
    Event,
    Notice,
    StageEnded,
    StageStarted,
    StudyEnded,
    StudyStarted,
    TrialFinished,
    TrialProgress,
    TrialStarted,
)
from vggsearch.study.control.stages import BLIND, RANKED, UNTIMED


@dataclass(frozen=True, slots=True)
class Planned:
    """What a display needs of a registered plan."""

    digest: Digest
    run_s: float | None
    """Expected training seconds of a run, averaged over the arms; None where none was measured."""
    pairs: int
    arms: frozenset[str]
    """Names of the arms that have a run of their own with each seed."""


@dataclass
class Running:
    """An active run."""

    stage: Stage
    number: int
    architecture: str
    started_s: float
    point: CurvePoint | None = None
    point_s: float = 0.0

    def fraction(self, now_s: float, expected_s: float | None) -> float:
        """Spent fraction of its budget, extrapolated from its last point at the pace so far; below 1."""
        if self.point is not None and self.point_s > self.started_s:
            pace = self.point.fraction / (self.point_s - self.started_s)
            return min(0.99, self.point.fraction + pace * (now_s - self.point_s))
        return min(0.99, (now_s - self.started_s) / expected_s) if expected_s else 0.0


@dataclass
class Progress:
    """How far a study is.

    Args:
        clock: Seconds of the monotonic clock.
        expected_run_s: Expected seconds of a run, used before one has finished; None where unknown.
        best: The best run completed by an earlier invocation.
        criterion: The column by which runs are ranked.
        read_plan: Reads an ablation's plan; called whenever a controller begins.
        trials: Trials of an ablation recorded by earlier invocations.
    """

    clock: Clock = time.monotonic
    expected_run_s: float | None = None
    best: RunRecord | None = None
    criterion: Criterion = "val_accuracy"
    study: str = ""
    read_plan: Callable[[], Planned | None] = lambda: None
    trials: list[TrialRecord] = field(default_factory=list)
    planned: Planned | None = None
    slots: int = 1
    stage: Stage | None = None
    started_s: float = field(init=False)
    done: dict[Stage, int] = field(default_factory=dict)
    quota: dict[Stage, int] = field(default_factory=dict)
    running: dict[Digest, Running] = field(default_factory=dict)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    run_seconds: list[float] = field(default_factory=list)
    """Wall seconds of every run finished in this invocation, except calibration runs."""
    why: str = ""
    """Why the study ended, once it has."""

    def __post_init__(self) -> None:
        self.started_s = self.clock()

    def notify(self, event: Event) -> None:
        """Update the progress by `event`."""
        match event:
            case StudyStarted():
                self._start(event)
            case StageStarted():
                self.stage = event.stage
                self.done[event.stage], self.quota[event.stage] = event.done, event.quota
            case TrialStarted():
                self.running[event.digest] = Running(
                    event.stage, event.number, event.architecture, self.clock()
                )
            case TrialProgress():
                if run := self.running.get(event.digest):
                    run.point, run.point_s = event.point, self.clock()
            case TrialFinished():
                self._finish(event)
            case StudyEnded():
                self.why = event.why
            case StageEnded() | Notice():
                pass
            case unknown:
                assert_never(unknown)

    def _start(self, event: StudyStarted) -> None:
        """Add the counts: an ablation has a second controller, after its calibration, with other stages."""
        self.study, self.slots, self.why = event.study, event.slots, ""
        self.done |= event.done
        self.quota |= event.quota
        self.planned = self.read_plan()
        if self.planned is not None and self.planned.run_s is not None:
            self.expected_run_s = self.planned.run_s

    def _finish(self, event: TrialFinished) -> None:
        trial = event.trial
        self.done[trial.stage], self.quota[trial.stage] = event.done, event.quota
        self.outcomes[trial.outcome] += 1
        run = self.running.pop(trial.run, None) if trial.run else None
        if run is not None and trial.stage not in UNTIMED:
            self.run_seconds.append(self.clock() - run.started_s)
        if trial.stage in BLIND:
            self.trials.append(trial)
        elif trial.stage in RANKED:
            self.best = best_run((self.best, event.run), self.criterion)

    @property
    def pairs_complete(self) -> int | None:
        """Seeds with which every arm of an ablation completed a run; None without a plan."""
        return None if self.planned is None else complete_pairs(self.trials, self.planned)

    @property
    def left(self) -> int:
        """Distinct runs still wanted, including active ones."""
        return sum(max(0, self.quota[stage] - self.done.get(stage, 0)) for stage in self.quota)

    @property
    def elapsed_s(self) -> float:
        """Seconds since this invocation began."""
        return self.clock() - self.started_s

    @property
    def run_s(self) -> float | None:
        """Seconds of one run: the mean of finished ones, else projected from active ones, else expected."""
        projected = [
            (run.point_s - run.started_s) / run.point.fraction
            for run in self.running.values()
            if run.point is not None and run.point.fraction > 0 and run.stage not in UNTIMED
        ]
        known = self.run_seconds or projected
        return sum(known) / len(known) if known else self.expected_run_s

    def time_left_s(self) -> float | None:
        """Estimate of the seconds to the study's end; None where unknown."""
        run_s = self.run_s
        if run_s is None or set(self.quota) <= UNTIMED:
            return None
        now_s = self.clock()
        spent = sum(run.fraction(now_s, run_s) for run in self.running.values())
        return max(0.0, self.left - spent) * run_s / self.slots


def complete_pairs(trials: Iterable[TrialRecord], planned: Planned) -> int:
    """Seeds of the plan with which every one of its arms completed a run."""
    arms: dict[object, set[object]] = {}
    for trial in trials:
        if trial.stage == "pairs" and trial.outcome is Outcome.COMPLETED:
            arms.setdefault(trial.params.get("pair"), set()).add(trial.params.get("arm"))
    return sum(planned.arms <= arms.get(pair, set()) for pair in range(1, planned.pairs + 1))
