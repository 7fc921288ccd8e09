from itertools import product

import numpy as np
import pytest

from vggsearch.analysis import crossed_interval
from vggsearch.analysis.crossed import crossed_replicates

TWO = {"a": 1.0, "b": -1.0}


def parts(d):
    """Mean, row effects, column effects and what is left of a matrix."""
    mean = d.mean()
    rows = d.mean(axis=1, keepdims=True) - mean
    columns = d.mean(axis=0, keepdims=True) - mean
    return mean, rows, columns, d - mean - rows - columns


def variance(d):
    """Of the effect over all draws of seeds and images from d: the closed form."""
    n, m = d.shape
    _, rows, columns, rest = parts(d)
    return (rows**2).sum() / n**2 + (columns**2).sum() / m**2 + (rest**2).sum() / (n * m) ** 2


def two_way(rng, n, m, seeds=0.003, images=0.2, rest=0.3):
    """A random-effects model of mean 0."""
    return (
        seeds * rng.standard_normal((n, 1))
        + images * rng.standard_normal((1, m))
        + rest * rng.standard_normal((n, m))
    )


def test_the_closed_form_is_the_variance_over_all_draws():
    d = np.array([[3.0, -1.0, 2.0], [0.0, 5.0, -4.0]])
    draws = [
        d[np.ix_(rows, columns)].mean()
        for rows in product(range(2), repeat=2)
        for columns in product(range(3), repeat=3)
    ]
    assert np.var(draws) == pytest.approx(variance(d))
    found = crossed_replicates(d, 20_000, np.random.default_rng(0))
    assert set(np.round(found, 9)) == set(np.round(draws, 9))
    # Five standard errors of a variance and of a mean.
    assert found.var() == pytest.approx(variance(d), rel=5 * np.sqrt(2 / 20_000))
    assert found.mean() == pytest.approx(d.mean(), abs=5 * np.sqrt(variance(d) / 20_000))


@pytest.mark.parametrize(
    "shape", [(10, 400), (3, 50), (1, 200)], ids=["ten seeds", "three seeds", "one seed: images alone"]
)
def test_the_replicates_have_the_variance_of_the_two_way_model(shape):
    d = two_way(np.random.default_rng(1), *shape)
    found = crossed_replicates(d, 8000, np.random.default_rng(2))
    assert found.var() == pytest.approx(variance(d), rel=5 * np.sqrt(2 / 8000))


def test_over_many_studies_the_variance_is_that_of_the_model_and_twice_the_rest_more():
    """Mean of the closed form, of a sample's squares: each of the three has its own degrees of freedom."""
    n, m, seeds, images, rest = 6, 30, 0.3, 0.5, 0.8
    rng = np.random.default_rng(3)
    found = np.mean([variance(two_way(rng, n, m, seeds, images, rest)) for _ in range(4000)])
    correction = 3 - 2 / n - 2 / m + 1 / (n * m)
    expected = seeds**2 * (n - 1) / n**2 + images**2 * (m - 1) / m**2 + rest**2 / (n * m) * correction
    assert found == pytest.approx(expected, rel=0.02)


def test_the_interval_is_of_the_middle_replicates_and_about_the_effect():
    rng = np.random.default_rng(4)
    correct = {"a": rng.random((20, 2000)) < 0.94, "b": rng.random((20, 2000)) < 0.92}
    d = correct["a"] * 1.0 - correct["b"]
    low, high = crossed_interval(correct, TWO, alpha=0.05, resamples=4000, rng=np.random.default_rng(5))
    reach = 1.959964 * np.sqrt(variance(d))
    assert low == pytest.approx(d.mean() - reach, abs=0.1 * reach)
    assert high == pytest.approx(d.mean() + reach, abs=0.1 * reach)
    narrow = crossed_interval(correct, TWO, alpha=0.5, resamples=4000, rng=np.random.default_rng(5))
    assert low < narrow[0] < narrow[1] < high


def test_exchanging_the_sides_exchanges_the_ends():
    rng = np.random.default_rng(6)
    correct = {arm: rng.random((6, 300)) < 0.9 for arm in "abc"}
    weights = {"a": 1.0, "b": -0.5, "c": -0.5}
    turned = {arm: -weight for arm, weight in weights.items()}
    low, high = crossed_interval(correct, weights, alpha=0.05, rng=np.random.default_rng(7))
    assert crossed_interval(correct, turned, alpha=0.05, rng=np.random.default_rng(7)) == pytest.approx(
        (-high, -low)
    )


def test_what_both_arms_get_wrong_alike_is_no_difference():
    same = np.random.default_rng(8).random((6, 300)) < 0.9
    assert crossed_interval({"a": same, "b": same}, TWO, alpha=0.05, rng=np.random.default_rng(9)) == (0, 0)


def test_batches_fit_in_memory_whatever_is_asked():
    # More images than a batch holds, so that every resample is a batch.
    d = np.zeros((2, 2_100_000))
    d[:, ::2] = 1.0
    found = crossed_replicates(d, 3, np.random.default_rng(10))
    assert found.shape == (3,)
    assert found == pytest.approx([0.5] * 3, abs=0.01)


@pytest.mark.parametrize(
    ("first", "second"), [((6, 300), (5, 300)), ((6, 300), (6, 299)), ((0, 300), (0, 300))]
)
def test_arms_have_the_same_seeds_and_images(first, second):
    correct = {"a": np.ones(first, dtype=bool), "b": np.ones(second, dtype=bool)}
    with pytest.raises(ValueError, match=r"same shape \[pairs, images\]"):
        crossed_interval(correct, TWO, alpha=0.05, rng=np.random.default_rng(0))
