"""Anytime curves, and the luck of random search, against brute force."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from vggsearch.analysis.anytime import anytime_best, luck_of_random, spent


def stage(values, *, outcomes=None, digests=None, train_s=10.0):
    n = len(values)
    return pd.DataFrame(
        {
            "number": range(n),
            "told_at": [100.0 + i for i in range(n)],
            "digest": digests or [f"run{i}" for i in range(n)],
            "outcome": outcomes or ["completed"] * n,
            "val_accuracy": values,
            "architecture": [f"net{i}" for i in range(n)],
            "train_s": train_s,
        }
    )


def test_time_is_spent_in_the_order_in_which_trials_end():
    trials = stage([0.8, 0.9, 0.7])
    trials["told_at"] = [3.0, 1.0, 2.0]
    assert spent(trials)["val_accuracy"].tolist() == [0.9, 0.7, 0.8]
    assert spent(trials)["spent_s"].tolist() == [10, 20, 30]


def test_a_run_that_answers_twice_is_paid_once_and_an_infeasible_trial_costs_nothing():
    trials = stage([0.8, 0.8, np.nan, 0.9], digests=["a", "a", None, "b"])
    trials.loc[2, "train_s"] = np.nan
    assert spent(trials)["spent_s"].tolist() == [10, 10, 10, 20]


def test_the_best_so_far_is_a_staircase_with_its_end():
    curve = anytime_best(stage([0.8, 0.7, 0.9, 0.85]))
    assert curve["trial"].tolist() == [1, 3, 4]
    assert curve["val_accuracy"].tolist() == [0.8, 0.9, 0.9]
    assert curve["architecture"].tolist() == ["net0", "net2", "net2"]


def test_pruned_and_failed_runs_take_time_but_hold_no_record():
    curve = anytime_best(stage([0.99, 0.8, np.nan], outcomes=["pruned", "completed", "diverged"]))
    assert curve["val_accuracy"].tolist() == [0.8, 0.8]
    assert curve["spent_s"].tolist() == [20, 30]


def test_a_stage_in_which_nothing_completed_has_no_curve():
    assert anytime_best(stage([np.nan, np.nan], outcomes=["diverged", "crashed"])).empty
    assert anytime_best(stage([])).empty


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0.5, 0.99), min_size=2, max_size=6))
def test_the_luck_of_random_search_is_that_of_all_orders(values):
    """Against every set that the first k of an order can be."""
    band = luck_of_random(stage(values), low=0.05, high=0.95)
    assert band["trial"].tolist() == list(range(1, len(values) + 1))
    for _, row in band.iterrows():
        k = int(row["trial"])
        bests = [max(first) for first in itertools.combinations(values, k)]
        for name, level in (("low", 0.05), ("median", 0.5), ("high", 0.95)):
            # A quantile is any value that at least `level` of all orders do not exceed, and 1 - level reach.
            at_most = np.mean([best <= row[name] for best in bests])
            at_least = np.mean([best >= row[name] for best in bests])
            assert at_most >= level - 1e-9
            assert at_least >= 1 - level - 1e-9


def test_the_band_ends_where_all_orders_do_and_costs_what_they_cost():
    band = luck_of_random(stage([0.7, 0.9, 0.8]))
    last = band.iloc[-1]
    assert (last["low"], last["high"]) == (0.9, 0.9)
    assert last["spent_s"] == pytest.approx(30)


def test_one_trial_has_no_luck():
    assert luck_of_random(stage([0.9])).empty
