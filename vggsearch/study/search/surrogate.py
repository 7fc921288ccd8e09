"""A Bayesian linear model of accuracy on what nets are made of, at several rungs at once.

Notation: n observations of k members at rungs r = 0, …, R (R: the full budget), features φ of a member.

    y_i = μ_r + φ·w + [r < R] φ_main·d + u_x + ε_i        of member x at rung r

    μ ~ N(0, 2²)                                            the level of a rung
    w ~ N(0, τ₁²) for main columns, N(0, τ₂²) for pairs     what a choice is worth at any rung
    d ~ N(0, τ₃²)                                           how that differs for short runs
    u_x ~ N(0, τ₄²)                                         what else a member has, at all rungs
    ε ~ N(0, σ_r²)                                          chance, one σ for short runs, one for full ones

Given the six scales everything is Gaussian and in closed form; the scales are those of the largest evidence.
y is −log(1 − accuracy), standardised at each rung by its median and spread, with what is far below set to
the lowest value that is not (a net that diverged says that it is bad, not how bad).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import minimize

from vggsearch.study.search.features import Matrix

Vector = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

START = np.log(np.array([0.3, 0.1, 0.1, 0.3, 0.5, 0.5]))
"""Scales from which the search for the best ones begins: τ₁ to τ₄, σ of short runs, σ of full ones."""

BOUNDS = np.log(np.array([0.003, 3.0]))
MEANS = 2.0
"""Prior standard deviation of the means μ, which are near 0 as y is standardised."""

BORROWED = 5
"""As so many runs counts the spread of the rung below, where a rung has few."""

FARTHEST = 3.0
"""Robust standard deviations below the median to which values are raised."""


@dataclass(frozen=True)
class Data:
    """Observations. Members are numbered from 0 in the order of their first observation."""

    main: Matrix
    """[n, m]"""
    pairs: Matrix
    """[n, q]"""
    rung: Indices
    """[n]"""
    member: Indices
    """[n]"""
    full: int
    """R."""

    def first(self, count: int) -> "Data":
        """The first `count` observations."""
        own = slice(count)
        return Data(self.main[own], self.pairs[own], self.rung[own], self.member[own], self.full)

    @property
    def design(self) -> Matrix:
        """[n, p] columns of μ, w and d."""
        means = (self.rung[:, np.newaxis] == np.arange(self.full + 1)).astype(float)
        short = (self.rung < self.full).astype(float)[:, np.newaxis]
        parts = [means, self.main, self.pairs]
        return np.hstack([*parts, self.main * short] if short.any() else parts)


class Surrogate:
    """The model, fitted to observations; see the head of this module.

    Args:
        data: What was observed.
        accuracy: Of each observation, [n], fractions.
        scales: Logarithms of the six scales; None to find them.
    """

    def __init__(self, data: Data, accuracy: Vector, scales: Vector | None = None) -> None:
        self._data = data
        self._design = data.design
        self._y, self._centre, self._spread = _standardised(accuracy, data.rung)
        self.scales = self._best_scales() if scales is None else scales
        """Logarithms of the six scales."""
        self._noise = self._noise_of(self.scales)
        factor, self._weights = self._posterior(self.scales)[:2]
        self._factor = factor
        self._tau2 = float(np.exp(2 * self.scales[3]))
        residual = (self._y - self._design @ self._weights) / self._noise
        members = int(data.member.max()) + 1
        pull = np.bincount(data.member, residual, members)
        self._own_precision = np.bincount(data.member, 1 / self._noise, members)
        self._own = self._tau2 * pull / (1 + self._tau2 * self._own_precision)

    def predict(self, main: Matrix, pairs: Matrix, member: Indices) -> tuple[Vector, Vector]:
        """Mean and standard deviation of full runs' standardised value, without chance, [N] each.

        `member` is the number of each member among the observed ones, −1 for others.
        """
        rows = self._rows(main, pairs)
        mean = rows @ self._weights
        spread = solve_triangular(self._factor[0], rows.T, lower=True)
        variance = np.einsum("ij,ij->j", spread, spread)
        known = member >= 0
        mean[known] += self._own[member[known]]
        own = np.full(len(mean), self._tau2)
        own[known] /= 1 + self._tau2 * self._own_precision[member[known]]
        return mean, np.sqrt(variance + own)

    @property
    def chance(self) -> float:
        """σ of full runs, standardised."""
        return float(np.exp(self.scales[5]))

    @property
    def weights(self) -> tuple[Vector, Vector]:
        """w: what the main columns and the pairs are worth."""
        m, q = self._data.main.shape[1], self._data.pairs.shape[1]
        first = self._data.full + 1
        return self._weights[first : first + m], self._weights[first + m : first + m + q]

    def value(self, accuracy: float) -> float:
        """The standardised value of a full run's accuracy."""
        return float((_transformed(np.array([accuracy]))[0] - self._centre) / self._spread)

    def accuracy(self, value: Vector) -> Vector:
        """The accuracy of full runs with these standardised values."""
        return np.asarray(np.clip(1 - np.exp(-(self._centre + self._spread * value)), 0.0, 1.0))

    def accuracy_spread(self, value: Vector, spread: Vector) -> Vector:
        """Standard deviations of accuracy near `value`, to first order."""
        return np.asarray(self._spread * spread * (1 - self.accuracy(value)))

    def _rows(self, main: Matrix, pairs: Matrix) -> Matrix:
        means = np.zeros((len(main), self._data.full + 1))
        means[:, self._data.full] = 1.0
        rows = np.hstack([means, main, pairs])
        missing = self._design.shape[1] - rows.shape[1]
        return np.hstack([rows, np.zeros((len(main), missing))])

    def _noise_of(self, scales: Vector) -> Vector:
        """σ² of each observation."""
        short, full = np.exp(2 * scales[4:])
        return np.asarray(np.where(self._data.rung < self._data.full, short, full))

    def _prior(self, scales: Vector) -> Vector:
        """Prior variance of each column."""
        m, q = self._data.main.shape[1], self._data.pairs.shape[1]
        tau = np.exp(2 * scales[:3])
        deviations = self._design.shape[1] - (self._data.full + 1) - m - q
        counts = (self._data.full + 1, m, q, deviations)
        return np.repeat([MEANS**2, *tau], counts)

    def _posterior(self, scales: Vector) -> tuple[tuple[Matrix, bool], Vector, float]:
        """Cholesky factor of the weights' precision, their mean, and the log evidence."""
        noise, tau2 = self._noise_of(scales), float(np.exp(2 * scales[3]))
        prior = self._prior(scales)
        x, y, member = self._design, self._y, self._data.member
        scaled = x / noise[:, np.newaxis]
        members = int(member.max()) + 1
        sums = np.zeros((members, x.shape[1]))
        np.add.at(sums, member, scaled)
        totals = np.bincount(member, y / noise, members)
        precision = np.bincount(member, 1 / noise, members)
        shrink = tau2 / (1 + tau2 * precision)
        gram = x.T @ scaled - (sums * shrink[:, np.newaxis]).T @ sums
        right = scaled.T @ y - sums.T @ (shrink * totals)
        gram[np.diag_indices_from(gram)] += 1 / prior
        factor = cho_factor(gram, lower=True)
        mean = cho_solve(factor, right)
        fit = float(y @ (y / noise) - (shrink * totals) @ totals - right @ mean)
        logdet = float(
            np.log(noise).sum()
            + np.log1p(tau2 * precision).sum()
            + np.log(prior).sum()
            + 2 * np.log(np.diag(factor[0])).sum()
        )
        return factor, mean, -0.5 * (fit + logdet)

    def _best_scales(self) -> Vector:
        """The scales of the largest evidence, with a weak pull to where the search begins."""

        def cost(scales: Vector) -> float:
            return -self._posterior(scales)[2] + 0.125 * float(((scales - START) ** 2).sum())

        found = minimize(cost, START, method="L-BFGS-B", bounds=[tuple(BOUNDS)] * len(START), options=LIMITS)
        return np.asarray(found.x)


LIMITS = {"maxiter": 15}


def _transformed(accuracy: Vector) -> Vector:
    return np.asarray(-np.log(np.clip(1 - accuracy, 1e-4, 1.0)))


def _standardised(accuracy: Vector, rung: Indices) -> tuple[Vector, float, float]:
    """y, and the centre and the spread of full runs (of the highest rung that there is, where none ended)."""
    raw = _transformed(accuracy)
    y = np.empty_like(raw)
    centre, spread = 0.0, 0.0
    for number, own in enumerate(np.unique(rung)):
        rows = rung == own
        count, borrowed = int(rows.sum()), BORROWED if number else 0
        centre = float(np.median(raw[rows]))
        low, high = np.quantile(raw[rows], [0.25, 0.75])
        variance = (count * ((high - low) / 1.349) ** 2 + borrowed * spread**2) / (count + borrowed)
        spread = max(float(variance) ** 0.5, 1e-3)
        y[rows] = np.maximum((raw[rows] - centre) / spread, -FARTHEST)
    return y, centre, spread
