"""Planned looks: the exact test, the levels of the t tests, and what `effects` says at and between looks."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

from vggsearch.analysis import Verdict, effects
from vggsearch.analysis.alpha_spending import nominal_levels, spent_share
from vggsearch.analysis.planned_looks import differences_can_show, more_pairs_at_looks
from vggsearch.analysis.sequential import levels_for, sequential_p, sequential_tost_p
from vggsearch.analysis.sign_flip import sign_flip_p
from vggsearch.designs import Contrast

LOOKS = (6, 8, 10)


def groups(d, looks=LOOKS):
    """The differences that each look adds, up to the last look that d reaches."""
    reached = [n for n in looks if n <= len(d)]
    return np.split(np.asarray(d, dtype=float), reached)[: len(reached)]


def rejected_by_definition(d, looks, level):
    """Whether the test at one level rejects d, by visiting all signings with whole numbers."""
    rejected = set()
    for n in looks:
        if n > len(d):
            break
        signings = {
            signs: abs(sum(a * b for a, b in zip(signs, d[:n], strict=True)))
            for signs in product((1, -1), repeat=n)
        }
        rejected = {s for s in signings if any(s[: len(r)] == r for r in rejected)}
        room = int(level * spent_share(n / looks[-1]) * 2**n + 1e-9) - len(rejected)
        others = sorted((size for s, size in signings.items() if s not in rejected), reverse=True)
        bar = others[room] if room < len(others) else -1
        rejected |= {s for s, size in signings.items() if size > bar}
    last = max(n for n in looks if n <= len(d))
    return (1,) * last in rejected


# The exact test


def test_f_spends_all_at_the_end_and_more_early():
    assert spent_share(0) == 0
    assert spent_share(1) == pytest.approx(1)
    assert spent_share(0.5) == pytest.approx(0.62011, abs=1e-5)


@pytest.mark.parametrize("level", [0.05, 0.2])
def test_errors_are_exactly_as_many_as_the_level_allows(level):
    """Every signing of the same ten differences is equally likely: count those that are rejected."""
    d = np.random.default_rng(0).normal(size=10)
    signed = [d * (1, *signs) for signs in product((1, -1), repeat=9)]
    until = [[groups(each)[:k] for k in (1, 2, 3)] for each in signed]
    share = np.mean([any(sequential_p(one, LOOKS, [level]) <= level for one in each) for each in until])
    assert level - 4 / 2**10 < share <= level


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-20, 40), min_size=6, max_size=8), st.sampled_from([0.04, 0.1, 0.3]))
def test_as_defined_even_with_ties(d, level):
    looks = (4, 6, 8)
    expected = rejected_by_definition(d, looks, level)
    p = sequential_p(groups(np.array(d) / 10_000, looks), looks, [level])
    signs = [np.sign(sum(d[:n])) for n in looks if n <= len(d)]
    if len(set(signs)) == 1:  # else a rejection for the other side does not count
        assert (p <= level) == expected


@pytest.mark.parametrize("n", [6, 8, 11])
def test_a_single_look_is_the_sign_flip_test(n):
    rng = np.random.default_rng(n)
    levels = levels_for(0.05, 7)
    for d in rng.normal(0.7, 1, size=(20, n)):
        p = sequential_p([d], (n,), levels)
        assert [p <= level for level in levels] == [sign_flip_p(d) <= level for level in levels]


def test_six_of_twenty_pairs_show_nothing_and_their_level_is_not_lost():
    looks = (6, 10, 15, 20)
    ahead = np.arange(1.0, 11)
    assert sequential_p([ahead[:6]], looks, [0.05]) == 1
    assert 0.05 * spent_share(6 / 20) < 2 / 64
    assert sequential_p([ahead[:6], ahead[6:]], looks, levels_for(0.05, 7)) <= 0.05 / 7
    assert differences_can_show(looks, 0.05, 1) == [False, True, True, True]
    assert differences_can_show(looks, 0.05, 16) == [False, False, True, True]
    # Both looks together may reject 5 % · f(1/2) of the signings of 10 pairs, and look 2 rejects them all.
    d = np.random.default_rng(1).normal(size=10)
    signed = [d * (1, *signs) for signs in product((1, -1), repeat=9)]
    share = np.mean([sequential_p([each[:6], each[6:]], looks, [0.05]) <= 0.05 for each in signed])
    assert share == pytest.approx(0.05 * spent_share(0.5), abs=2 / 2**10)


def test_what_was_shown_stays_shown_unless_the_sign_turns():
    levels = levels_for(0.05, 1)
    ahead = [5.0, 6, 7, 8, 9, 10, 11, 12, 13, 14]
    looks = (10, 14, 20)
    first = sequential_p(groups(ahead, looks), looks, levels)
    assert first <= 0.05
    assert sequential_p(groups([*ahead, -8, -8, -8, -8], looks), looks, levels) == first
    assert sequential_p(groups([*ahead, -50, -50, -50, -50], looks), looks, levels) == 1


@given(st.lists(st.floats(-1, 1), min_size=10, max_size=10))
def test_the_side_does_not_matter(d):
    levels = levels_for(0.05, 3)
    mirrored = [-each for each in d]
    assert sequential_p(groups(d), LOOKS, levels) == sequential_p(groups(mirrored), LOOKS, levels)


def test_without_pairs_there_is_no_p():
    assert np.isnan(sequential_p([], LOOKS, [0.05]))
    assert np.isnan(sequential_p([np.array([])], LOOKS, [0.05]))
    assert np.isnan(sequential_tost_p([], LOOKS, [0.05]))


def test_levels_are_those_of_holm_and_smaller_ones():
    levels = levels_for(0.05, 3)
    assert levels[-3:] == pytest.approx((0.05 / 3, 0.025, 0.05))
    assert all(number * level <= 0.05 for number, level in zip((3, 2, 1), levels[-3:], strict=True))
    assert list(levels) == sorted(levels)
    assert levels[0] == pytest.approx(1e-6)


# The levels of the t tests


def test_many_pairs_have_the_bounds_of_the_normal_distribution():
    """Against the normal distribution of five variables, and the bounds that others print for equal looks."""
    looks = tuple(range(10_000, 60_000, 10_000))
    bounds = stats.norm.isf(nominal_levels(looks, 0.025))
    assert bounds == pytest.approx([2.438, 2.427, 2.410, 2.397, 2.386], abs=0.001)
    correlation = [[np.sqrt(min(a, b) / max(a, b)) for a in looks] for b in looks]
    inside = stats.multivariate_normal(cov=correlation, allow_singular=True).cdf(bounds)
    assert 1 - inside == pytest.approx(0.025, abs=2e-4)


@pytest.mark.parametrize("looks", [(6, 10, 15, 20), (6, 12), (6, 7, 8, 9, 10)])
def test_t_tests_at_all_looks_together_err_no_more_often_than_planned(looks):
    x = np.random.default_rng(3).standard_normal((100_000, looks[-1]))
    erred = np.zeros(len(x), dtype=bool)
    for n, level in zip(looks, nominal_levels(looks, 0.05), strict=True):
        erred |= stats.ttest_1samp(x[:, :n], 0, axis=1, alternative="greater").pvalue <= level
    assert 0.043 < erred.mean() < 0.05 + 0.001


def test_a_single_look_has_the_whole_level():
    assert nominal_levels((12,), 0.05) == pytest.approx((0.05,))


def test_equivalence_needs_the_level_of_its_look():
    first, second, last = nominal_levels(LOOKS, 0.05)
    for p, shown in (([first], True), ([first * 1.01], False), ([0.5, second], True), ([1, 1, last], True)):
        assert (sequential_tost_p(p, LOOKS, [0.05]) <= 0.05) == shown
    assert sequential_tost_p([first, 0.5], LOOKS, [0.05]) <= 0.05  # it was shown before


# What `effects` says

CONTRAST = Contrast("c", {"a": 1.0, "b": -1.0}, "a", "b")


def runs(differences, missing=()):
    rows = [
        (arm, pair, np.nan if (arm, pair) in missing else value)
        for pair, d in enumerate(differences, start=1)
        for arm, value in (("a", 0.9 + d), ("b", 0.9))
    ]
    return pd.DataFrame(rows, columns=["arm", "pair", "test_accuracy"])


D = np.random.default_rng(5).normal(0.004, 0.002, size=20)


def test_between_looks_the_last_look_counts():
    at, between = (effects(runs(D[:n]), [CONTRAST], looks=LOOKS) for n in (6, 7))
    pd.testing.assert_frame_equal(at, between)
    assert at["n"].item() == 6


def test_a_look_is_reached_once_all_its_runs_are_known_even_those_that_failed():
    lacking = runs(D[:6]).iloc[:-1]
    assert effects(lacking, [CONTRAST], looks=LOOKS)["verdict"].item() is Verdict.DESCRIPTIVE
    failed = runs(D[:7], missing={("b", 3)})
    found = effects(failed, [CONTRAST], looks=(7, 10))
    assert (found["n"].item(), found["left_out"].item()) == (6, 1)


def test_before_the_first_look_nothing_is_tested():
    (found,) = effects(runs(D[:9]), [CONTRAST], looks=(10, 20)).to_dict("records")
    assert found["verdict"] is Verdict.DESCRIPTIVE
    assert found["mean"] == pytest.approx(D[:9].mean())
    assert pd.isna([found[name] for name in ("low", "high", "p", "p_holm", "p_tost", "more_pairs")]).all()


def test_the_interval_is_wider_than_that_of_a_single_look():
    looks = (6, 10, 15, 20)
    planned, single = (effects(runs(D[:10]), [CONTRAST], looks=each) for each in (looks, ()))
    level = 2 * nominal_levels(looks, 0.025)[1]
    reach = stats.t.isf(level / 2, 9) * D[:10].std(ddof=1) / np.sqrt(10)
    assert planned["high"].item() - planned["mean"].item() == pytest.approx(reach, rel=1e-6)
    assert planned["low"].item() < single["low"].item()
    assert planned["mde"].item() > single["mde"].item()


def test_more_pairs_end_at_a_planned_look():
    looks = (6, 10, 15, 20)
    arguments = {"looks": looks, "alpha": 0.05, "margin": 0.003, "contrasts": 1}
    assert more_pairs_at_looks(0.003, 0.002, reached=1, **arguments) == 4
    assert more_pairs_at_looks(0.002, 0.002, reached=1, **arguments) == 9
    assert more_pairs_at_looks(0.003, 0.02, reached=1, **arguments) is None
    assert more_pairs_at_looks(0.003, 0.002, reached=4, **arguments) is None
    assert more_pairs_at_looks(np.nan, 0.002, reached=1, **arguments) is None
