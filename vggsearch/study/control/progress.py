"""How far a running study is: what its events add up to, without knowing how it is shown."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from vggsearch.runs import (
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
    StageStarted,
    StudyEnded,
    StudyStarted,
    TrialFinished,
    TrialProgress,
    TrialStarted,
)
from vggsearch.study.control.stages import BLIND, RANKED, UNTIMED

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Planned:
    """What a registered plan says of the runs to come."""

    digest: Digest
    run_s: float | None
    """Training seconds expected of a run, on average over the arms; None where nothing was measured."""
    pairs: int
    arms: frozenset[str]
    """Names of those that have a run of their own with each seed."""


@dataclass
class Running:
    """A run that is going on."""

    stage: Stage
    number: int
    architecture: str
    started_s: float
    point: CurvePoint | None = None
    point_s: float = 0.0

    def fraction(self, now_s: float, expected_s: float | None) -> float:
        """Spent fraction of its budget, carried on from its last point at the pace until then; below 1."""
        if self.point is not None and self.point_s > self.started_s:
            pace = self.point.fraction / (self.point_s - self.started_s)
            return min(0.99, self.point.fraction + pace * (now_s - self.point_s))
        return min(0.99, (now_s - self.started_s) / expected_s) if expected_s else 0.0


@dataclass
class Progress:
    """How far a study is, as its events tell.

    Args:
        clock: Seconds of the monotonic clock.
        expected_run_s: What a run is thought to take before one has finished; None where nobody knows.
        best: The best completed run that an earlier invocation left.
        criterion: The column by which runs are ranked.
        read_plan: PendingCandidate for an ablation's plan whenever a controller begins.
        trials: Of an ablation: what earlier invocations left.
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
    """Wall seconds of every run finished here, those of a calibration apart."""
    why: str = ""
    """Why the study ended, once it has."""

    def __post_init__(self) -> None:
        self.started_s = self.clock()

    def notify(self, event: Event) -> None:
        """Take note of `event`."""
        match event:
            case StudyStarted():
                self._begun(event)
            case StageStarted():
                self.stage = event.stage
                self.done[event.stage], self.quota[event.stage] = event.done, event.quota
            case TrialStarted():
                self.running[event.digest] = Running(
                    event.stage, event.number, event.architecture, self.clock()
                )
            case TrialProgress() if event.digest in self.running:
                run = self.running[event.digest]
                run.point, run.point_s = event.point, self.clock()
            case TrialFinished():
                self._finished(event)
            case StudyEnded():
                self.why = event.why
            case _:
                pass

    def _begun(self, event: StudyStarted) -> None:
        """An ablation has a second controller after its calibration: what the first did stays in sight."""
        self.study, self.slots, self.why = event.study, event.slots, ""
        self.done |= event.done
        self.quota |= event.quota
        self.planned = self.read_plan()
        if self.planned is not None and self.planned.run_s is not None:
            self.expected_run_s = self.planned.run_s

    def _finished(self, event: TrialFinished) -> None:
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
        """Distinct runs still wanted, those going on included."""
        return sum(max(0, self.quota[stage] - self.done.get(stage, 0)) for stage in self.quota)

    @property
    def elapsed_s(self) -> float:
        """Seconds of this invocation."""
        return self.clock() - self.started_s

    @property
    def run_s(self) -> float | None:
        """What one run takes: the mean here, else what those running promise, else the expectation."""
        projected = [
            (run.point_s - run.started_s) / run.point.fraction
            for run in self.running.values()
            if run.point is not None and run.point.fraction > 0 and run.stage not in UNTIMED
        ]
        known = self.run_seconds or projected
        return sum(known) / len(known) if known else self.expected_run_s

    def time_left_s(self) -> float | None:
        """Estimate of the seconds to the study's end; None before anything is known."""
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
