"""Power of n pairs, and the number of pairs for a power, by the t test in place of the sign-flip test.

    effect   true mean difference          n      pairs, at least 2
    sd       true SD of the differences    df     n − 1
    alpha    level of the tests            u      s / sd, the sample SD s in units of sd; df u² is χ² of df

Effect, sd and margin have the same unit (here fractions: 0.003 is 0.3 pp). Given u the mean difference is
normal, so that every power is one integral over u. It is exact and avoids the noncentral t distribution, with
which statsmodels' `TTestPower` (0.14 and 0.15) returns NaN for effects of several sd.

The sign-flip test is discrete: at 6 pairs its level is 0.031 where that of the t test is 0.05, and its power
is lower as well; `docs/statistics.md` shows both. With fewer pairs than `pairs_needed_for_any_verdict` it
cannot reject, whatever the effect.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy import optimize, special

from vggsearch.analysis.sign_flip import FloatArray
from vggsearch.analysis.verdicts import MIN_PAIRS, pairs_needed_for_any_verdict

POWER = 0.8
MAX_PAIRS = 1000

_TAIL = 1e-13
"""Probability left out at each end of an integral."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
"""Quadrature nodes and weights of one panel of an integral."""


def power_of_difference(effect: float, sd: float, n: int, alpha: float) -> float:
    """Probability that the two-sided paired t test of n pairs rejects 0."""
    if sd == 0:
        return float(effect != 0)
    shift = abs(effect) / sd * math.sqrt(n)
    critical = -float(special.stdtrit(n - 1, alpha / 2))

    def kept(u: FloatArray) -> FloatArray:
        return np.asarray(special.ndtr(critical * u - shift) - special.ndtr(-critical * u - shift))

    return min(1.0, max(0.0, 1.0 - _over_sample_sd(kept, n - 1, [shift / critical], 1 / critical)))


def power_of_equivalence(effect: float, sd: float, n: int, alpha: float, margin: float) -> float:
    """Probability that both one-sided t tests of n pairs reject at level `alpha`, which shows equivalence.

    Tests: Schuirmann 1987 (https://doi.org/10.1007/BF01068419). Power: Phillips 1990
    (https://doi.org/10.1007/BF01063556).
    """
    if sd == 0:
        return float(abs(effect) < margin)
    unit = sd / math.sqrt(n)
    critical = -float(special.stdtrit(n - 1, alpha))
    low, high = (-margin - effect) / unit, (margin - effect) / unit

    def shown(u: FloatArray) -> FloatArray:
        return np.asarray(special.ndtr(high - critical * u) - special.ndtr(low + critical * u))

    steps, widest = [high / critical, -low / critical], margin / unit / critical
    return min(1.0, max(0.0, _over_sample_sd(shown, n - 1, steps, 1 / critical, widest)))


def minimum_detectable_effect(sd: float, n: int, alpha: float, power: float = POWER) -> float:
    """Effect that the two-sided paired t test of n pairs finds with probability `power`.

    NaN for n < 2, and where sd or alpha is NaN.
    """
    if n < 2 or math.isnan(sd) or math.isnan(alpha):
        return math.nan

    def lack(effect: float) -> float:
        return power_of_difference(effect, 1.0, n, alpha) - power

    high = 1.0
    while lack(high) < 0:
        high *= 2
    return sd * float(optimize.brentq(lack, 0.0, high))


def pairs_to_detect(
    effect: float, sd: float, alpha: float, power: float = POWER, max_pairs: int = MAX_PAIRS
) -> int | None:
    """Fewest pairs with a `power_of_difference` of `power`; None where `max_pairs` are too few."""
    return _fewest(lambda n: power_of_difference(effect, sd, n, alpha), power, max_pairs)


def pairs_to_show_equivalence(
    effect: float, sd: float, alpha: float, margin: float, power: float = POWER, max_pairs: int = MAX_PAIRS
) -> int | None:
    """Fewest pairs with a `power_of_equivalence` of `power`; None where `max_pairs` are too few."""
    return _fewest(lambda n: power_of_equivalence(effect, sd, n, alpha, margin), power, max_pairs)


def more_pairs(mean: float, sd: float, n: int, alpha: float, margin: float, contrasts: int = 1) -> int | None:
    """Number of further pairs that would decide with probability `POWER` if the true effect were `mean`.

    To decide is to show a difference or equivalence, whichever takes fewer pairs, in the worst case of Holm's
    correction over `contrasts`: at level `alpha / contrasts`. At least 1; None where `MAX_PAIRS` pairs are
    too few, or `mean` or `sd` is NaN. The true effect may be another, so this is only a guide.
    """
    if math.isnan(mean) or math.isnan(sd):
        return None
    level = alpha / contrasts
    difference = pairs_to_detect(mean, sd, level)
    if difference is not None:
        difference = max(difference, pairs_needed_for_any_verdict(contrasts, alpha))
    needed = [
        max(total, MIN_PAIRS)
        for total in (difference, pairs_to_show_equivalence(mean, sd, level, margin))
        if total is not None
    ]
    return max(1, min(needed) - n) if needed else None


def _over_sample_sd(
    probability: Callable[[FloatArray], FloatArray],
    df: int,
    steps: Sequence[float],
    width: float,
    widest: float = math.inf,
) -> float:
    """Mean of `probability(u)` over the distribution of u up to `widest`.

    Gauss-Legendre quadrature over panels that end where the steps of `probability` begin and end; each step
    is a normal distribution function of scale `width` at one of `steps`.
    """
    low, high = (
        math.sqrt(2 / df * float(inverse(df / 2, _TAIL)))
        for inverse in (special.gammaincinv, special.gammainccinv)
    )
    high = min(widest, high)
    if high <= low:
        return 0.0
    ends = [low, high, *(step + reach * width for step in steps for reach in (-8, 0, 8))]
    edges = np.unique(np.clip(ends, low, high))
    half = np.diff(edges)[:, None] / 2
    u = edges[:-1, None] + half * (1 + _NODES)
    constant = math.log(2) + df / 2 * math.log(df / 2) - float(special.gammaln(df / 2))
    density = np.exp(constant + (df - 1) * np.log(u) - df * u**2 / 2)
    return float((half * _WEIGHTS * density * probability(u)).sum())


def _fewest(power_of: Callable[[int], float], power: float, max_pairs: int) -> int | None:
    """Smallest n from 2 with `power_of(n) >= power`; above the test's level the power increases with n."""
    if max_pairs < 2 or power_of(max_pairs) < power:
        return None
    low, high = 1, max_pairs
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_of(middle) >= power else (middle, high)
    return high
