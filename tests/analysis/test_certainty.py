"""The standard error of an accuracy, against the binomial's own formula and published values."""

import math

import pytest

from vggsearch.analysis import COARSE, others_within, standard_error


@pytest.mark.parametrize("accuracy", [0.5, 0.9152, 0.99])
def test_on_many_images_it_is_the_binomial_one(accuracy: float) -> None:
    plain = math.sqrt(accuracy * (1 - accuracy) / 6000)
    assert standard_error(accuracy, 6000) == pytest.approx(plain, rel=0.02)


def test_two_right_and_two_wrong_answers_are_added() -> None:
    # 16 of 16 become 18 of 20: sqrt(0.9 · 0.1 / 20)
    assert standard_error(1.0, 16) == pytest.approx(math.sqrt(0.0045))
    assert standard_error(0.0, 16) == pytest.approx(standard_error(1.0, 16))


@pytest.mark.parametrize(
    ("accuracies", "reach", "others"),
    [
        ([], 0.1, 0),
        ([0.9], 0.1, 0),
        ([0.9, 0.9, 0.9], 0.0, 2),
        ([0.7, 0.9, 0.8, 0.79], 0.1, 1),  # exactly as far counts
        ([0.1, 0.2, 0.3], 1.0, 2),
    ],
)
def test_others_within_reach_of_the_best(accuracies: list[float], reach: float, others: int) -> None:
    assert others_within(accuracies, reach) == others


def test_one_of_200_images_is_half_a_point() -> None:
    assert 1 / 200 >= COARSE > 1 / 201
