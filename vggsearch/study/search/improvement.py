"""Expected improvements: of accuracy, and of the hypervolume where only accuracy is uncertain.

Notation: N candidates with accuracy ~ N(mean, spread²), F points of the front, k costs (as gains, −log10).

    ψ(t) = E[(accuracy − t)₊] = spread (z Φ(z) + φ(z)),  z = (mean − t) / spread

A candidate with known costs c adds to the hypervolume, at every accuracy t below its own, the volume A(t) of
costs between the reference and c that no point of the front with an accuracy of t or more dominates. A is
constant between two accuracies of the front, so the expectation is Σ A_j (ψ(t_j) − ψ(t_j+1)).
"""

import moocore
import numpy as np
from scipy.stats import norm

from vggsearch.study.search.features import Matrix


def expected_improvement(mean: Matrix, spread: Matrix, best: float | Matrix) -> Matrix:
    """ψ(best), [N]."""
    spread = np.maximum(spread, 1e-12)
    z = (mean - best) / spread
    found: Matrix = spread * (z * norm.cdf(z) + norm.pdf(z))
    return found


def expected_hypervolume(
    mean: Matrix, spread: Matrix, costs: Matrix, front: Matrix, reference: Matrix
) -> Matrix:
    """The expected gain of hypervolume of each candidate, [N].

    Args:
        mean: Of accuracy, [N].
        spread: Its standard deviation, [N].
        costs: Of the candidates, [N, k], 1 or 2 of them.
        front: Gains of the runs so far, [F, 1 + k], accuracy first; F may be 0.
        reference: The worst gains that count, [1 + k].
    """
    inside = (front > reference).all(axis=1)
    front = front[inside]
    if len(front):
        front = front[moocore.is_nondominated(front, maximise=True)]
    levels = np.unique(np.concatenate([[reference[0]], front[:, 0]]))
    room = np.maximum(costs - reference[1:], 0.0)
    expected = np.zeros(len(mean))
    for number, level in enumerate(levels):
        above = levels[number + 1] if number + 1 < len(levels) else np.inf
        active = front[front[:, 0] >= above, 1:] - reference[1:]
        share = expected_improvement(mean, spread, level)
        if np.isfinite(above):
            share = share - expected_improvement(mean, spread, above)
        expected += (room.prod(axis=1) - _dominated(room, active)) * share
    return expected


def _dominated(room: Matrix, points: Matrix) -> Matrix:
    """Volume of each box from 0 to `room`, [N, k], that the boxes from 0 to `points`, [F, k], cover."""
    if not len(points):
        return np.zeros(len(room))
    if room.shape[1] == 1:
        found: Matrix = np.minimum(room[:, 0], points[:, 0].max())
        return found
    order = np.argsort(-points[:, 0], kind="stable")
    covered, reached = np.zeros(len(room)), np.zeros(len(room))
    for wide, high in points[order]:  # ever narrower: each adds what is above those before
        top = np.minimum(room[:, 1], high)
        covered += np.minimum(room[:, 0], wide) * np.maximum(top - reached, 0.0)
        reached = np.maximum(reached, top)
    return covered
