"""`Strategy`: what a strategy of this package is told, and what it answers.

A strategy is asked whenever a run may begin. Its answer follows from the study's seed, what was told so far
and what is running: so a search that was interrupted continues as it was.

    rung        number of a budget: 0 is the shortest, the last is the full one
    gains       what a run reached, the more the better in each: accuracy, −log10 of each cost
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vggsearch.arch import Architecture
from vggsearch.costs import cost
from vggsearch.runs import METRICS, Criterion, Outcome, RunRecord
from vggsearch.space import Space
from vggsearch.study.file import Objective
from vggsearch.study.search.random_members import unseen_member

Gains = npt.NDArray[np.float64]

LEARNT_AS_BAD = frozenset(
    {Outcome.DIVERGED, Outcome.OUT_OF_MEMORY, Outcome.TIMED_OUT, Outcome.INFEASIBLE, Outcome.PRUNED}
)
"""Outcomes that say something of a net: it counts as one with the accuracy of chance."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a search looks for."""

    space: Space
    objectives: Sequence[Objective]
    reference: Mapping[str, float] | None
    seed: int

    @property
    def criterion(self) -> Criterion:
        """The accuracy that is the first objective."""
        return "val_balanced_accuracy" if self.objectives[0] == "val_balanced_accuracy" else "val_accuracy"

    def gains(self, architecture: str, outcome: Outcome, run: RunRecord | None) -> Gains | None:
        """What a run reached in each objective, [objectives]; None where nothing was learnt of the net."""
        if outcome is Outcome.COMPLETED and run is not None:
            accuracy, latency_ms = getattr(run, self.criterion), run.latency_ms
        elif outcome in LEARNT_AS_BAD:
            accuracy, latency_ms = 1 / self.space.task.num_classes, None
        else:
            return None
        if accuracy is None:
            return None
        costs = cost(Architecture.parse(architecture), self.space.task)
        known = {self.criterion: accuracy, "latency_ms": latency_ms or 1e9}
        known |= {"macs": costs.macs, "params": costs.params}
        return np.array([gain(name, known[name]) for name in self.objectives])


def gain(objective: str, value: float) -> float:
    """A value so that more is better, and costs count by their log10."""
    return value if METRICS[objective].better == "higher" else -float(np.log10(max(value, 1e-9)))


@dataclass(frozen=True, slots=True)
class Observation:
    """A run that ended."""

    architecture: str
    rung: int
    gains: Gains | None
    """None where nothing was learnt of the net."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What to train next."""

    architecture: Architecture
    rung: int


@dataclass
class History:
    """What was asked and told so far."""

    told: list[Observation] = field(default_factory=list)
    """In the order in which runs ended."""
    running: set[tuple[str, int]] = field(default_factory=set)
    """Architectures and rungs of runs that were asked and have not ended."""
    asked: list[set[str]] = field(default_factory=list)
    """Architectures asked so far, of each rung."""

    def at(self, rung: int) -> list[Observation]:
        """The runs of a rung that ended."""
        return [one for one in self.told if one.rung == rung]

    def is_running(self, rung: int) -> bool:
        """Whether a run of that rung is active."""
        return any(own == rung for _, own in self.running)


class Strategy(ABC):
    """Chooses what a search trains.

    Args:
        goal: What it looks for.
        quotas: Runs of each rung; the last is the full budget.
    """

    def __init__(self, goal: Goal, quotas: Sequence[int]) -> None:
        self.goal = goal
        self.quotas = tuple(quotas)
        self.full = len(self.quotas) - 1
        """The rung of the full budget."""

    @abstractmethod
    def propose(self, history: History) -> Proposal | None:
        """What to train next; None where that depends on runs that have not ended, or nothing is left."""

    def left(self, history: History, rung: int) -> int:
        """How many runs of a rung are still to be asked."""
        return self.quotas[rung] - len(history.asked[rung])

    def draw(self, history: History, rung: int) -> Proposal | None:
        """A member that was not asked at that rung, drawn uniformly; None where there is none."""
        seen = history.asked[rung]
        number = sum(map(len, history.asked))
        found = unseen_member(self.goal.space, seen, self.goal.seed, "search/draw", number)
        return None if found is None else Proposal(found, rung)
