"""`ModelStrategy`: a surrogate chooses whom to train. `Model` in the study file has its settings.

The first runs are members drawn at random. Then every run, short or full, goes to the member from which the
most is expected: the largest expected improvement of accuracy over the best full run, or, with several
objectives, of the hypervolume, as MACs and parameters are known without training.
"""

import math
from collections.abc import Sequence

import numpy as np

from vggsearch.arch import Architecture
from vggsearch.costs import IntArray
from vggsearch.study.search.features import Matrix
from vggsearch.study.search.improvement import expected_hypervolume, expected_improvement
from vggsearch.study.search.order import best_first
from vggsearch.study.search.pool import Pool
from vggsearch.study.search.random_members import stream_seed
from vggsearch.study.search.strategy import Goal, History, Observation, Proposal, Strategy, gain
from vggsearch.study.search.surrogate import Data, Surrogate

AT_RANDOM = 10
"""Fewest members drawn at random before the surrogate is asked."""

RANDOM_SHARE = 0.5
"""Part of the short runs, or without them of a fifth of the full ones, that go to members drawn at random."""

CLOSELY = 1000
"""Candidates whose uncertainty is computed: those with the best means, and as many at random."""

PARENTS = 10
"""Of so many of the best runs the mutations are candidates."""

NOTHING = 1e-15
"""Expected improvement below which the mean decides."""

REFIT = 1.25
"""Growth of the number of observations after which the surrogate's scales are found anew."""


