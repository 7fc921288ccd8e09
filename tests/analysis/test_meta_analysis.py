"""Random effects over cells: a published example, closed forms, and how often the intervals hold the truth.

The example is the trials of the BCG vaccine in Berkey, Hoaglin, Mosteller & Colditz 1995 (Statistics in
Medicine 14, 395, https://doi.org/10.1002/sim.4780140406), Table 1, results on page 408. Their empirical Bayes
estimator of the variance between trials solves the equation of Paule and Mandel.
"""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

from vggsearch.analysis.meta_analysis import meta_regression, random_effects
from vggsearch.analysis.sign_flip import sign_flip_p

BCG = pd.DataFrame(
    [
        (4, 119, 11, 128, 44),
        (6, 300, 29, 274, 55),
        (3, 228, 11, 209, 42),
        (62, 13536, 248, 12619, 52),
        (33, 5036, 47, 5761, 13),
        (180, 1361, 372, 1079, 44),
        (8, 2537, 10, 619, 19),
        (505, 87886, 499, 87892, 13),
        (29, 7470, 45, 7232, 27),
        (17, 1699, 65, 1600, 42),
        (186, 50448, 141, 27197, 18),
        (5, 2493, 3, 2338, 33),
        (27, 16886, 29, 17825, 33),
    ],
    columns=["ill_vaccinated", "well_vaccinated", "ill", "well", "latitude"],
)


def bcg():
    """Log risk ratios, with the smoothed variances of page 399."""
    vaccinated, others = BCG["ill_vaccinated"] + BCG["well_vaccinated"], BCG["ill"] + BCG["well"]
    effect = np.log(BCG["ill_vaccinated"] / vaccinated) - np.log(BCG["ill"] / others)
    smooth = [(BCG["well_vaccinated"] / BCG["ill_vaccinated"]).mean(), (BCG["well"] / BCG["ill"]).mean()]
    variance = smooth[0] / vaccinated + smooth[1] / others
    return pd.DataFrame(
        {"effect": effect, "se": variance**0.5, "data_set": range(13), "latitude": BCG["latitude"]}
    )


def cells(effects, errors, data_sets=None, **columns):
    names = range(len(effects)) if data_sets is None else data_sets
    return pd.DataFrame({"effect": effects, "se": errors, "data_set": list(names), **columns})


# The published example


def test_the_published_mean_and_variance_between_trials():
    found = random_effects(bcg(), 0.05)
    assert found.mean == pytest.approx(-0.5429, abs=5e-5)
    assert found.tau**2 == pytest.approx(0.2682, abs=5e-4)
    # Where τ² is not 0, its equation makes the scale of Hartung and Knapp 1.
    assert found.se == pytest.approx(0.1842, abs=1e-4)
    reach = stats.t.ppf(0.975, 12) * found.se
    assert (found.low, found.high) == pytest.approx((found.mean - reach, found.mean + reach))


def test_the_published_regression_on_latitude():
    """Their residual τ² is 0.1572, for which the scale of residuals is 1; latitude is centred at 33.46."""
    found = meta_regression(bcg(), "latitude", 0.05, tau2=0.1572)
    assert found.slope == pytest.approx(-0.0268, abs=5e-5)
    assert found.at_mean == pytest.approx(-0.6303, abs=2e-4)
    reach = stats.t.ppf(0.975, 11)
    assert (found.slope_high - found.slope_low) / 2 == pytest.approx(reach * 0.0110, rel=0.01)
    assert (found.at_mean_high - found.at_mean_low) / 2 == pytest.approx(reach * 0.1591, rel=0.01)


# Closed forms


def test_cells_of_equal_precision():
    """Equal v: the mean is the plain one, τ² = s² − v, se = s / √k, and I² = 1 − v / s²."""
    y, v = np.array([0.004, -0.001, 0.010, 0.003, 0.0]), 0.001**2
    found = random_effects(cells(y, [0.001] * 5), 0.1)
    s2 = y.var(ddof=1)
    assert found.mean == pytest.approx(y.mean())
    assert found.tau**2 == pytest.approx(s2 - v, rel=1e-4)
    assert found.se == pytest.approx(math.sqrt(s2 / 5), rel=1e-4)
    assert found.i2 == pytest.approx(1 - v / s2)
    reach = stats.t.ppf(0.95, 4)
    assert found.high - found.mean == pytest.approx(reach * found.se)
    new = stats.t.ppf(0.95, 3) * math.sqrt(s2 - v + s2 / 5)
    assert found.predicted_high - found.mean == pytest.approx(new, rel=1e-4)
    assert found.weights == pytest.approx([0.2] * 5)


