"""The stages of a study, each a source of candidates that is told how they ended.

| stage | candidates | seed | judged on |
|---|---|---|---|
| search (`suggestions.py`) | the sampler's suggestions | the study's | validation |
| baseline | uniform draws without replacement | the study's | validation |
| finalists | the best so far, seed by seed | fresh: the study's + 1, + 2, … | test |
| calibration, rates, pairs (`ablation.py`) | arms of an ablation | of their own | validation; pairs: test |

A stage counts *distinct runs*: a suggestion that was made before is answered at once and takes no share of
the quota, and neither does an infeasible one. What is asked depends on the study's seed, the trial's number,
and what was told; `restore` brings a stage back to where an earlier invocation left it.
"""

import itertools
import math
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from vggsearch.runs import Clock, Digest, RunKey, RunRecord, Stage as StageName, TrialRecord
from vggsearch.space import Scalar

Told = tuple[TrialRecord, RunRecord | None]
"""A trial that was recorded, and the run that answered it, None where it was infeasible."""

MakeKey = Callable[[str], RunKey]
"""A run's key from the architecture's text."""


BLIND: frozenset[StageName] = frozenset(("calibration", "rates", "pairs"))
"""Stages whose accuracies are not shown while the study runs: that would invite stopping when it looks
good."""

RANKED: frozenset[StageName] = frozenset(("search", "baseline"))
"""Stages whose runs compete for the best so far."""

UNTIMED: frozenset[StageName] = frozenset(("calibration",))
"""Stages whose runs say nothing of how long others take."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a stage wants answered: its trial `number`."""

    stage: StageName
    number: int
    architecture: str
    params: dict[str, Scalar]
    """As Optuna knows them."""
    key: RunKey
    asked_at: float
    infeasible: str | None = None
    """The constraint that it breaks, in words; then it is never trained."""
    cached: bool | None = None
    """Whether another answered it when it was first asked; None where it was not, or nobody knows."""


class Stage(ABC):
    """A source of candidates, up to `quota` distinct runs."""

    name: StageName

    def __init__(self, quota: int, clock: Clock = time.time) -> None:
        self.quota = quota
        self.exhausted = False
        """Whether nothing is left to ask, though the quota is not reached."""
        self._clock = clock
        self._latest = -math.inf
        self._backlog: deque[Candidate] = deque()
        self._asked: set[Digest] = set()
        self._answered: set[Digest] = set()

    @property
    def done(self) -> int:
        """Distinct runs answered."""
        return len(self._answered)

    @property
    def left(self) -> int:
        """Distinct runs not yet answered, those not yet asked included."""
        unasked = 0 if self.exhausted else max(0, self.quota - len(self._asked))
        return unasked + len(self._asked - self._answered)

    @property
    def complete(self) -> bool:
        """Whether everything was asked and answered."""
        return self.left == 0

    def answered(self, digest: Digest) -> bool:
        """Whether that run was answered in this stage."""
        return digest in self._answered

    def moment(self) -> float:
        """Now, by the clock, and later than every moment of this stage before, whatever the clock says.

        `restore` does everything again in the order of these moments, and clocks are put back.
        """
        self._pass(max(self._clock(), math.nextafter(self._latest, math.inf)))
        return self._latest

    def next(self) -> Candidate | None:
        """The next candidate, first those that an earlier invocation left; None where all were asked."""
        if self._backlog:
            return self._backlog.popleft()
        if self.exhausted or len(self._asked) >= self.quota:
            return None
        candidate = self._ask()
        if candidate is None:
            self.exhausted = True
        elif candidate.infeasible is None:
            self._asked.add(candidate.key.digest)
        return candidate

    def tell(self, trial: TrialRecord, run: RunRecord | None) -> None:
        """Take note of how a candidate ended; `run` is None where it was infeasible."""
        del run
        self._pass(trial.told_at)
        if trial.run is not None:
            self._asked.add(trial.run)
            self._answered.add(trial.run)

    @abstractmethod
    def restore(self, told: Sequence[Told], pending: Sequence[Candidate]) -> None:
        """Take up what was recorded, and what was asked and not answered; before anything else is done."""

    @abstractmethod
    def _ask(self) -> Candidate | None:
        """A new candidate, or None where there is none."""

    def _pend(self, candidate: Candidate) -> None:
        """Hand `candidate` out again before anything new."""
        self._backlog.append(candidate)
        self._pass(candidate.asked_at)
        if candidate.infeasible is None:
            self._asked.add(candidate.key.digest)

    def _pass(self, moment: float) -> None:
        """Take note that `moment` is over."""
        self._latest = max(self._latest, moment)


@dataclass(frozen=True, slots=True)
class Job:
    """A run that was decided on beforehand."""

    architecture: str
    params: dict[str, Scalar]
    key: RunKey
    cached: bool | None = None
    """See `Candidate.cached`."""


class ListedStage(Stage):
    """Jobs in the order of a list, which is known from the beginning or once the other stages are complete.

    Args:
        name: Of the stage.
        quota: Jobs that are expected, as long as the list is not fixed.
    """

    def __init__(self, name: StageName, quota: int, clock: Clock = time.time) -> None:
        super().__init__(quota, clock)
        self.name = name
        self._jobs: deque[Job] | None = None
        self._numbers: set[int] = set()

    @property
    def fixed(self) -> bool:
        """Whether the list is known."""
        return self._jobs is not None

    def fix(self, jobs: Sequence[Job]) -> None:
        """Fix the list; what was restored of it, or stands in it before, is not made again."""
        distinct = {job.key.digest: job for job in reversed(jobs)}
        self._jobs = deque(
            job for job in jobs if job is distinct[job.key.digest] and job.key.digest not in self._asked
        )
        self.quota = len(self._asked) + len(self._jobs)

    def next(self) -> Candidate | None:
        """See `Stage.next`; nothing before `fix`."""
        return super().next() if self.fixed else None

    def restore(self, told: Sequence[Told], pending: Sequence[Candidate]) -> None:
        """See `Stage.restore`."""
        for trial, run in told:
            self._numbers.add(trial.number)
            self.tell(trial, run)
        for candidate in pending:
            self._numbers.add(candidate.number)
            self._pend(candidate)
        self.quota = max(self.quota, len(self._asked))

    def _ask(self) -> Candidate | None:
        if not self._jobs:
            return None
        job = self._jobs.popleft()
        number = first_free(self._numbers)
        self._numbers.add(number)
        return Candidate(
            self.name, number, job.architecture, job.params, job.key, self.moment(), cached=job.cached
        )


def first_free(numbers: Container[int]) -> int:
    """The smallest number from 0 that is not among `numbers`."""
    return next(i for i in itertools.count() if i not in numbers)
