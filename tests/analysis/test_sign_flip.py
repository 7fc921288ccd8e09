from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

from vggsearch.analysis import sign_flip
from vggsearch.analysis.sign_flip import EXACT_PAIRS, RESAMPLES, sign_flip_p

# Differences of accuracies over 10 000 images, in which ties are common.
counts = st.lists(st.integers(-40, 40), min_size=1, max_size=9)


def by_enumeration(counts):
    """p of whole numbers, by visiting every signing: no rounding anywhere."""
    sums = [
        abs(sum(s * d for s, d in zip(signs, counts, strict=True)))
        for signs in product((-1, 1), repeat=len(counts))
    ]
    return sum(total >= abs(sum(counts)) for total in sums) / len(sums)


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([0.003], 1.0),
        ([0.003, 0.001], 0.5),
        ([0.003, -0.003], 1.0),
        ([0.0] * 6, 1.0),
        ([0.003] * 6, 2 / 64),
        ([-0.001, -0.002, -0.003, -0.004, -0.005, -0.006], 2 / 64),
        # 1 + 2 + 3 − 4 = 2: only ±(1 − 2 − 3 + 4) = 0 is nearer to 0.
        ([0.001, 0.002, 0.003, -0.004], 14 / 16),
        ([0.002] * 20, 2 / 2**20),
    ],
)
def test_p_by_hand(differences, p):
    assert sign_flip_p(np.array(differences)) == p


def test_no_pairs_have_no_p():
    assert np.isnan(sign_flip_p(np.array([])))


@given(counts)
@settings(max_examples=100)
def test_p_is_the_share_of_all_signings_that_reach_so_far(counts):
    # Accuracies first, so that the differences carry the rounding that real ones do.
    differences = (9000 + np.array(counts)) / 10_000 - 9000 / 10_000
    assert sign_flip_p(differences) == by_enumeration(counts)


@given(counts, st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_neither_sign_nor_order_nor_unit_changes_p(counts, random):
    differences = np.array(counts) / 10_000
    shuffled = differences.tolist()
    random.shuffle(shuffled)
    p = sign_flip_p(differences)
    assert sign_flip_p(-differences) == p
    assert sign_flip_p(np.array(shuffled)) == p
    assert sign_flip_p(100 * differences) == p


@pytest.mark.parametrize("n", [2, 6, 7, 10, 13])
def test_scipy_visits_all_signings_and_agrees(n):
    differences = np.random.default_rng(n).normal(0.001, 0.003, size=n)
    theirs = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=2**n, vectorized=True, batch=1000
    )
    assert sign_flip_p(differences) == theirs.pvalue


def test_twenty_pairs_are_exact_too():
    differences = np.random.default_rng(0).normal(0.001, 0.003, size=20)
    signs = np.random.default_rng(1).choice([-1, 1], size=(200_000, 20))
    share = np.mean(np.abs(signs @ differences) >= abs(differences.sum()))
    p = sign_flip_p(differences)
    assert p == pytest.approx(share, abs=4 * np.sqrt(p * (1 - p) / 200_000))
    assert (p * 2**19).is_integer()


def test_many_pairs_are_sampled_the_same_way_each_time(monkeypatch):
    differences = np.random.default_rng(0).normal(0.0005, 0.002, size=EXACT_PAIRS + 1)
    p = sign_flip_p(differences)
    assert p == sign_flip_p(differences)
    assert sign_flip_p(np.full(EXACT_PAIRS + 1, 0.002)) == 2 / (RESAMPLES + 1)
    monkeypatch.setattr(sign_flip, "EXACT_PAIRS", EXACT_PAIRS + 1)
    exact = sign_flip_p(differences)
    # scipy doubles the smaller tail: four standard errors of twice a share.
    assert p == pytest.approx(exact, abs=8 * np.sqrt(exact / 2 * (1 - exact / 2) / RESAMPLES))
