"""The events that a controller sends while it works: enough for a live display, a log, or a test.

Events come from the controller's own thread, in order; an observer returns quickly and raises nothing.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from vggsearch.runs import CurvePoint, Digest, RunRecord, Stage, TrialRecord


@dataclass(frozen=True, slots=True)
class StudyStarted:
    """The study was opened and restored, and asking begins."""

    study: str
    slots: int
    """How many runs are active at once."""
    done: dict[Stage, int]
    """Distinct runs already answered."""
    quota: dict[Stage, int]
    """Distinct runs wanted; stages that the study does not have are absent."""


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A stage asked for its first candidate; the stage before may still have active runs."""

    stage: Stage
    done: int
    quota: int


@dataclass(frozen=True, slots=True)
class TrialStarted:
    """A candidate was handed to the executor."""

    stage: Stage
    number: int
    architecture: str
    digest: Digest
    """Digest of the run's key; `TrialProgress` and `TrialFinished` have it too."""
    seed: int
    attempt: int
    """1, or 2 after a crash."""


@dataclass(frozen=True, slots=True)
class TrialProgress:
    """A running candidate reached a point of its learning curve."""

    stage: Stage
    number: int
    digest: Digest
    point: CurvePoint


@dataclass(frozen=True, slots=True)
class TrialFinished:
    """A candidate was answered and recorded: by a run, by a known one (`trial.cached`), or as infeasible."""

    trial: TrialRecord
    run: RunRecord | None
    """None where the candidate was infeasible."""
    done: int
    """Distinct runs answered in the stage, including this one."""
    quota: int


@dataclass(frozen=True, slots=True)
class StageEnded:
    """Every run that the stage wanted, or that its space holds, was answered."""

    stage: Stage
    done: int
    quota: int


@dataclass(frozen=True, slots=True)
class Notice:
    """One line that a person should read."""

    text: str


@dataclass(frozen=True, slots=True)
class StudyEnded:
    """The controller stopped; the last event."""

    why: Literal["finished", "interrupted", "time limit", "failed"]
    left: int
    """Distinct runs still wanted over all stages; 0 where `why` is `finished`."""


Event = (
    StudyStarted
    | StageStarted
    | TrialStarted
    | TrialProgress
    | TrialFinished
    | StageEnded
    | Notice
    | StudyEnded
)


class Observer(Protocol):
    """Receives the events of a controller."""

    def notify(self, event: Event) -> None:
        """Process `event`, quickly and without raising."""


class NullObserver:
    """Ignores every event."""

    def notify(self, event: Event) -> None:
        """Do nothing."""
        del event
