"""The baseline of a search: random search at the same price."""

import time
from collections.abc import Sequence

from vggsearch.runs import Clock
from vggsearch.space import Space
from vggsearch.study.control import Candidate, MakeKey, Stage, Told, first_free
from vggsearch.study.search.draws import unseen_member


class BaselineStage(Stage):
    """Members of the space, drawn uniformly without replacement: random search at the price of the search."""

    name = "baseline"

    def __init__(
        self, space: Space, seed: int, quota: int, make_key: MakeKey, clock: Clock = time.time
    ) -> None:
        super().__init__(quota, clock)
        self._space = space
        self._seed = seed
        self._make_key = make_key
        self._by_number: dict[int, str] = {}

    def restore(self, told: Sequence[Told], pending: Sequence[Candidate]) -> None:
        """See `Stage.restore`."""
        for trial, run in told:
            self._by_number[trial.number] = trial.architecture
            self.tell(trial, run)
        for candidate in pending:
            self._by_number[candidate.number] = candidate.architecture
            self._pend(candidate)

    def _ask(self) -> Candidate | None:
        number = first_free(self._by_number)
        seen = set(self._by_number.values())
        architecture = unseen_member(self._space, seen, self._seed, self.name, number)
        if architecture is None:
            return None
        text = str(architecture)
        self._by_number[number] = text
        params = self._space.params_of(architecture)
        return Candidate(self.name, number, text, params, self._make_key(text), self.moment())
