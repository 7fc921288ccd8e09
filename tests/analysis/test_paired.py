import math
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

from vggsearch.analysis import Verdict, differences, effect, effects
from vggsearch.analysis.paired import EFFECT_COLUMNS, holm
from vggsearch.analysis.power import minimum_detectable_effect
from vggsearch.designs import Contrast

TWO = {"a": 1.0, "b": -1.0}
THREE = {"a": 1.0, "b": -0.5, "c": -0.5}
INTERACTION = {"a": 1.0, "b": -1.0, "c": -1.0, "d": 1.0}

# Four complete pairs whose differences are 0.001, 0.002, 0.003 and 0.006: mean 0.003, sd² 14/3 · 1e-6.
KNOWN = [0.001, 0.002, 0.003, 0.006]

accuracies = st.integers(9000, 9500).map(lambda count: count / 10_000)


def contrast(weights=TWO, question="which is better", name="a contrast"):
    return Contrast(name, weights, "3×3", "5×5", question=question)


def table(**arms):
    """`arms` has the test accuracies of an arm by pair, from pair 1 on."""
    rows = [(arm, pair, y) for arm, ys in arms.items() for pair, y in enumerate(ys, 1)]
    return pd.DataFrame(rows, columns=["arm", "pair", "test_accuracy"])


def of_differences(found):
    return table(a=[0.93 + d for d in found], b=[0.93] * len(found))


@st.composite
def studies(draw, arms="abcd", value=accuracies):
    n = draw(st.integers(2, 8))
    return table(**{arm: draw(st.lists(value, min_size=n, max_size=n)) for arm in arms})


def drawn(n, arms="ab", sd=0.002, seed=0):
    rng = np.random.default_rng(seed)
    return table(**{arm: 0.93 + 0.001 * i + sd * rng.standard_normal(n) for i, arm in enumerate(arms)})


def test_an_effect_by_hand():
    found = effect(of_differences(KNOWN), contrast(), alpha=0.05, margin=0.005)
    assert (found.contrast, found.n, found.left_out) == ("a contrast", 4, 0)
    assert found.mean == pytest.approx(0.003)
    assert found.sd == pytest.approx(math.sqrt(14 / 3) * 1e-3)
    assert found.se == pytest.approx(math.sqrt(14 / 12) * 1e-3)
    # t quantiles of 3 degrees of freedom, as in every printed table.
    assert (found.low, found.high) == pytest.approx(
        (0.003 - 3.1824463 * found.se, 0.003 + 3.1824463 * found.se)
    )
    assert (found.low_tost, found.high_tost) == pytest.approx(
        (0.003 - 2.3533634 * found.se, 0.003 + 2.3533634 * found.se)
    )
    assert found.p == 2 / 16
    # All of the spread is arm a's: the pooled variance is half of it.
    assert found.sigma == pytest.approx(found.sd / math.sqrt(2))
    assert math.isnan(found.rho)
    assert found.mde == minimum_detectable_effect(found.sd, 4, 0.05)


@pytest.mark.parametrize("n", [2, 3, 6, 10, 20])
def test_the_interval_and_the_equivalence_test_are_those_of_scipys_t_tests(n):
    pairs = drawn(n, seed=n)
    y = {arm: rows["test_accuracy"].to_numpy() for arm, rows in pairs.groupby("arm")}
    found = effect(pairs, contrast(), alpha=0.05, margin=0.003)
    theirs = stats.ttest_rel(y["a"], y["b"])
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval(0.95)))
    assert (found.low_tost, found.high_tost) == pytest.approx(tuple(theirs.confidence_interval(0.90)))
    above = stats.ttest_1samp(y["a"] - y["b"], -0.003, alternative="greater").pvalue
    below = stats.ttest_1samp(y["a"] - y["b"], 0.003, alternative="less").pvalue
    assert found.p_tost == pytest.approx(max(above, below))
    assert found.sigma == pytest.approx(math.sqrt((np.var(y["a"], ddof=1) + np.var(y["b"], ddof=1)) / 2))
    if n > 2:
        assert found.rho == pytest.approx(stats.pearsonr(y["a"], y["b"]).statistic)


def test_the_pairs_correlation_is_what_pairing_gains():
    # sd² = σa² + σb² − 2ρ σa σb, for any two arms.
    pairs = drawn(10)
    found = effect(pairs, contrast())
    sd = pairs.groupby("arm")["test_accuracy"].std()
    assert found.sd**2 == pytest.approx(sd["a"] ** 2 + sd["b"] ** 2 - 2 * found.rho * sd["a"] * sd["b"])


def test_the_correlation_of_many_arms_is_of_the_two_sides():
    pairs = drawn(10, "abcd")
    y = pairs.pivot(index="pair", columns="arm", values="test_accuracy")
    found = effect(pairs, contrast(INTERACTION))
    assert found.rho == pytest.approx((y["a"] + y["d"]).corr(y["b"] + y["c"]))
    assert found.mean == pytest.approx((y["a"] - y["b"] - y["c"] + y["d"]).mean())


