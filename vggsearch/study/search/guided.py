"""The stages of a search by a strategy of this package: short runs, and full ones.

Both take what the strategy proposes through one `Desk`: a stage has a candidate where the next proposal is
its own, and none while it is the other's, or while the strategy waits for results.
"""

import time
from collections.abc import Callable, Sequence

from vggsearch.arch import Architecture
from vggsearch.runs import Clock, RunKey, RunRecord, TrialRecord
from vggsearch.study.control import Candidate, Stage
from vggsearch.study.file import Stop
from vggsearch.study.search.optuna_study import Search
from vggsearch.study.search.stage import SearchStage
from vggsearch.study.search.strategy import History, Observation, Proposal, Strategy

MakeShortKey = Callable[[str, int], RunKey]
"""Makes a run's key from the architecture's text and the number of its rung."""


class Desk:
    """Passes results to a strategy, and its proposals to the stages."""

    def __init__(self, strategy: Strategy) -> None:
        self.strategy = strategy
        self._told: list[tuple[float, int, int, Observation]] = []
        self._asked: dict[tuple[int, int], tuple[str, int]] = {}
        """Architecture and rung by stage (0 short, 1 full) and number of the trial."""
        self._answered: set[tuple[int, int]] = set()
        self._next: Proposal | None = None
        self._known = False
        """Whether `_next` follows from everything that was asked and told."""
        self.closed = False
        """Whether nothing more is to be asked, as the search stops early."""

    @property
    def history(self) -> History:
        """What was asked and told so far; results in the order of their moments, whatever the stage."""
        asked: list[set[str]] = [set() for _ in self.strategy.quotas]
        for text, rung in self._asked.values():
            asked[rung].add(text)
        running = {one for trial, one in self._asked.items() if trial not in self._answered}
        told = [observation for *_, observation in sorted(self._told, key=lambda one: one[:3])]
        return History(told, running, asked)

    def next(self, *, full: bool) -> Proposal | None:
        """The next proposal, where it is a full run or, not `full`, a short one."""
        if self.closed:
            return None
        if not self._known:
            self._next, self._known = self.strategy.propose(self.history), True
        found = self._next
        return found if found is not None and (found.rung == self.strategy.full) == full else None

    @property
    def is_stuck(self) -> bool:
        """Whether there is no proposal, and no result that could bring one."""
        none = self.next(full=True) is None and self.next(full=False) is None
        return self.closed or (none and not self.history.running)

    def ask(self, number: int, architecture: str, rung: int) -> None:
        """Take note that a trial was asked."""
        self._asked[self._trial(rung, number)] = architecture, rung
        self._known = False

    def tell(self, trial: TrialRecord, run: RunRecord | None, rung: int) -> None:
        """Take note that a trial ended."""
        key = self._trial(rung, trial.number)
        self._asked.setdefault(key, (trial.architecture, rung))
        if key not in self._answered:
            self._answered.add(key)
            gains = self.strategy.goal.gains(trial.architecture, trial.outcome, run)
            observation = Observation(trial.architecture, rung, gains)
            self._told.append((trial.told_at, *key, observation))
        self._known = False

    def _trial(self, rung: int, number: int) -> tuple[int, int]:
        return int(rung == self.strategy.full), number


def end_if_stuck(stage: Stage, desk: Desk) -> None:
    """Let `stage` end with what it has asked where nothing more can come."""
    if desk.is_stuck and not stage.exhausted:
        stage.end()


class ShortStage(Stage):
    """The short runs of a strategy."""

    name = "short"

    def __init__(self, desk: Desk, search: Search, make_key: MakeShortKey, clock: Clock = time.time) -> None:
        super().__init__(sum(desk.strategy.quotas[:-1]), clock)
        self._desk, self._search, self._make_key = desk, search, make_key
        self._rungs: dict[str, int] = {}
        """Rung of each run, by its digest."""

    def next(self) -> Candidate | None:
        """See `Stage.next`; None also while the strategy waits for results."""
        if not self._backlog and self._desk.next(full=False) is None:
            end_if_stuck(self, self._desk)
            return None
        return super().next()

    def tell(self, trial: TrialRecord, run: RunRecord | None) -> None:
        """See `Stage.tell`."""
        super().tell(trial, run)
        rung = self._rung(run.key) if run is not None else self._rungs.get(trial.run or "", 0)
        self._desk.tell(trial, run, rung)

    def _ask(self) -> Candidate | None:
        proposal = self._desk.next(full=False)
        if proposal is None:
            return None
        text, number = str(proposal.architecture), self._free_number()
        params = self._search.space.params_of(proposal.architecture)
        key = self._make_key(text, proposal.rung)
        return Candidate(self.name, number, text, params, key, self.moment())

    def _register(self, candidate: Candidate) -> None:
        super()._register(candidate)
        rung = self._rung(candidate.key)
        self._rungs[candidate.key.digest] = rung
        self._desk.ask(candidate.number, candidate.architecture, rung)

    def _rung(self, key: RunKey) -> int:
        """The rung whose budget the run has."""
        rungs = range(self._desk.strategy.full)
        own = (rung for rung in rungs if self._make_key(key.architecture, rung).budget == key.budget)
        return next(own, 0)


class GuidedStage(SearchStage):
    """The full runs of a strategy."""

    def __init__(
        self,
        desk: Desk,
        search: Search,
        make_key: Callable[[str], RunKey],
        clock: Clock = time.time,
        *,
        first: Sequence[str] = (),
        stop: Stop | None = None,
    ) -> None:
        super().__init__(search, desk.strategy.quotas[-1], make_key, clock, first=first, stop=stop)
        self._desk = desk

    def next(self) -> Candidate | None:
        """See `Stage.next`; None also while the strategy waits for results, or proposes short runs."""
        waits = self._search.count >= len(self._first) and self._desk.next(full=True) is None
        if not self._backlog and waits and not self._stops:
            end_if_stuck(self, self._desk)
            return None
        return super().next()

    def tell(self, trial: TrialRecord, run: RunRecord | None) -> None:
        """See `Stage.tell`."""
        super().tell(trial, run)
        self._desk.tell(trial, run, self._desk.strategy.full)
        self._desk.closed = self._stops

    def _draw(self) -> Architecture | None:
        if self._search.count < len(self._first):
            return super()._draw()
        proposal = self._desk.next(full=True)
        return None if proposal is None else proposal.architecture

    def _register(self, candidate: Candidate) -> None:
        super()._register(candidate)
        self._desk.ask(candidate.number, candidate.architecture, self._desk.strategy.full)
