"""Grids that grow until the best rate is inside, and ends that are best within noise."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from vggsearch.analysis.rate_choice import rate_table
from vggsearch.analysis.rate_growth import flat_ends, grown_rates
from vggsearch.designs.rates import growth_problem, rate_beyond, rates_beyond

GRID = (0.1, 0.2, 0.4)


def runs(curve, rates, seeds=2, noise=0.0):
    """An arm's runs at `rates`, with the accuracy `curve(lr)`; None for a run that failed."""
    rows = []
    for lr in rates:
        for repeat in range(1, seeds + 1):
            value = curve(lr)
            rows.append(("a", lr, repeat, None if value is None else value + noise * (-1) ** repeat))
    return pd.DataFrame(rows, columns=["arm", "lr", "repeat", "val_accuracy"]).astype({"val_accuracy": float})


def settled(curve, most=3, grid=GRID):
    """The rates that are tried once every wanted run was made."""
    tried = list(grid)
    while True:
        wanted = grown_rates(runs(curve, tried), grid, 2, most)["a"]
        if wanted == tried:
            return tried
        assert len(wanted) == len(tried) + 1
        tried = wanted


def best_at(rate):
    return lambda lr: 0.9 - 0.01 * abs(np.log2(lr / rate))


@pytest.mark.parametrize(
    ("best", "tried"),
    [
        (0.2, [0.1, 0.2, 0.4]),
        (0.4, [0.1, 0.2, 0.4, 0.8]),
        (0.8, [0.1, 0.2, 0.4, 0.8, 1.6]),
        (0.1, [0.05, 0.1, 0.2, 0.4]),
        (0.001, [0.0125, 0.025, 0.05, 0.1, 0.2, 0.4]),  # the limit
    ],
)
def test_a_grid_grows_on_the_side_of_its_best_rate_until_that_is_inside(best, tried):
    assert settled(best_at(best)) == tried


@settings(max_examples=25, deadline=None)
@given(st.floats(-12, 12), st.integers(0, 6))
def test_in_the_end_the_best_is_inside_or_the_limit_is_reached(power, most):
    tried = settled(best_at(0.2 * 2**power), most=most)
    table = rate_table(runs(best_at(0.2 * 2**power), tried))
    assert len(tried) == len(GRID) + most or not table["at_edge"].any()
    assert set(tried) <= {*GRID, *rates_beyond(GRID, most)}
    assert np.diff(np.log2(tried)) == pytest.approx(1)


def test_a_rate_at_which_runs_fail_is_an_end_beyond_which_nothing_is_tried():
    assert settled(lambda lr: None if lr > 0.5 else best_at(5)(lr)) == [0.1, 0.2, 0.4, 0.8]


def test_an_arm_that_fails_at_every_rate_tries_smaller_ones():
    assert settled(lambda lr: None if lr > 0.03 else best_at(0.03)(lr)) == [
        0.0125,
        0.025,
        0.05,
        0.1,
        0.2,
        0.4,
    ]


def test_nothing_is_added_before_all_runs_of_the_grid_are_known():
    known = runs(best_at(0.4), GRID)
    assert grown_rates(known.iloc[:-1], GRID, 2, 3) == {"a": list(GRID)}
    assert grown_rates(known, GRID, 2, 3) == {"a": [*GRID, 0.8]}
    assert grown_rates(known, GRID, 2, 0) == {"a": list(GRID)}
    # Runs that are there already do not jump the queue.
    assert grown_rates(runs(best_at(0.4), [*GRID, 0.8, 1.6]), GRID, 2, 3) == {"a": [*GRID, 0.8]}


def test_rates_beyond_continue_the_ratio_of_their_end():
    assert rate_beyond((0.001, 0.003, 0.1), 1, up=True) == pytest.approx(10 / 3, rel=1e-5)
    assert rate_beyond((0.001, 0.003, 0.1), 1, up=False) == pytest.approx(0.001 / 3, rel=1e-5)
    assert rates_beyond(GRID, 2) == [0.025, 0.05, 0.8, 1.6]


def test_a_grid_that_cannot_grow_says_why():
    assert growth_problem((0.1,), 0) == ""
    assert growth_problem(GRID, 10) == ""
    assert "not of one" in growth_problem((0.1,), 1)
    assert growth_problem((1.0, 100.0), 2) == (
        "lets the grid reach 0.0001 and 1e+06, and a rate is at most 1000"
    )


def test_an_end_within_noise_is_flat():
    """Two seeds each, ±0.1 pp: s = 0.1 √2 pp, 6 degrees of freedom in 3 rates with 3 seeds."""
    flat = runs(lambda lr: 0.9 + 0.0001 * lr, GRID, noise=0.001)
    ahead, noise = flat_ends(rate_table(flat))["a"]
    assert ahead == pytest.approx(0.00002)
    assert noise == pytest.approx(3.182446 * 0.001 * np.sqrt(2), rel=1e-5)  # t(0.975) of 3, s √(2 / 2)
    steep = runs(lambda lr: 0.9 + 0.1 * lr, GRID, noise=0.001)
    assert flat_ends(rate_table(steep)) == {}
    inside = runs(best_at(0.2), GRID, noise=0.001)
    assert flat_ends(rate_table(inside)) == {}
    once = runs(lambda lr: 0.9 + 0.0001 * lr, GRID, seeds=1)
    assert flat_ends(rate_table(once)) == {}