@pytest.mark.parametrize("margin", [0.001, 0.002, 0.003, 0.004])
@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_equivalence_is_that_the_tost_interval_lies_within_the_margin(alpha, margin):
    for seed in range(20):
        found = effect(drawn(8, seed=seed), contrast(), alpha=alpha, margin=margin)
        within = -margin <= found.low_tost and found.high_tost <= margin
        assert (found.p_tost <= alpha) == within


@given(studies(), st.sampled_from([TWO, THREE, INTERACTION]))
@settings(max_examples=25)
def test_exchanging_the_sides_exchanges_the_signs(pairs, weights):
    found = effect(pairs, contrast(weights))
    turned = effect(pairs, contrast({arm: -weight for arm, weight in weights.items()}))
    assert turned.mean == -found.mean
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low), nan_ok=True)
    assert (turned.low_tost, turned.high_tost) == pytest.approx((-found.high_tost, -found.low_tost))
    assert turned.p == found.p
    for name in ("p_tost", "sd", "se", "sigma", "rho", "mde"):
        assert getattr(turned, name) == pytest.approx(getattr(found, name), nan_ok=True)


@given(studies(), st.sampled_from([TWO, THREE, INTERACTION]), st.integers(-5000, 400))
@settings(max_examples=25)
def test_what_all_arms_gain_alike_changes_nothing(pairs, weights, count):
    moved = pairs.assign(test_accuracy=pairs["test_accuracy"] + count / 10_000)
    assert differences(moved, weights).tolist() == differences(pairs, weights).tolist()
    assert effect(moved, contrast(weights)).p == effect(pairs, contrast(weights)).p


