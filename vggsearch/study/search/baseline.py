"""The baseline of a search: random search with as many runs."""

import time

from vggsearch.runs import Clock
from vggsearch.space import Space
from vggsearch.study.control import Candidate, MakeKey, Stage
from vggsearch.study.search.random_members import unseen_member


class BaselineStage(Stage):
    """Members of the space, drawn uniformly without replacement."""

    name = "baseline"

    def __init__(
        self, space: Space, seed: int, quota: int, make_key: MakeKey, clock: Clock = time.time
    ) -> None:
        super().__init__(quota, clock)
        self._space = space
        self._seed = seed
        self._make_key = make_key

    def _ask(self) -> Candidate | None:
        number = self._free_number()
        seen = set(self._architectures.values())
        architecture = unseen_member(self._space, seen, self._seed, self.name, number)
        if architecture is None:
            return None
        text, params = str(architecture), self._space.params_of(architecture)
        return Candidate(self.name, number, text, params, self._make_key(text), self.moment())