class ModelStrategy(Strategy):
    """Chooses by a surrogate; see the head of this module."""

    def __init__(self, goal: Goal, quotas: tuple[int, ...]) -> None:
        super().__init__(goal, quotas)
        self._pool: Pool | None = None
        self._scales: Matrix | None = None
        self._fitted = 0
        """Number of observations with which the scales were found."""

    def propose(self, history: History) -> Proposal | None:
        """See `Strategy.propose`."""
        rung = next((rung for rung in range(len(self.quotas)) if self.left(history, rung) > 0), None)
        if rung is None:
            return None
        told = [one for one in history.told if one.gains is not None]
        if len(history.asked[rung]) < self._at_random(rung) or len(told) < self.least:
            return self.draw(history, rung)
        return self._best(history, told, rung) or self.draw(history, rung)

    @property
    def least(self) -> int:
        """Fewest observations that the surrogate is fitted to."""
        return AT_RANDOM // 2

    def believe(self, history: History, architecture: Architecture) -> tuple[float, float]:
        """What a full run of `architecture` is expected to reach: mean and standard deviation, fractions.

        `history` has at least `least` runs of which something was learnt.
        """
        told = [one for one in history.told if one.gains is not None]
        pool = self._members()
        observed = pool.rows([one.architecture for one in told])
        surrogate, numbers = self._surrogate(pool, told, observed)
        row = pool.rows([str(architecture)])
        own = np.array([numbers.get(int(row[0]), -1)])
        mean, spread = surrogate.predict(pool.main[row], pool.pairs(row), own)
        chance = surrogate.accuracy_spread(mean, np.hypot(spread, surrogate.chance))
        return float(surrogate.accuracy(mean)[0]), float(chance[0])

    def _members(self) -> Pool:
        if self._pool is None:
            self._pool = Pool(self.goal.space, self.goal.seed)
        return self._pool

    def _at_random(self, rung: int) -> int:
        """How many runs of a rung go to members drawn at random."""
        if rung > 0:
            return 0
        share = RANDOM_SHARE if self.full > 0 else RANDOM_SHARE / 5
        return max(AT_RANDOM, math.ceil(share * self.quotas[0]))

    def _best(self, history: History, told: Sequence[Observation], rung: int) -> Proposal | None:
        """The member that is expected to gain most among those not asked at `rung`."""
        pool = self._members()
        observed = pool.rows([one.architecture for one in told])
        surrogate, numbers = self._surrogate(pool, told, observed)
        candidates = self._candidates(pool, history, told, surrogate, rung)
        if not len(candidates):
            return None
        own = np.array([numbers.get(row, -1) for row in candidates.tolist()])
        mean, spread = surrogate.predict(pool.main[candidates], pool.pairs(candidates), own)
        ended = np.array([one.rung == self.full for one in told])
        ended |= not ended.any()
        rows = observed[ended]
        numbered = np.array([numbers[row] for row in rows.tolist()])
        believed = surrogate.predict(pool.main[rows], pool.pairs(rows), numbered)[0]
        if len(self.goal.objectives) == 1:
            score = expected_improvement(mean, spread, float(believed.max()))
        else:
            sure = surrogate.accuracy(mean), surrogate.accuracy_spread(mean, spread)
            front = np.column_stack([surrogate.accuracy(believed), self._cost_gains(pool, rows)])
            worst = self.goal.reference or {}
            reference = np.array([gain(name, worst[name]) for name in self.goal.objectives])
            score = expected_hypervolume(*sure, self._cost_gains(pool, candidates), front, reference)
        best = int(np.argmax(score if score.max() > NOTHING else mean))
        return Proposal(pool.architecture(int(candidates[best])), rung)

    def _cost_gains(self, pool: Pool, rows: IntArray) -> Matrix:
        """Gains in the objectives after the first, which are known without training, [N, objectives − 1]."""
        costs = [pool.costs[name][rows].astype(float) for name in self.goal.objectives[1:]]
        return np.asarray(-np.log10(np.column_stack(costs)))

    def _candidates(
        self,
        pool: Pool,
        history: History,
        told: Sequence[Observation],
        surrogate: Surrogate,
        rung: int,
    ) -> IntArray:
        """Rows that were not asked at `rung`: those with the best means, some at random, and mutations."""
        if not pool.whole:
            parents = self._parents(told)
            pool.rows([str(near) for one in parents for near in self.goal.space.neighbours(one)])
        taken = pool.rows(sorted(history.asked[rung]))  # may add rows, so it comes before the means
        means = pool.features.weighted(pool.main, *surrogate.weights)
        means[taken] = -np.inf
        best = np.argpartition(-means, CLOSELY)[:CLOSELY] if len(means) > CLOSELY else np.arange(len(means))
        if len(means) > CLOSELY:
            number = sum(map(len, history.asked))
            rng = np.random.default_rng(stream_seed(self.goal.seed, "search/pool", number))
            observed = pool.rows([one.architecture for one in told])
            best = np.concatenate([best, rng.integers(len(means), size=CLOSELY), observed])
        found = np.unique(best)
        return found[means[found] > -np.inf]

    def _parents(self, told: Sequence[Observation]) -> list[Architecture]:
        """The best of the highest rung that has runs."""
        highest = max(one.rung for one in told)
        ended = [one for one in told if one.rung == highest]
        order = best_first(np.array([one.gains for one in ended]))[:PARENTS]
        return [Architecture.parse(ended[row].architecture) for row in order]

    def _surrogate(
        self, pool: Pool, told: Sequence[Observation], observed: IntArray
    ) -> tuple[Surrogate, dict[int, int]]:
        """The surrogate of what was told, and the number in it of each observed row."""
        numbers = {row: number for number, row in enumerate(dict.fromkeys(observed.tolist()))}
        data = Data(
            pool.main[observed],
            pool.pairs(observed),
            np.array([one.rung for one in told]),
            np.array([numbers[row] for row in observed.tolist()]),
            self.full,
        )
        accuracy = np.array([one.gains[0] for one in told if one.gains is not None])
        size = _refitted(len(told))
        if self._scales is None or size != self._fitted:
            self._scales, self._fitted = Surrogate(data.first(size), accuracy[:size]).scales, size
        return Surrogate(data, accuracy, self._scales), numbers


def _refitted(observations: int) -> int:
    """With how many of so many observations the scales are found: the same in a search that continues."""
    size = AT_RANDOM // 2  # `ModelStrategy.least`
    while math.ceil(size * REFIT) <= observations:
        size = math.ceil(size * REFIT)
    return min(size, observations)
