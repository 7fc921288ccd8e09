import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower

from vggsearch.analysis import minimum_detectable_effect
from vggsearch.analysis.power import (
    more_pairs,
    pairs_to_detect,
    pairs_to_show_equivalence,
    power_of_difference,
    power_of_equivalence,
)

SIGMA = 0.002
SD = SIGMA * math.sqrt(2)


def simulated(effect, sd, n, studies=100_000):
    """Means and standard errors of simulated pairs. A share of them is right to 0.007: 4 standard errors."""
    d = np.random.default_rng([n, round(1e6 * effect)]).normal(effect, sd, size=(studies, n))
    return d.mean(axis=1), d.std(axis=1, ddof=1) / math.sqrt(n)


@pytest.mark.parametrize("n", [2, 3, 6, 10, 20, 100, 1000])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 7])
def test_statsmodels_agrees_wherever_it_has_an_answer(n, alpha):
    theirs = {ratio: float(TTestPower().power(ratio, n, alpha)) for ratio in (0, 0.01, 0.1, 0.3, 0.5, 1)}
    known = {ratio: power for ratio, power in theirs.items() if not math.isnan(power)}
    assert len(known) >= 4
    for ratio, power in known.items():
        assert power_of_difference(ratio * SD, SD, n, alpha) == pytest.approx(power, abs=1e-10)


@pytest.mark.parametrize(("ratio", "n"), [(10, 3), (10, 6), (3, 10), (30, 3), (1.5, 100)])
def test_large_effects_are_found_for_certain(ratio, n):
    # `TTestPower().power(10, 3, 0.05)` is NaN.
    assert power_of_difference(ratio, 1, n, 0.05) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("n", [2, 6, 20])
@pytest.mark.parametrize("effect", [0.0, 0.0015, 0.003, 0.004])
def test_simulated_pairs_agree(n, effect):
    mean, se = simulated(effect, SD, n)
    critical = stats.t.isf(0.025, n - 1)
    rejected = np.mean(np.abs(mean) > critical * se)
    assert power_of_difference(effect, SD, n, 0.05) == pytest.approx(rejected, abs=0.007)
    critical = stats.t.isf(0.05, n - 1)
    shown = np.mean((mean - critical * se > -0.003) & (mean + critical * se < 0.003))
    assert power_of_equivalence(effect, SD, n, 0.05, 0.003) == pytest.approx(shown, abs=0.007)


@pytest.mark.parametrize(("sigma", "n"), [(0.0015, 7), (0.0020, 10)])
def test_pairs_that_detect_three_tenths_of_a_point(sigma, n):
    """A paired t test, SD of the differences √2 σ (ρ = 0), 80 % power, α 0.05."""
    assert pairs_to_detect(0.003, sigma * math.sqrt(2), 0.05) == n


def test_no_difference_is_found_at_the_level_and_a_margin_is_equivalent_at_most_at_it():
    for n in (2, 6, 20, 200):
        assert power_of_difference(0, SD, n, 0.05) == pytest.approx(0.05)
        assert power_of_equivalence(0.003, SD, n, 0.05, 0.003) <= 0.05 + 1e-9
    assert power_of_equivalence(0.003, SD, 200, 0.05, 0.003) == pytest.approx(0.05)


effects = st.floats(0, 0.01)
sds = st.floats(0.0002, 0.02)
sizes = st.integers(2, 60)


@given(effects, sds, sizes, st.sampled_from([0.05, 0.007]))
@settings(max_examples=60)
def test_powers_are_shares_that_rise_with_the_pairs_and_know_no_sign(effect, sd, n, alpha):
    for power in (
        lambda d, n: power_of_difference(d, sd, n, alpha),
        lambda d, n: power_of_equivalence(d, sd, n, alpha, 0.003),
    ):
        assert 0 <= power(effect, n) <= 1
        assert power(-effect, n) == pytest.approx(power(effect, n), abs=1e-9)
        # Below its level the power of TOST may fall: with 2 pairs an SD is small by chance more often.
        if power(effect, n) > alpha:
            assert power(effect, n + 1) >= power(effect, n) - 1e-9


