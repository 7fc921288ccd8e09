"""One claim over several studies: what holds on average, how far cells differ, what one more would show.

    y[i]    effect of cell i, i = 1 … k        μ      mean of the true effects of all such cells
    v[i]    its squared standard error         τ²     variance of the true effects between cells
    w[i]    1 / (v[i] + τ²)                    t(n)   quantile 1 − alpha / 2 of Student's t of n df

A cell is one study: a data set, a width, a length. The random-effects model y[i] = μ + u[i] + e[i] says that
cells truly differ, with variance τ², and are measured with error, of variance v[i].

    mean         Σ w y / Σ w, with the τ² of Paule & Mandel 1982, for which Σ w (y − mean)² = k − 1, or 0
    interval     mean ± t(k − 1) se; se² = s² / Σ w, s² = Σ w (y − mean)² / (k − 1), at least 1
                 (Hartung & Knapp 2001, https://doi.org/10.1002/sim.791; bound: Röver, Knapp & Friede 2015,
                 https://doi.org/10.1186/s12874-015-0091-1)
    I²           share of the variance of y that is not error: 1 − (k − 1) / Q, Q = Σ (y − ȳ)² / v, at least 0
                 (Higgins & Thompson 2002, https://doi.org/10.1002/sim.1186)
    prediction   mean ± t(k − 2) √(τ² + se²): the true effect of one more cell
                 (Higgins, Thompson & Spiegelhalter 2009, https://doi.org/10.1111/j.1467-985X.2008.00552.x)

The mean may be above 0 while a new cell may well be below: the prediction interval says so. It takes τ² as
known, and is too short for few cells: with eight cells and errors as large as τ, nine in ten hold the truth
at a nominal 95 %. Cells that share a data set are no random draw, so that the p for "in general" is over data
sets and not over cells.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.regression.linear_model import WLS
from statsmodels.stats.meta_analysis import combine_effects

from vggsearch.analysis.sign_flip import sign_flip_p
from vggsearch.analysis.verdicts import MIN_PAIRS

MIN_DATA_SETS = MIN_PAIRS
"""Fewest data sets for a p "in general": with five, the smallest p of a sign-flip test is 0.0625."""

MIN_CELLS_OF_A_SLOPE = 4
"""Fewest cells for a meta-regression, which leaves two degrees of freedom."""


@dataclass(frozen=True, slots=True)
class MetaAnalysis:
    """What several cells say together. Effects are in the unit of the cells'."""

    cells: int
    data_sets: int
    mean: float
    """Estimate of the mean true effect."""
    se: float
    """Its standard error by Hartung & Knapp."""
    low: float
    """Interval of the mean: `low` … `high`."""
    high: float
    tau: float
    """SD of the true effects between cells."""
    i2: float
    """Share of the variance between the cells' effects that is not error, 0 to 1."""
    predicted_low: float
    """Interval of the true effect of one more cell; NaN for two cells."""
    predicted_high: float
    p: float
    """Two-sided sign-flip p over the data sets' mean effects; NaN for fewer than `MIN_DATA_SETS`."""
    weights: tuple[float, ...]
    """Share of each cell in the mean, in the order of the cells."""


@dataclass(frozen=True, slots=True)
class Slope:
    """How the effect changes with a property of the cells: effect = at_mean + slope (x − mean of x)."""

    covariate: str
    slope: float
    """Change of the effect per unit of the covariate."""
    slope_low: float
    """Interval of the slope, with t of k − 2 degrees of freedom."""
    slope_high: float
    at_mean: float
    """Effect at the unweighted mean of the covariate."""
    at_mean_low: float
    at_mean_high: float


def random_effects(cells: pd.DataFrame, alpha: float) -> MetaAnalysis:
    """The random-effects meta-analysis of cells.

    Args:
        cells: One row for each cell, at least two: `effect`, its standard error `se` (above 0), `data_set`.
        alpha: The intervals are at confidence 1 − alpha.

    Raises:
        ValueError: There are fewer than two cells, or a standard error is not above 0.
    """
    effects, variances = _valid(cells)
    with np.errstate(divide="ignore"):  # its own I² of cells that agree exactly, which is not used
        found = combine_effects(effects, variances, method_re="pm")
    k, tau2, mean = len(effects), float(found.tau2), float(found.mean_effect_re)
    scale = max(1.0, float(found.scale_hksj_re))
    se = math.sqrt(scale * float(found.var_eff_w_re))
    reach = float(stats.t.ppf(1 - alpha / 2, k - 1))
    new = float(stats.t.ppf(1 - alpha / 2, k - 2)) * math.sqrt(tau2 + se**2) if k > 2 else math.nan
    by_data_set = cells.groupby("data_set", sort=False)["effect"].mean().to_numpy(dtype=np.float64)
    enough = len(by_data_set) >= MIN_DATA_SETS
    return MetaAnalysis(
        cells=k,
        data_sets=len(by_data_set),
        mean=mean,
        se=se,
        low=mean - reach * se,
        high=mean + reach * se,
        tau=math.sqrt(tau2),
        i2=max(0.0, 1 - (k - 1) / float(found.q)) if found.q > 0 else 0.0,
        predicted_low=mean - new,
        predicted_high=mean + new,
        p=sign_flip_p(by_data_set) if enough else math.nan,
        weights=tuple(float(weight) for weight in found.weights_rel_re),
    )


def meta_regression(
    cells: pd.DataFrame, covariate: str, alpha: float, tau2: float | None = None
) -> Slope | None:
    """How the effect changes with the column `covariate`; None where cells do not allow it.

    Weighted least squares with the weights of `random_effects`, standard errors by Knapp & Hartung 2003
    (https://doi.org/10.1002/sim.1482), whose scale is that of the residuals. It needs `MIN_CELLS_OF_A_SLOPE`
    cells, and two values of the covariate.

    Args:
        cells: As for `random_effects`, and `covariate`.
        alpha: As for `random_effects`.
        tau2: Variance between cells, by default that of `random_effects`. It also holds what the covariate
            explains, so that cells weigh more alike than they might.

    Raises:
        ValueError: As for `random_effects`.
    """
    effects, variances = _valid(cells)
    x = cells[covariate].to_numpy(dtype=np.float64)
    if len(x) < MIN_CELLS_OF_A_SLOPE or np.ptp(x) == 0:
        return None
    between = random_effects(cells, alpha).tau ** 2 if tau2 is None else tau2
    design = np.column_stack([np.ones(len(x)), x - x.mean()])
    fit = WLS(effects, design, weights=1 / (variances + between)).fit()
    (at_mean_low, at_mean_high), (slope_low, slope_high) = fit.conf_int(alpha)
    at_mean, slope = fit.params
    return Slope(covariate, *map(float, (slope, slope_low, slope_high, at_mean, at_mean_low, at_mean_high)))


def _valid(cells: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Effects and their squared standard errors."""
    effects, errors = (cells[name].to_numpy(dtype=np.float64) for name in ("effect", "se"))
    if len(effects) < 2 or not (errors > 0).all() or not np.isfinite(effects).all():
        raise ValueError("a meta-analysis is of two cells or more, each with an effect and a standard error")
    return effects, errors**2
