"""`RungsStrategy`: asynchronous successive halving. `Rungs` in the study file has its settings."""

import math

import numpy as np

from vggsearch.arch import Architecture
from vggsearch.study.search.order import best_first
from vggsearch.study.search.strategy import Goal, History, Proposal, Strategy


class RungsStrategy(Strategy):
    """Promotes the best 1/eta of the runs of each rung as soon as they are known (arXiv:1810.05934).

    Once a rung is complete, its best are promoted until the next rung has its quota: so the budget is spent
    on what is known, and not on what happened to end early.
    """

    def __init__(self, goal: Goal, quotas: tuple[int, ...], eta: int) -> None:
        super().__init__(goal, quotas)
        self._eta = eta

    def propose(self, history: History) -> Proposal | None:
        """See `Strategy.propose`: promotions from the highest rung down, else a new member at the lowest."""
        for rung in range(self.full - 1, -1, -1):
            if self.left(history, rung + 1) > 0 and (found := self._promotion(history, rung)) is not None:
                return found
        return self.draw(history, 0) if self.left(history, 0) > 0 else None

    def _promotion(self, history: History, rung: int) -> Proposal | None:
        ended = [one for one in history.at(rung) if one.gains is not None]
        if not ended:
            return None
        complete = self.left(history, rung) <= 0 and not any(
            history.is_running(lower) for lower in range(rung + 1)
        )
        most = self.quotas[rung + 1] if complete else math.floor(len(ended) / self._eta)
        order = best_first(np.array([one.gains for one in ended]))
        for row in order if complete else order[:most]:
            if ended[row].architecture not in history.asked[rung + 1]:
                return Proposal(Architecture.parse(ended[row].architecture), rung + 1)
        return None
