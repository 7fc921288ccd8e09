"""Effects of contrasts over paired seeds. Pure: a table of runs in, a table of contrasts out.

    y[a, i]  value of arm a in pair i           w[a]   weight of arm a in the contrast, Σ w[a] = 0
    d[i]     Σ_a w[a] y[a, i], difference of pair i over n complete pairs; mean, sd (n − 1)
    se       sd / √n                            t(q)   quantile q of Student's t of n − 1 degrees of freedom

    interval            mean ± t(1 − alpha/2) se
    p                   exact sign-flip test of a mean of 0 (`vggsearch.analysis.sign_flip`)
    p_tost              larger p of the one-sided t tests of mean > −margin and mean < margin; p_tost <= alpha
    interval of TOST    mean ± t(1 − alpha) se; it lies within ±margin exactly where p_tost <= alpha

Pair i is the runs of all arms with seed i. A pair in which a weighted arm has no value is left out, and
counted. Accuracies, effects and margins are fractions: 0.003 is 0.3 pp.

At planned looks both p are those of all looks so far, and the intervals have the level of the last one
(`vggsearch.analysis.sequential`, `vggsearch.analysis.planned_looks`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from vggsearch.analysis.planned_looks import (
    interval_levels,
    looks_reached,
    more_pairs_at_looks,
    p_at_looks,
)
from vggsearch.analysis.power import minimum_detectable_effect, more_pairs
from vggsearch.analysis.sequential import levels_for
from vggsearch.analysis.sign_flip import FloatArray, sign_flip_p
from vggsearch.analysis.verdicts import Verdict, sign_is_certain, verdict
from vggsearch.designs import Contrast, Looks

ALPHA = 0.05
MARGIN = 0.003

_DECIMALS = 12
"""Decimals to which differences are rounded, so that equal accuracies differ by 0 and ties stay ties."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of one contrast over its complete pairs. NaN where n pairs leave a value undefined."""

    contrast: str
    n: int
    """Number of complete pairs."""
    left_out: int
    """Number of pairs in which a weighted arm has a row, but another has no row or no value."""
    mean: float
    """The estimate; positive where it favours the claim. NaN for n = 0."""
    sd: float
    """SD of the differences (n − 1). NaN for n < 2, as are se, both intervals, p_tost and mde."""
    se: float
    low: float
    """Paired-t interval at confidence 1 − alpha: `low` … `high`. A point where sd is 0."""
    high: float
    p: float
    """Two-sided sign-flip p. NaN for n = 0, and before the first planned look."""
    p_tost: float
    """p of equivalence. Where sd is 0: 0 for a mean within the margin, else 1."""
    low_tost: float
    """Paired-t interval at confidence 1 − 2 alpha."""
    high_tost: float
    sigma: float
    """SD over seeds within an arm, pooled over the weighted arms; NaN for n < 2."""
    rho: float
    """Pearson correlation over pairs between the positively and the negatively weighted side. NaN for n < 3,
    or where a side does not vary."""
    mde: float
    """Effect that a t test of these pairs finds with 80 % power at level alpha, uncorrected."""


EFFECT_COLUMNS = (
    *(field.name for field in fields(Effect)),
    "p_holm",
    "p_tost_holm",
    "sign_certain",
    "verdict",
    "more_pairs",
)


def differences(
    pairs: pd.DataFrame, weights: Mapping[str, float], value: str = "test_accuracy"
) -> "pd.Series[float]":
    """Σ w·y of each complete pair, indexed by `pair` in ascending order, rounded to 1e-12.

    Args:
        pairs: One row for each run: `arm`, `pair`, and `value`, which may be missing.

    Raises:
        ValueError: An arm has the same pair twice.
    """
    return _differences(_complete(_by_arm(pairs, weights, value)), weights)


def effect(
    pairs: pd.DataFrame,
    contrast: Contrast,
    *,
    alpha: float = ALPHA,
    margin: float = MARGIN,
    value: str = "test_accuracy",
    alpha_tost: float | None = None,
) -> Effect:
    """The effect of one contrast; `pairs` and errors are as for `differences`.

    `alpha_tost` is the level of the interval of TOST, by default alpha.
    """
    whole = _by_arm(pairs, contrast.weights, value)
    known = _complete(whole)
    found = np.asarray(_differences(known, contrast.weights), dtype=np.float64)
    n = len(found)
    mean, sd = _mean_and_sd(found)
    se = sd / math.sqrt(n) if n else math.nan
    low, high = _interval(mean, se, n, 1 - alpha)
    low_tost, high_tost = _interval(mean, se, n, 1 - 2 * (alpha if alpha_tost is None else alpha_tost))
    return Effect(
        contrast=contrast.name,
        n=n,
        left_out=len(whole) - n,
        mean=mean,
        sd=sd,
        se=se,
        low=low,
        high=high,
        p=sign_flip_p(found),
        p_tost=_p_tost(found, mean, sd, margin),
        low_tost=low_tost,
        high_tost=high_tost,
        sigma=float(np.sqrt(known.var(ddof=1).mean())) if n > 1 else math.nan,
        rho=_correlation(known, contrast.weights),
        mde=minimum_detectable_effect(sd, n, alpha),
    )


