"""The exact sign-flip test of a mean difference of 0, over all 2ⁿ signings of n differences.

    d[i]   difference of pair i, i = 1 … n                   T(s) = Σ s[i] d[i], s[i] = ±1
    p      share of the 2ⁿ signings with |T(s)| ≥ |Σ d[i]|

If neither side is better, either sign of each difference is equally likely (Fisher 1935, The Design of
Experiments, §21). This is `scipy.stats.permutation_test(…, permutation_type="samples")` with all
permutations, which computes each of them. Here the sums of the two halves of the pairs are sorted and matched
(Horowitz & Sahni 1974), so that 20 pairs take 2 × 2¹⁰ sums and not 2²⁰.
"""

import numpy as np
import numpy.typing as npt
from scipy import stats

FloatArray = npt.NDArray[np.float64]

EXACT_PAIRS = 30
"""Most pairs for which all signings are counted."""

RESAMPLES = 99_999
"""Number of random signings for more pairs."""

_TIE = 1e-12
"""Sums closer than this share of Σ |d| count as equal, because they differ only by rounding."""


def sign_flip_p(differences: FloatArray) -> float:
    """Two-sided p of n differences: at least 2 / 2ⁿ, 1 where their sum is 0, NaN for n = 0.

    Beyond `EXACT_PAIRS` pairs, p is estimated from the observed signing and `RESAMPLES` random ones, drawn
    with a fixed seed.
    """
    if len(differences) == 0:
        return np.nan
    if len(differences) > EXACT_PAIRS:
        return _sampled(differences)
    tie = _TIE * float(np.abs(differences).sum())
    threshold = abs(float(differences.sum())) - tie
    half = len(differences) // 2
    first, second = _signed_sums(differences[:half]), np.sort(_signed_sums(differences[half:]))
    # Sorted queries read `second` in order, which uses the cache well.
    below = np.searchsorted(second, np.sort(threshold - first), side="left")
    reached = len(first) * len(second) - int(below.sum())
    return min(1.0, 2.0 * reached / 2.0 ** len(differences))


def _signed_sums(differences: FloatArray) -> FloatArray:
    """All 2ⁿ sums ±d[1] ± … ± d[n]."""
    sums = np.zeros(1)
    for difference in differences:
        sums = np.concatenate([sums - difference, sums + difference])
    return sums


def _sampled(differences: FloatArray) -> float:
    def mean(values: FloatArray, axis: int) -> FloatArray:
        return np.asarray(values.mean(axis=axis), dtype=np.float64)

    found = stats.permutation_test(
        (differences,),
        mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=10_000,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)
