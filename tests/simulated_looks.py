"""Simulated studies that look at their pairs several times and stop once every contrast is decided."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from vggsearch.analysis import Verdict, verdict
from vggsearch.analysis.alpha_spending import nominal_levels
from vggsearch.analysis.sequential import levels_for, sequential_p, sequential_tost_p
from vggsearch.analysis.sign_flip import FloatArray

BoolArray = npt.NDArray[np.bool_]

LOOKS = (6, 10, 15, 20)


@dataclass(frozen=True, slots=True)
class Stopped:
    """Results of simulated studies at the look at which each stopped; arrays [studies, contrasts]."""

    pairs: npt.NDArray[np.int64]
    """Pairs that each study made; [studies]."""
    found: BoolArray
    """Whether the sign-flip test rejects a difference of 0, at this look or an earlier one."""
    covered: BoolArray
    """Whether the interval of this look holds the true effect."""
    ever_missed: BoolArray
    """Whether the interval of any look so far misses the true effect."""
    verdicts: npt.NDArray[np.str_]

    @property
    def decided(self) -> BoolArray:
        """Whether the verdict is that one side is better."""
        return self.which(Verdict.SUPPORTED) | self.which(Verdict.REFUTED)

    def which(self, answer: Verdict) -> BoolArray:
        """Where the verdict is `answer`."""
        return np.asarray(self.verdicts == str(answer))


def stopped(y: FloatArray, effect: float, looks: tuple[int, ...], alpha: float, margin: float) -> Stopped:
    """Results of studies with the accuracies y [studies, 1 + contrasts, pairs]; arm 0 is the control.

    Every contrast has the true effect `effect`.
    """
    rows = [_one(study, effect, looks, alpha, margin) for study in y[:, :1] - y[:, 1:]]
    pairs, found, covered, missed, verdicts = zip(*rows, strict=True)
    arrays = (np.array(each) for each in (found, covered, missed, verdicts))
    return Stopped(np.array(pairs), *arrays)


Row = tuple[int, BoolArray, BoolArray, BoolArray, list[str]]


def _one(d: FloatArray, effect: float, looks: tuple[int, ...], alpha: float, margin: float) -> Row:
    """One study, with the differences d [contrasts, pairs]."""
    levels = levels_for(alpha, len(d))
    tost: list[FloatArray] = []
    missed = np.zeros(len(d), dtype=bool)
    for k, n in enumerate(looks):
        groups = np.split(d[:, :n], looks[:k], axis=1)
        p = np.array([sequential_p([group[c] for group in groups], looks, levels) for c in range(len(d))])
        mean, se = d[:, :n].mean(axis=1), d[:, :n].std(axis=1, ddof=1) / math.sqrt(n)
        tost.append(
            np.maximum(stats.t.sf((mean + margin) / se, n - 1), stats.t.cdf((mean - margin) / se, n - 1))
        )
        p_tost = np.array(
            [sequential_tost_p([look[c] for look in tost], looks, levels) for c in range(len(d))]
        )
        p_holm, p_tost_holm = holm_adjusted(p), holm_adjusted(p_tost)
        answers = [verdict(n, *each, alpha=alpha) for each in zip(mean, p_holm, p_tost_holm, strict=True)]
        reach = float(stats.t.isf(nominal_levels(looks, alpha / 2)[k], n - 1)) * se
        covered = np.abs(mean - effect) <= reach
        missed |= ~covered
        if all(answer.decides for answer in answers):
            break
    return n, p_holm <= alpha, covered, missed, [str(answer) for answer in answers]


def holm_adjusted(p: FloatArray) -> FloatArray:
    """Holm's adjustment along the last axis."""
    count = p.shape[-1]
    order = np.argsort(p, axis=-1)
    steps = np.take_along_axis(p, order, axis=-1) * np.arange(count, 0, -1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(np.maximum.accumulate(steps, axis=-1), 1.0), axis=-1)
    return adjusted