@given(studies(), st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_the_order_of_the_rows_changes_nothing(pairs, random):
    order = list(range(len(pairs)))
    random.shuffle(order)
    for weights in (TWO, THREE, INTERACTION):
        mixed = effect(pairs.iloc[order], contrast(weights))
        assert str(mixed) == str(effect(pairs, contrast(weights)))


@given(studies(arms="abc", value=st.one_of(accuracies, st.just(math.nan))))
@settings(max_examples=40)
def test_incomplete_pairs_are_counted_and_take_no_part(pairs):
    complete = [
        pair
        for pair, rows in pairs[pairs["arm"].isin(["a", "b"])].groupby("pair")
        if rows["test_accuracy"].notna().all()
    ]
    assert differences(pairs, TWO).index.tolist() == complete
    found = effect(pairs, contrast())
    assert (found.n, found.n + found.left_out) == (len(complete), pairs["pair"].nunique())
    alone = effect(pairs[pairs["pair"].isin(complete)], contrast())
    assert alone.left_out == 0
    assert {**asdict(alone), "left_out": found.left_out} == pytest.approx(asdict(found), nan_ok=True)


def test_a_row_that_is_not_there_is_a_value_that_is_not_there():
    pairs = of_differences(KNOWN)
    pairs = pairs[~((pairs["arm"] == "b") & (pairs["pair"] == 2))]
    assert differences(pairs, TWO).index.tolist() == [1, 3, 4]
    assert effect(pairs, contrast()).left_out == 1
    # A pair that only other arms have is none of this contrast's.
    elsewhere = pd.concat([pairs, table(c=[0.9] * 9)])
    assert effect(elsewhere, contrast()).left_out == 1
    assert effect(table(c=[0.9] * 9), contrast()).left_out == 0


def test_another_column_may_be_compared():
    pairs = of_differences(KNOWN).assign(val_accuracy=[0.94, 0.94, 0.94, 0.94, 0.93, 0.93, 0.93, 0.93])
    assert differences(pairs, TWO, "val_accuracy").tolist() == [0.01] * 4


def test_a_pair_that_stands_twice_is_refused():
    pairs = of_differences(KNOWN)
    with pytest.raises(ValueError, match="duplicate"):
        differences(pd.concat([pairs, pairs.iloc[:1]]), TWO)


UNDEFINED = {
    0: {"mean", "sd", "se", "low", "high", "p", "p_tost", "low_tost", "high_tost", "sigma", "rho", "mde"},
    1: {"sd", "se", "low", "high", "p_tost", "low_tost", "high_tost", "sigma", "rho", "mde"},
    2: {"rho"},
    3: set(),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", UNDEFINED)
def test_few_pairs_leave_numbers_undefined_and_never_fail(n):
    pairs = drawn(3)[lambda rows: rows["pair"] <= n]
    found = effect(pairs, contrast())
    assert {name for name, x in asdict(found).items() if isinstance(x, float) and math.isnan(x)} == UNDEFINED[
        n
    ]
    row = effects(pairs, [contrast()]).iloc[0]
    assert row["verdict"] is Verdict.DESCRIPTIVE
    assert not row["sign_certain"]
    assert pd.isna(row["more_pairs"]) == (n < 2)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("difference", "p", "p_tost", "verdict"),
    [
        (0.0, 1.0, 0.0, Verdict.EQUIVALENT),
        (0.0029, 2 / 64, 0.0, Verdict.EQUIVALENT),
        (0.003, 2 / 64, 1.0, Verdict.SUPPORTED),
        (-0.003, 2 / 64, 1.0, Verdict.REFUTED),
        (0.01, 2 / 64, 1.0, Verdict.SUPPORTED),
    ],
)
def test_differences_that_are_all_the_same(difference, p, p_tost, verdict):
    # Accuracies that differ, so that their differences are the same only but for rounding.
    y = np.array([0.91, 0.92, 0.93, 0.94, 0.95, 0.96])
    pairs = table(a=y + difference, b=y)
    found = effect(pairs, contrast(), margin=0.003)
    assert (found.sd, found.se, found.mde) == (0, 0, 0)
    assert found.low == found.high == found.mean == pytest.approx(difference)
    assert (found.p, found.p_tost) == (p, p_tost)
    assert found.rho == pytest.approx(1)
    row = effects(pairs, [contrast()]).iloc[0]
    assert (row["verdict"], row["more_pairs"]) == (verdict, 0)
    assert row["sign_certain"] == (p <= 0.05)


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.03, 0.2: times 4, 3, 2, 1 and never falling; NaN is no test.
    adjusted = holm(np.array([0.03, math.nan, 0.01, 0.2, 0.02]))
    assert adjusted.tolist() == pytest.approx([0.06, math.nan, 0.04, 0.2, 0.06], nan_ok=True)
    assert np.isnan(holm(np.full(3, math.nan))).all()
    assert holm(np.array([])).size == 0


def test_a_table_has_a_row_a_contrast_in_the_order_given():
    pairs = drawn(10, "abcd")
    contrasts = [
        contrast(INTERACTION, "do they interact", name="z"),
        contrast(TWO, name="y"),
        contrast({"a": 1.0, "nowhere": -1.0}, name="x"),
    ]
    found = effects(pairs, contrasts, alpha=0.05, margin=0.003)
    assert tuple(found.columns) == EFFECT_COLUMNS
    assert found["contrast"].tolist() == ["z", "y", "x"]
    for (_, row), each in zip(found.iterrows(), contrasts, strict=True):
        single = asdict(effect(pairs, each, alpha=0.05, margin=0.003))
        assert row[list(single)].to_dict() == pytest.approx(single, nan_ok=True)
    # The third has no pair, hence no p: the family is of two.
    for name in ("p", "p_tost"):
        low, high = sorted(found[name].dropna())
        adjusted = {low: min(1, 2 * low), high: min(1, max(2 * low, high))}
        assert found[f"{name}_holm"].tolist()[:2] == pytest.approx([adjusted[p] for p in found[name][:2]])
        assert math.isnan(found[f"{name}_holm"][2])
    assert found["verdict"].tolist()[2] is Verdict.DESCRIPTIVE


@pytest.mark.filterwarnings("error")
def test_tables_of_nothing():
    assert tuple(effects(drawn(6), []).columns) == EFFECT_COLUMNS
    assert effects(drawn(6).iloc[:0], [contrast()])["n"].tolist() == [0]


def test_verdicts_come_from_the_adjusted_p():
    # Alone the difference of 2/64 is certain; beside another test it is not.
    y = 0.93 + np.array([1, 2, 3, 4, 5, 6]) / 1000
    pairs = table(
        a=y + 0.01, b=np.full(6, 0.93), c=2 * 0.93 - y, d=y + np.array([1, -1, 1, -1, 1, -1]) * 0.01
    )
    alone = effects(pairs, [contrast()])
    both = effects(pairs, [contrast(), contrast({"d": 1.0, "b": -1.0}, name="other")])
    assert (alone["verdict"][0], alone["p_holm"][0]) == (Verdict.SUPPORTED, 2 / 64)
    assert (both["verdict"][0], both["p_holm"][0]) == (Verdict.UNDECIDED, 4 / 64)
    assert both["more_pairs"][0] >= 1


def test_an_interaction_of_either_sign_is_one():
    pairs = table(a=[0.95] * 6, b=[0.93] * 6, c=[0.93] * 6, d=[0.93 + i / 10_000 for i in range(6)])
    turned = {arm: -weight for arm, weight in INTERACTION.items()}
    for weights in (INTERACTION, turned):
        assert effects(pairs, [contrast(weights, "do they interact")])["verdict"][0] is Verdict.SUPPORTED
        simple = effects(pairs, [contrast(weights)])["verdict"][0]
        assert simple is (Verdict.SUPPORTED if weights is INTERACTION else Verdict.REFUTED)