@given(sds, sizes, st.sampled_from([0.05, 0.007]), st.sampled_from([0.5, 0.8, 0.95]))
@settings(max_examples=40)
def test_the_minimum_detectable_effect_is_detected_with_its_power(sd, n, alpha, power):
    effect = minimum_detectable_effect(sd, n, alpha, power)
    assert power_of_difference(effect, sd, n, alpha) == pytest.approx(power, abs=1e-8)


def test_the_minimum_detectable_effect_of_few_or_equal_pairs():
    assert math.isnan(minimum_detectable_effect(math.nan, 1, 0.05))
    assert math.isnan(minimum_detectable_effect(SD, 1, 0.05))
    assert minimum_detectable_effect(0.0, 6, 0.05) == 0


@given(st.floats(0.0001, 0.01), sds)
@settings(max_examples=40)
def test_one_pair_fewer_is_too_few(effect, sd):
    n = pairs_to_detect(effect, sd, 0.05)
    m = pairs_to_show_equivalence(effect, sd, 0.05, 0.003)
    if n is None:
        assert power_of_difference(effect, sd, 1000, 0.05) < 0.8
    else:
        assert power_of_difference(effect, sd, n, 0.05) >= 0.8
        assert n == 2 or power_of_difference(effect, sd, n - 1, 0.05) < 0.8
    if m is None:
        assert power_of_equivalence(effect, sd, 1000, 0.05, 0.003) < 0.8
    else:
        assert power_of_equivalence(effect, sd, m, 0.05, 0.003) >= 0.8
        assert m == 2 or power_of_equivalence(effect, sd, m - 1, 0.05, 0.003) < 0.8


def test_what_no_number_of_pairs_shows():
    assert pairs_to_detect(0, SD, 0.05) is None
    assert pairs_to_detect(0.003, SD, 0.05, max_pairs=9) is None
    assert pairs_to_detect(0.003, SD, 0.05, max_pairs=10) == 10
    assert pairs_to_show_equivalence(0.003, SD, 0.05, 0.003) is None
    assert pairs_to_show_equivalence(0.005, SD, 0.05, 0.003) is None


def test_without_spread_every_answer_is_certain():
    assert power_of_difference(0.001, 0, 6, 0.05) == 1
    assert power_of_difference(0, 0, 6, 0.05) == 0
    assert power_of_equivalence(0.0029, 0, 6, 0.05, 0.003) == 1
    assert power_of_equivalence(0.003, 0, 6, 0.05, 0.003) == 0


@pytest.mark.parametrize(
    ("mean", "sd", "n", "contrasts", "more"),
    [
        # 10 in all would detect it; of 10 that did not, at least one more is asked for.
        (0.003, SD, 6, 1, 4),
        (0.003, SD, 10, 1, 1),
        # 15 in all, at level 0.05 / 7.
        (0.003, SD, 10, 7, 5),
        # No difference: equivalence is shown by 10 in all, sooner than any difference.
        (0.0, SD, 6, 1, 4),
        # So noisy that 1000 show neither.
        (0.001, 0.05, 10, 1, None),
        (math.nan, math.nan, 0, 1, None),
        (0.003, math.nan, 1, 1, None),
        # A difference beyond doubt still needs the pairs with which a sign-flip test can say so.
        (0.05, 0.0001, 3, 1, 3),
        (0.05, 0.0001, 3, 7, 6),
        (0.0, 0.0, 3, 7, 3),
    ],
)
def test_more_pairs(mean, sd, n, contrasts, more):
    assert more_pairs(mean, sd, n, 0.05, 0.003, contrasts) == more


@given(st.floats(-0.01, 0.01), sds, st.integers(2, 30))
@settings(max_examples=30)
def test_so_many_more_pairs_decide_with_the_power_promised(mean, sd, n):
    more = more_pairs(mean, sd, n, 0.05, 0.003)
    assert more == more_pairs(-mean, sd, n, 0.05, 0.003)
    if more is not None:
        assert more >= 1
        powers = (
            power_of_difference(mean, sd, n + more, 0.05),
            power_of_equivalence(mean, sd, n + more, 0.05, 0.003),
        )
        assert max(powers) >= 0.8 - 1e-9