def test_cells_that_agree_have_no_variance_between_them_and_no_interval_narrower_than_their_errors_allow():
    found = random_effects(cells([0.002, 0.002, 0.002], [0.001, 0.002, 0.001]), 0.05)
    assert (found.tau, found.i2) == (0, 0)
    assert found.mean == pytest.approx(0.002)
    assert found.se == pytest.approx(1 / math.sqrt(1e6 + 0.25e6 + 1e6))
    assert found.predicted_high - found.mean == pytest.approx(stats.t.ppf(0.975, 1) * found.se)


def test_cells_on_a_line_have_its_slope():
    x = np.array([0.5, 1.0, 1.5, 2.5])
    errors = [0.001, 0.002, 0.001, 0.003]
    found = meta_regression(cells(0.01 - 0.004 * x, errors, coverage=x), "coverage", 0.05)
    assert found.slope == pytest.approx(-0.004)
    assert found.at_mean == pytest.approx(0.01 - 0.004 * x.mean())
    assert found.slope_high - found.slope_low == pytest.approx(0, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-0.05, 0.05), st.floats(0.0005, 0.01)), min_size=4, max_size=9),
    st.floats(-0.1, 0.1),
)
def test_moving_or_scaling_all_cells_moves_or_scales_the_answer(rows, shift):
    y, se = map(np.array, zip(*rows, strict=True))
    one, moved, doubled = (
        random_effects(cells(*each), 0.05) for each in ((y, se), (y + shift, se), (2 * y, 2 * se))
    )
    assert one.low <= one.mean <= one.high
    assert one.predicted_low <= one.low
    assert 0 <= one.i2 <= 1
    assert sum(one.weights) == pytest.approx(1)
    assert moved.mean - one.mean == pytest.approx(shift, abs=1e-6)
    assert doubled.se == pytest.approx(2 * one.se, rel=1e-3)


# What is not said


@pytest.mark.parametrize("data_sets", [2, 5, 6])
def test_a_p_in_general_needs_six_data_sets_however_many_cells_there_are(data_sets):
    names = [f"data {i % data_sets}" for i in range(12)]
    y = np.linspace(0.001, 0.006, 12)
    found = random_effects(cells(y, [0.001] * 12, names), 0.05)
    assert (found.cells, found.data_sets) == (12, data_sets)
    if data_sets < 6:
        assert math.isnan(found.p)
    else:
        assert found.p == sign_flip_p(np.array([y[i::6].mean() for i in range(6)])) == 2 / 64


def test_a_slope_needs_four_cells_and_two_values():
    y, se = [0.001, 0.002, 0.004, 0.001], [0.001] * 4
    assert meta_regression(cells(y[:3], se[:3], x=[1, 2, 3]), "x", 0.05) is None
    assert meta_regression(cells(y, se, x=[1, 1, 1, 1]), "x", 0.05) is None
    assert meta_regression(cells(y, se, x=[1, 1, 2, 2]), "x", 0.05) is not None


@pytest.mark.parametrize("broken", [([0.1], [0.1]), ([0.1, 0.2], [0.1, 0.0]), ([0.1, np.nan], [0.1, 0.1])])
def test_cells_without_an_effect_or_an_error_are_refused(broken):
    with pytest.raises(ValueError, match="two cells or more"):
        random_effects(cells(*broken), 0.05)


# How often the intervals are right


def test_intervals_of_mean_and_prediction_hold_the_truth():
    """Eight cells, errors from 0.1 to 0.3 pp, true effects that vary by 0.2 pp about 0.1 pp."""
    rng, mean, new = np.random.default_rng(0), 0, 0
    for _ in range(400):
        se = rng.uniform(0.001, 0.003, size=8)
        y = rng.normal(0.001, 0.002, size=8) + rng.normal(0, se)
        found = random_effects(cells(y, se), 0.05)
        mean += found.low <= 0.001 <= found.high
        new += found.predicted_low <= rng.normal(0.001, 0.002) <= found.predicted_high
    assert mean / 400 == pytest.approx(0.955, abs=0.03)
    assert 0.86 < new / 400 < 0.97  # too short for few cells, as the module says
