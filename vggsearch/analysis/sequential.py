"""The exact sign-flip test at planned looks, and the p value that several looks leave.

    d[i]     difference of pair i                     T[k](s)   |Σ_{i ≤ n[k]} s[i] d[i]|, s[i] = ±1
    n[k]     pairs known at look k, k = 1 … K         f[k]      share of the level spent by look k
    a        level of the test                        R[k](a)   signings that look k or an earlier one rejects

If neither side is better, all 2ⁿ signings of the differences are equally likely. Look k rejects the signings
with the largest T[k] among those that no earlier look rejected, as many as keep |R[k](a)| ≤ a f[k] 2ⁿ. The
test then errs with probability `a` at most over all looks: given the sizes of the differences, and so for
any distribution that is symmetric where there is no difference. What a look cannot spend, because signings
are few, the next look may spend: 6 pairs have a least p of 2/64, so that a first look at 6 of 20 pairs
rejects nothing at a = 0.05. AdaStop (Mathieu et al. 2023, arXiv 2306.10882) has the same idea for independent
samples; f is in `vggsearch.analysis.alpha_spending`.

**p.** The least of some levels at which the test rejects, and at all those above it: because signings are
few, a test may reject at one level and not at a higher one. P(p ≤ a) ≤ a then holds for each of these levels,
whenever the study stops (sequential p: Liu & Anderson 2008, JASA 103, 1621). Holm's correction compares p
with alpha / j alone, and needs nothing else of a p, so that it controls the error of a family of contrasts as
it does for a single look, however the contrasts depend on each other.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vggsearch.analysis.alpha_spending import nominal_levels, spent_share
from vggsearch.analysis.sign_flip import FloatArray

Indices = npt.NDArray[np.uint8]

_SMALL = tuple(digit / 10**power for power in range(6, 1, -1) for digit in range(1, 10))
"""Levels with one digit, from 0.000001 to 0.09."""

_TIE = 1e-12
"""Sums closer than this share of Σ |d| count as equal, because they differ only by rounding."""


def levels_for(alpha: float, contrasts: int) -> tuple[float, ...]:
    """The levels alpha / j of Holm's correction over `contrasts`, and levels below all of them; rising.

    The former are smaller by a rounding error, so that j times such a p is at most alpha. The latter, which
    have one digit, change no decision.
    """
    own = [alpha / number * (1 - 1e-12) for number in range(contrasts, 0, -1)]
    return (*(level for level in _SMALL if level < own[0]), *own)


def sequential_p(groups: Sequence[FloatArray], looks: Sequence[int], levels: Sequence[float]) -> float:
    """Two-sided p of a mean difference of 0 after the first `len(groups)` of the planned `looks`.

    It never rises from look to look while the mean keeps its sign: what was shown once stays shown. 1 where
    the test rejects at none of `levels`; NaN before the first look, and where no pair is complete.

    Args:
        groups: The differences of the complete pairs that each look adds, in order.
        looks: Number of pairs at each planned look; 2ⁿ⁻¹ signings are visited for n pairs.
        levels: Rising levels, at most 255 of them, at most 1.
    """
    if sum(map(len, groups)) == 0:
        return np.nan
    tie = _TIE * float(sum(np.abs(group).sum() for group in groups))
    sums, least = np.zeros(1), np.full(1, len(levels), dtype=np.uint8)
    reached = []
    for pairs, group in zip(looks, groups, strict=False):
        sums, least = _longer(sums, least, group)
        bars = _reject(np.abs(sums), least, np.asarray(levels) * spent_share(pairs / looks[-1]), tie)
        observed = float(sums[-1])
        reached.append((np.sign(observed), int(_least_level(np.array(abs(observed) - tie), bars))))
    best = min(at for sign, at in reached if sign == reached[-1][0])
    return levels[best] if best < len(levels) else 1.0


def sequential_tost_p(p: Sequence[float], looks: tuple[int, ...], levels: Sequence[float]) -> float:
    """p of equivalence after `len(p)` planned looks, of the TOST p of each; NaN where there is none.

    The least of `levels` at which some look's p is at most its `nominal_levels`, and so at all levels above
    it; 1 where there is none.
    """
    if not p or np.isnan(p[-1]):
        return np.nan
    shown = 1.0
    for level in reversed(levels):
        if not any(each <= bar for each, bar in zip(p, nominal_levels(looks, level), strict=False)):
            break
        shown = level
    return shown


def _longer(sums: FloatArray, least: Indices, group: FloatArray) -> tuple[FloatArray, Indices]:
    """All signings with those of `group` added, the observed one last.

    The first difference keeps its sign.
    """
    for difference in group:
        if len(sums) == 1 and sums[0] == 0:
            sums = sums + difference
        else:
            sums = np.concatenate([sums - difference, sums + difference])
            least = np.concatenate([least, least])
    return sums, least


def _reject(sizes: FloatArray, least: Indices, budget: FloatArray, tie: float) -> FloatArray:
    """Reject signings at this look; return for each level the size that those exceed, which never rises.

    Args:
        sizes: T of every signing.
        least: Index of the least level at which each was rejected by an earlier look; lowered in place.
        budget: Share of the signings that may be rejected by now, by level.
        tie: Sizes closer than this are equal.
    """
    allowed = np.floor(budget * len(sizes) + 1e-9).astype(np.int64)
    used = np.cumsum(np.bincount(least, minlength=len(budget) + 1))[: len(budget)]
    # No level rejects more than the largest `allowed`, so that only those need an order.
    top = min(len(sizes), int(allowed[-1]) + 1)
    largest = np.argpartition(sizes, len(sizes) - top)[-top:]
    largest = largest[np.argsort(-sizes[largest])]
    ordered, before = sizes[largest], least[largest]
    bars, bar = np.empty(len(budget)), -np.inf
    for level in reversed(range(len(budget))):
        left = np.flatnonzero(before > level)
        room = int(allowed[level] - used[level])
        if room < len(left):
            bar = max(bar, float(ordered[left[room]]))
        bars[level] = bar
    least[largest] = np.minimum(before, _least_level(ordered - tie, bars))
    return bars


def _least_level(sizes: FloatArray, bars: FloatArray) -> Indices:
    """Index of the least level whose bar each size exceeds; `len(bars)` where there is none."""
    found = len(bars) - np.searchsorted(bars[::-1], sizes, side="left")
    return np.asarray(found, dtype=np.uint8)
