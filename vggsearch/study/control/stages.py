"""The stages of a study. Each yields candidates (ask) and takes their results (tell).

| stage | candidates | seed | judged on |
|---|---|---|---|
| search (`search/stage.py`) | the sampler's suggestions | the study's | validation |
| baseline | uniform draws without replacement | the study's | validation |
| finalists | the best so far, seed by seed | fresh: the study's + 1, + 2, … | test |
| table (`table/`) | every member at every fidelity | the study's, + 1, … | validation |
| calibration, rates, pairs (`ablation/`) | arms of an ablation | separate ones | validation; pairs: test |

A stage counts *distinct runs*: a suggestion that was made before is answered at once and does not count
towards the quota; neither does an infeasible one. What is asked depends on the study's seed, the trial's
number, and the results told so far. `restore` brings a stage back to where an earlier session left it.
"""

import itertools
import math
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from vggsearch.runs import Clock, Digest, RunKey, RunRecord, Stage as StageName, TrialRecord
from vggsearch.space import Scalar

TrialResult = tuple[TrialRecord, RunRecord | None]
"""A recorded trial and the run that answered it; None where the candidate was infeasible."""

MakeKey = Callable[[str], RunKey]
"""Makes a run's key from the architecture's text."""

BLIND: frozenset[StageName] = frozenset(("calibration", "rates", "pairs"))
"""Stages whose accuracies are hidden while the study runs, so that nobody stops it because they look good."""

RANKED: frozenset[StageName] = frozenset(("search", "baseline"))
"""Stages whose runs compete for the best so far."""

UNTIMED: frozenset[StageName] = frozenset(("calibration",))
"""Stages whose runs are no guide to the duration of other runs."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trial that a stage asks for."""

    stage: StageName
    number: int
    architecture: str
    params: dict[str, Scalar]
    """Optuna's parameters of the architecture, or what identifies an ablation's run."""
    key: RunKey
    asked_at: float
    infeasible: str | None = None
    """The constraint that the architecture violates, in words; such a candidate is never trained."""
    cached: bool | None = None
    """Whether its run was active or recorded when it was first asked for; None where that is unknown."""


