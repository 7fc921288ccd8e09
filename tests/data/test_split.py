"""The split is a partition, stratified to within one image a class, and stays what it is."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from vggsearch.data.split import split_digest, stratified_split
from vggsearch.errors import DataError

LABELS = np.arange(1000, dtype=np.int64) % 7


@given(
    labels=st.lists(st.integers(0, 4), min_size=10, max_size=200).map(
        lambda xs: np.array(xs, dtype=np.int64)
    ),
    val_fraction=st.floats(0.06, 0.94),
    seed=st.integers(0, 2**63 - 1),
)
def test_a_stratified_partition(labels, val_fraction, seed):
    train, val = stratified_split(labels, val_fraction, seed)
    assert sorted([*train, *val]) == list(range(len(labels)))
    assert list(train) == sorted(train)
    assert list(val) == sorted(val)
    assert len(val) == round(val_fraction * len(labels))
    exact = np.bincount(labels) * len(val) / len(labels)
    assert np.all(np.abs(np.bincount(labels[val], minlength=len(exact)) - exact) < 1)


def test_the_seed_alone_decides():
    first, again, other = (stratified_split(LABELS, 0.1, seed)[1] for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_every_image_is_as_likely_as_any_other():
    held_out = sum(
        np.bincount(stratified_split(LABELS, 0.25, seed)[1], minlength=1000) for seed in range(400)
    )
    # Binomial(400, 1/4): mean 100, standard deviation 8.7; five of them over 1000 images.
    assert abs(held_out.mean() - 100) < 0.1
    assert held_out.min() > 100 - 5 * 8.7
    assert held_out.max() < 100 + 5 * 8.7


def test_the_digest_stays_what_it_is():
    """A change here makes every run of every store a new one: raise TRAINING_REVISION with it."""
    _, val = stratified_split(LABELS, 0.1, 0)
    assert split_digest(val) == "cb0cb37a06be31bbeb95a807d5adf0362a8bc3c11afb9baa472ed5926f1cf495"


@pytest.mark.parametrize(("val_fraction", "wanted"), [(0.001, 0), (0.999, 10)])
def test_no_part_may_be_empty(val_fraction, wanted):
    with pytest.raises(DataError) as caught:
        stratified_split(LABELS[:10], val_fraction, 0)
    assert str(caught.value) == (
        f"there must be 1 to 9 validation images of 10 images, not {wanted}: change val_fraction"
    )
