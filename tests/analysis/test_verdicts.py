import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from vggsearch.analysis import MIN_PAIRS, Verdict, best_possible_p, pairs_needed_for_any_verdict
from vggsearch.analysis.paired import holm
from vggsearch.analysis.sign_flip import sign_flip_p
from vggsearch.analysis.verdicts import sign_is_certain, verdict

probabilities = st.floats(0, 1)


@pytest.mark.parametrize(
    ("n", "mean", "p", "p_tost", "answer"),
    [
        (6, 0.01, 0.031, 0.9, "supported"),
        (6, -0.01, 0.031, 0.9, "refuted"),
        (6, 0.001, 0.5, 0.05, "equivalent"),
        (6, 0.001, 0.001, 0.001, "equivalent"),
        (6, -0.001, 0.001, 0.05, "equivalent"),
        (6, 0.002, 0.051, 0.051, "undecided"),
        (6, 0.01, 0.05, 0.051, "supported"),
        (5, 0.01, 0.0, 0.9, "descriptive"),
        (5, 0.0, 1.0, 0.0, "descriptive"),
        (0, math.nan, math.nan, math.nan, "descriptive"),
        (6, 0.01, math.nan, math.nan, "undecided"),
    ],
)
def test_the_rule(n, mean, p, p_tost, answer):
    assert verdict(n, mean, p, p_tost, alpha=0.05) == Verdict(answer)


@given(st.integers(0, 20), st.floats(-0.05, 0.05), probabilities, probabilities)
def test_an_interaction_is_never_refuted_and_else_sides_are_alike(n, mean, p, p_tost):
    here = verdict(n, mean, p, p_tost, alpha=0.05)
    there = verdict(n, -mean, p, p_tost, alpha=0.05)
    turned = {Verdict.SUPPORTED: Verdict.REFUTED, Verdict.REFUTED: Verdict.SUPPORTED}
    if mean != 0:
        assert there is turned.get(here, here)
    asked = verdict(n, mean, p, p_tost, alpha=0.05, question="do they interact")
    assert asked is (Verdict.SUPPORTED if here is Verdict.REFUTED else here)


@given(st.integers(0, 20), probabilities, probabilities)
def test_a_better_side_is_named_only_where_its_sign_is_certain(n, p, p_tost):
    certain = sign_is_certain(n, p, alpha=0.05)
    answer = verdict(n, 0.01, p, p_tost, alpha=0.05)
    assert certain == (answer is Verdict.SUPPORTED or (answer is Verdict.EQUIVALENT and p <= 0.05))


def test_which_verdicts_answer_the_question():
    assert {answer.value for answer in Verdict if answer.decides} == {"supported", "refuted", "equivalent"}


@pytest.mark.parametrize(
    ("n", "contrasts", "p"),
    [
        (0, 1, 1.0),
        (1, 1, 1.0),
        (5, 1, 0.0625),
        (6, 1, 0.03125),
        (8, 1, 0.0078125),
        (8, 6, 0.046875),
        (7, 6, 0.09375),
        (3, 7, 1.0),
    ],
)
def test_the_best_possible_p(n, contrasts, p):
    assert best_possible_p(n, contrasts) == p


@pytest.mark.parametrize("n", [2, 6, 9])
@pytest.mark.parametrize("contrasts", [1, 2, 7])
def test_the_best_possible_p_is_reached_where_all_pairs_agree(n, contrasts):
    p = sign_flip_p(np.full(n, 0.003))
    assert holm(np.full(contrasts, p)).tolist() == [best_possible_p(n, contrasts)] * contrasts


@pytest.mark.parametrize(
    ("contrasts", "alpha", "n"),
    [(1, 0.05, 6), (2, 0.05, 7), (6, 0.05, 8), (7, 0.05, 9), (1, 0.01, 8), (1, 0.5, 6), (0, 0.05, 6)],
)
def test_pairs_needed_for_any_verdict(contrasts, alpha, n):
    assert pairs_needed_for_any_verdict(contrasts, alpha) == n
    assert n >= MIN_PAIRS
    assert best_possible_p(n, contrasts) <= alpha
