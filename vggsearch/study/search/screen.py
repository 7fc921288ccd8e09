"""`ScreenStrategy`: short runs for many, then full ones for the best. `Screen` has its settings."""

import numpy as np

from vggsearch.arch import Architecture
from vggsearch.study.search.order import best_first
from vggsearch.study.search.strategy import History, Proposal, Strategy


class ScreenStrategy(Strategy):
    """Trains members drawn at random for a short budget, and the best of them in full, the best first."""

    def propose(self, history: History) -> Proposal | None:
        """See `Strategy.propose`."""
        if self.left(history, 0) > 0:
            return self.draw(history, 0)
        if history.is_running(0) or self.left(history, self.full) <= 0:
            return None
        ended = [one for one in history.at(0) if one.gains is not None]
        if not ended:
            return None
        for row in best_first(np.array([one.gains for one in ended])):
            if ended[row].architecture not in history.asked[self.full]:
                return Proposal(Architecture.parse(ended[row].architecture), self.full)
        return None
