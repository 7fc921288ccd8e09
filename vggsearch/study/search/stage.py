"""The search stage: uniform draws, then the suggestions of a sampler; or the whole grid in order."""

import math
import time
from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from vggsearch.arch import Architecture
from vggsearch.runs import Clock, RunRecord, TrialRecord
from vggsearch.study.control import Candidate, MakeKey, Stage, TrialResult
from vggsearch.study.file import Stop
from vggsearch.study.search.optuna_study import Search
from vggsearch.study.search.random_members import stream_seed, unseen_member
from vggsearch.study.search.samplers import startup

MAX_WASTED = 3
"""Infeasible or repeated suggestions in a row before one that was not tried yet is taken from nearby.

Samplers repeat themselves in small spaces, and every repeat is a suggestion spent on nothing new.
"""


class SearchStage(Stage):
    """Candidates of the search.

    Args:
        search: Holds the space and the Optuna study.
        quota: Distinct runs wanted.
        make_key: Of a run.
        first: Members of the space that come before all others.
        stop: When to ask for no more.
    """

    name = "search"

    def __init__(
        self,
        search: Search,
        quota: int,
        make_key: MakeKey,
        clock: Clock = time.time,
        *,
        first: Sequence[str] = (),
        stop: Stop | None = None,
    ) -> None:
        super().__init__(quota, clock)
        self._first, self._stop = first, stop
        self._accuracies: list[float] = []
        """Validation accuracies of distinct runs in the order of their ends, 0 where a run has none."""
        self._search = search
        self._startup = startup(search.sampler, quota)
        self._make_key = make_key
        self._seen: set[str] = set()
        self._members_seen = 0
        self._grid: Iterator[Architecture] = iter(search.space)
        self._wasted = 0

    def tell(self, trial: TrialRecord, run: RunRecord | None) -> None:
        """See `Stage.tell`."""
        if run is not None and not self.answered(run.key.digest):
            self._accuracies.append(getattr(run, self._search.criterion) or 0.0)
        super().tell(trial, run)
        self._search.tell(trial.number, trial.outcome, run)

    def next(self) -> Candidate | None:
        """See `Stage.next`; nothing new once the search stops early."""
        if not self._backlog and self._stops:
            self.end()
        return super().next()

    @property
    def _stops(self) -> bool:
        """Whether the study's `stop` says that the search is to end."""
        return self._stop is not None and self._stop.reached(self._accuracies)

    def restore(self, told: Sequence[TrialResult], pending: Sequence[Candidate]) -> None:
        """See `Stage.restore`. Asking and telling are done again, in the order in which they happened."""
        recorded = {trial.number: trial for trial, _ in told}
        unanswered = {candidate.number: candidate for candidate in pending}
        untold = deque(sorted(told, key=lambda pair: (pair[0].told_at, pair[0].number)))
        for number in range(max([*recorded, *unanswered], default=-1) + 1):
            asked = recorded.get(number) or unanswered.get(number)
            moment = math.inf if asked is None else asked.asked_at
            while untold and untold[0][0].told_at <= moment and untold[0][0].number < number:
                self.tell(*untold.popleft())
            if asked is None:  # its note was lost: it is asked again, under its own number
                if (candidate := self._ask()) is not None:
                    self._pend(candidate)
                continue
            architecture = Architecture.parse(asked.architecture)
            self._search.insert(architecture)
            self._note(architecture)
            if number in unanswered:
                self._pend(unanswered[number])
        for trial, run in untold:
            self.tell(trial, run)

    def _ask(self) -> Candidate | None:
        if self._members_seen >= self._search.space.count:
            return None
        architecture = self._draw()
        suggestion = self._search.suggest() if architecture is None else self._search.insert(architecture)
        self._note(suggestion.architecture)
        text = str(suggestion.architecture)
        return Candidate(
            self.name,
            suggestion.number,
            text,
            suggestion.params,
            self._make_key(text),
            self.moment(),
            self._search.space.violation(suggestion.architecture),
        )

    def _draw(self) -> Architecture | None:
        """A member that is chosen without the sampler; None where it is the sampler's turn."""
        space, sampler = self._search.space, self._search.sampler
        if self._search.count < len(self._first):
            return Architecture.parse(self._first[self._search.count])
        if sampler == "grid":
            return next(member for member in self._grid if str(member) not in self._seen)
        if sampler == "random" or self._search.num_scored < self._startup:
            return self._uniform()
        if self._wasted < MAX_WASTED:
            return None
        last = Architecture.parse(self._search.trials[-1].user_attrs["architecture"])
        near = [member for member in space.neighbours(last) if str(member) not in self._seen]
        rng = np.random.default_rng(stream_seed(self._search.seed, "search/near", self._search.count))
        return near[int(rng.integers(len(near)))] if near else self._uniform()

    def _uniform(self) -> Architecture | None:
        return unseen_member(self._search.space, self._seen, self._search.seed, self.name, self._search.count)

    def _note(self, architecture: Architecture) -> None:
        """Take note that `architecture` was asked."""
        text = str(architecture)
        new = text not in self._seen and self._search.space.violation(architecture) is None
        self._wasted = 0 if new else self._wasted + 1
        self._members_seen += new
        self._seen.add(text)