def effects(
    pairs: pd.DataFrame,
    contrasts: Sequence[Contrast],
    *,
    alpha: float = ALPHA,
    margin: float = MARGIN,
    value: str = "test_accuracy",
    looks: Looks = (),
) -> pd.DataFrame:
    """One row for each contrast, in the given order: `EFFECT_COLUMNS`.

    `p_holm` and `p_tost_holm` are adjusted over all contrasts that have such a p. `sign_certain` says whether
    the sign of `mean` is shown; the verdict `equivalent` leaves that open. `more_pairs` is 0 where the
    verdict decides, and <NA> where no affordable number of pairs is expected to.

    Args:
        looks: Planned looks. Pairs beyond the last look that was reached are left out, and `more_pairs` ends
            at a planned look. Before the first look every verdict is `descriptive`.
    """
    reached, many = looks_reached(pairs, contrasts, looks), len(contrasts)
    if reached:
        pairs = pairs[pairs["pair"] <= looks[reached - 1]]
    level, level_tost = interval_levels(looks, reached, alpha)
    table = pd.DataFrame(
        [
            asdict(effect(pairs, one, alpha=level, margin=margin, value=value, alpha_tost=level_tost))
            for one in contrasts
        ],
        columns=list(EFFECT_COLUMNS),
    )
    if looks:
        table[["p", "p_tost"]] = _at_looks(pairs, contrasts, alpha, margin, value, looks, reached)
    for name in ("p", "p_tost"):
        table[f"{name}_holm"] = holm(table[name].to_numpy(dtype=np.float64))
    certain, verdicts = [], []
    more: list[int | None] = []
    for row, contrast in zip(table.to_dict("records"), contrasts, strict=True):
        n, mean, sd, p, p_tost = (row[name] for name in ("n", "mean", "sd", "p_holm", "p_tost_holm"))
        answer = verdict(n, mean, p, p_tost, alpha=alpha, question=contrast.question)
        answer = Verdict.DESCRIPTIVE if looks and not reached else answer
        certain.append(sign_is_certain(n, p, alpha=alpha))
        verdicts.append(answer)
        if answer.decides:
            more.append(0)
        elif looks:
            more.append(more_pairs_at_looks(mean, sd, looks, reached, alpha, margin, many))
        else:
            more.append(more_pairs(mean, sd, n, alpha, margin, many))
    table["sign_certain"] = pd.Series(certain, dtype=bool)
    table["verdict"] = pd.Series(verdicts, dtype=object)
    table["more_pairs"] = pd.Series(more, dtype="Int64")
    return table


def _at_looks(
    pairs: pd.DataFrame,
    contrasts: Sequence[Contrast],
    alpha: float,
    margin: float,
    value: str,
    looks: Looks,
    reached: int,
) -> list[tuple[float, float]]:
    """The sign-flip p and the TOST p of every contrast after the first `reached` looks."""
    levels = levels_for(alpha, len(contrasts))
    return [
        p_at_looks(differences(pairs, one.weights, value), partial(_tost, margin), looks, reached, levels)
        for one in contrasts
    ]


def _tost(margin: float, found: FloatArray) -> float:
    return _p_tost(found, *_mean_and_sd(found), margin)


def holm(p: FloatArray) -> FloatArray:
    """Holm-adjusted p; NaN is left out and stays NaN (Holm 1979, https://www.jstor.org/stable/4615733)."""
    adjusted = np.full(len(p), np.nan)
    # Not statsmodels' multipletests: it collects garbage twice a call, which takes most of a second after
    # torch and pandas were imported, and a study with planned looks corrects often.
    order = np.argsort(p)[: int(np.sum(~np.isnan(p)))]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def _by_arm(pairs: pd.DataFrame, weights: Mapping[str, float], value: str) -> pd.DataFrame:
    """One row for each pair and one column for each weighted arm; NaN where there is no value."""
    rows = pairs[pairs["arm"].isin(list(weights))]
    return rows.pivot(index="pair", columns="arm", values=value).reindex(columns=list(weights)).astype(float)


def _complete(by_arm: pd.DataFrame) -> pd.DataFrame:
    return by_arm.dropna()


def _differences(known: pd.DataFrame, weights: Mapping[str, float]) -> "pd.Series[float]":
    total = sum((weight * known[arm] for arm, weight in weights.items()), pd.Series(0.0, index=known.index))
    return total.round(_DECIMALS)


def _mean_and_sd(found: FloatArray) -> tuple[float, float]:
    """Mean and SD (n − 1); the SD of identical differences is exactly 0, in spite of rounding."""
    if len(found) == 0:
        return math.nan, math.nan
    if len(found) == 1:
        return float(found[0]), math.nan
    if np.ptp(found) == 0:
        return float(found[0]), 0.0
    return float(found.mean()), float(found.std(ddof=1))


def _interval(mean: float, se: float, n: int, confidence: float) -> tuple[float, float]:
    if n < 2:
        return math.nan, math.nan
    reach = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * se
    return mean - reach, mean + reach


def _p_tost(found: FloatArray, mean: float, sd: float, margin: float) -> float:
    if math.isnan(sd):
        return math.nan
    if sd == 0:
        return 0.0 if abs(mean) < margin else 1.0
    return float(DescrStatsW(found).ttost_mean(-margin, margin)[0])


def _correlation(known: pd.DataFrame, weights: Mapping[str, float]) -> float:
    sides = [
        _differences(known, {arm: weight for arm, weight in weights.items() if (weight > 0) is positive})
        for positive in (True, False)
    ]
    if len(known) < 3 or any(np.ptp(side) == 0 for side in sides):
        return math.nan
    return float(np.corrcoef(sides[0], -sides[1])[0, 1])