class Stage(ABC):
    """A source of candidates, up to `quota` distinct runs."""

    name: StageName

    def __init__(self, quota: int, clock: Clock = time.time) -> None:
        self.quota = quota
        self.exhausted = False
        """Whether there is nothing left to ask for, although the quota is not reached."""
        self._clock = clock
        self._latest = -math.inf
        self._backlog: deque[Candidate] = deque()
        self._architectures: dict[int, str] = {}
        """Architectures asked for so far, by the number of the trial."""
        self._asked: set[Digest] = set()
        self._answered: set[Digest] = set()

    @property
    def done(self) -> int:
        """Number of distinct runs answered."""
        return len(self._answered)

    @property
    def left(self) -> int:
        """Number of distinct runs not yet answered, including those not yet asked for."""
        unasked = 0 if self.exhausted else max(0, self.quota - len(self._asked))
        return unasked + len(self._asked - self._answered)

    @property
    def complete(self) -> bool:
        """Whether every run was asked for and answered."""
        return self.left == 0

    def answered(self, digest: Digest) -> bool:
        """Whether this stage has an answer by the run `digest`."""
        return digest in self._answered

    def moment(self) -> float:
        """The current time, but later than every moment before in this stage, even if the clock was set back.

        `restore` repeats what happened in the order of these moments.
        """
        self._advance(max(self._clock(), math.nextafter(self._latest, math.inf)))
        return self._latest

    def next(self) -> Candidate | None:
        """The next candidate, pending ones of an earlier session first; None where all were asked for."""
        if self._backlog:
            return self._backlog.popleft()
        if self.exhausted or len(self._asked) >= self.quota:
            return None
        candidate = self._ask()
        if candidate is None:
            self.exhausted = True
        else:
            self._register(candidate)
        return candidate

    def tell(self, trial: TrialRecord, run: RunRecord | None) -> None:
        """Take the result of a candidate; `run` is None where it was infeasible."""
        del run
        self._advance(trial.told_at)
        self._architectures[trial.number] = trial.architecture
        if trial.run is not None:
            self._asked.add(trial.run)
            self._answered.add(trial.run)

    def restore(self, results: Sequence[TrialResult], pending: Sequence[Candidate]) -> None:
        """Take the recorded results and the unanswered candidates of earlier sessions; called first."""
        for trial, run in results:
            self.tell(trial, run)
        for candidate in pending:
            self._pend(candidate)

    def end(self) -> None:
        """Ask for nothing more: what was asked is all that is wanted."""
        self.exhausted = True
        self.quota = len(self._asked)

    @abstractmethod
    def _ask(self) -> Candidate | None:
        """A new candidate, or None where there is none."""

    def _pend(self, candidate: Candidate) -> None:
        """Let `next` return `candidate` before any new one."""
        self._backlog.append(candidate)
        self._register(candidate)

    def _register(self, candidate: Candidate) -> None:
        self._advance(candidate.asked_at)
        self._architectures[candidate.number] = candidate.architecture
        if candidate.infeasible is None:
            self._asked.add(candidate.key.digest)

    def _free_number(self) -> int:
        """The smallest number that no trial of this stage has."""
        return next(number for number in itertools.count() if number not in self._architectures)

    def _advance(self, moment: float) -> None:
        """Let `moment` be in the past."""
        self._latest = max(self._latest, moment)


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run that is known before its stage begins."""

    architecture: str
    params: dict[str, Scalar]
    key: RunKey
    cached: bool | None = None
    """See `Candidate.cached`."""


class ListedStage(Stage):
    """Runs in the order of a list, which is known from the beginning or once the other stages are complete.

    Args:
        name: The stage's name.
        quota: Expected number of runs, until the list is fixed.
        more: Called whenever every run of the list is answered; returns all runs that are wanted in the
            light of the answers. Those that are new are appended; the stage is complete once there are none.
    """

    def __init__(
        self,
        name: StageName,
        quota: int,
        clock: Clock = time.time,
        more: Callable[[], Iterable[ListedRun]] = tuple,
    ) -> None:
        super().__init__(quota, clock)
        self.name = name
        self._more = more
        self._runs: deque[ListedRun] | None = None
        self._numbers: dict[Digest, int] = {}
        """Numbers of runs that are made again."""

    @property
    def fixed(self) -> bool:
        """Whether the list is known."""
        return self._runs is not None

    def fix(self, runs: Iterable[ListedRun]) -> None:
        """Fix the list; runs that were restored, or that stand earlier in the list, are left out."""
        self._runs = deque(self._new(runs))
        self.quota = len(self._asked) + len(self._runs)
        self._append_more()

    def tell(self, trial: TrialRecord, run: RunRecord | None) -> None:
        """See `Stage.tell`."""
        super().tell(trial, run)
        if self.fixed:
            self._append_more()

    def next(self) -> Candidate | None:
        """See `Stage.next`; None before `fix`."""
        return super().next() if self.fixed else None

    def restore(self, results: Sequence[TrialResult], pending: Sequence[Candidate]) -> None:
        """See `Stage.restore`."""
        super().restore(results, pending)
        self.quota = max(self.quota, len(self._asked))

    def reopen(self, trials: Iterable[TrialRecord]) -> None:
        """Let the runs of `trials`, which have no result, keep their numbers when they are asked again."""
        for trial in trials:
            if trial.stage == self.name and trial.run is not None:
                self._numbers[trial.run] = trial.number
                self._architectures[trial.number] = trial.architecture

    def _new(self, runs: Iterable[ListedRun]) -> list[ListedRun]:
        """Those of `runs` that were not asked for yet, each once, under its first name."""
        distinct: dict[Digest, ListedRun] = {}
        for run in runs:
            distinct.setdefault(run.key.digest, run)
        return [run for digest, run in distinct.items() if digest not in self._asked]

    def _append_more(self) -> None:
        """Append the runs that are wanted now that all others are answered."""
        while self.left == 0:
            new = self._new(self._more())
            if not new or self._runs is None:
                return
            self._runs.extend(new)
            self.quota += len(new)
            self.exhausted = False

    def _ask(self) -> Candidate | None:
        if not self._runs:
            return None
        run = self._runs.popleft()
        number = self._numbers.get(run.key.digest)
        number = self._free_number() if number is None else number
        now = self.moment()
        return Candidate(self.name, number, run.architecture, run.params, run.key, now, cached=run.cached)
