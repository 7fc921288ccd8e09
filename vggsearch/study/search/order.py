"""Which of several runs is best, for one objective and for several."""

import moocore
import numpy as np

from vggsearch.costs import IntArray
from vggsearch.study.search.strategy import Gains


def best_first(gains: Gains) -> list[int]:
    """The rows of `gains`, [N, objectives], the best first.

    With one objective by it. With several by non-dominated rank, and within a rank by an epsilon-net: first
    the most accurate, then always the one that is farthest from those before it, so that any number of the
    first rows covers the front (MO-ASHA, arXiv:2106.12639). Equal rows keep their order.
    """
    if gains.shape[1] == 1:
        return [int(row) for row in np.argsort(-gains[:, 0], kind="stable")]
    ranks = moocore.pareto_rank(gains, maximise=True)
    low, high = gains.min(axis=0), gains.max(axis=0)
    scaled = (gains - low) / np.where(high > low, high - low, 1.0)
    order: list[int] = []
    for rank in np.unique(ranks):
        order += _spread(scaled, np.flatnonzero(ranks == rank))
    return order


def _spread(scaled: Gains, rows: IntArray) -> list[int]:
    """`rows`, the most accurate first, then always the farthest from those before."""
    first = int(np.argmax(scaled[rows, 0]))
    chosen = [int(rows[first])]
    distance = np.linalg.norm(scaled[rows] - scaled[chosen[0]], axis=1)
    left = np.ones(len(rows), dtype=bool)
    left[first] = False
    while left.any():
        nearest = int(np.argmax(np.where(left, distance, -1.0)))
        left[nearest] = False
        chosen.append(int(rows[nearest]))
        distance = np.minimum(distance, np.linalg.norm(scaled[rows] - scaled[rows[nearest]], axis=1))
    return chosen
