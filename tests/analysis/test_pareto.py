from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st

from vggsearch.analysis import front, hypervolume_over_trials, staircase, thin_front
from vggsearch.analysis.pareto import dominates, hypervolume
from vggsearch.runs.metrics import METRICS

TWO = ["val_accuracy", "macs"]
THREE = ["val_accuracy", "macs", "params"]
REFERENCE = {"val_accuracy": 0.5, "macs": 1e6, "params": 1e5}

accuracies = st.integers(0, 10).map(lambda tenths: tenths / 10)
costs = st.sampled_from([1.0, 2.0, 10.0, 1e3, 1e4, 1e5, 1e6, 1e7])
rows = st.lists(
    st.fixed_dictionaries({"val_accuracy": accuracies, "macs": costs, "params": costs}), max_size=25
)
objectives = st.sampled_from(
    [["val_accuracy"], TWO, THREE, ["macs", "params"], ["val_accuracy", "params", "macs"]]
)


def table(*rows: tuple[float, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=THREE[: len(rows[0])], dtype=float)


def frame_of(rows: list[dict[str, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=THREE, dtype=float)


@pytest.mark.parametrize(
    ("first", "second", "answer"),
    [
        ((0.9, 10), (0.8, 10), True),
        ((0.9, 10), (0.9, 20), True),
        ((0.9, 10), (0.8, 20), True),
        ((0.9, 10), (0.9, 10), False),
        ((0.9, 20), (0.8, 10), False),
        ((0.8, 10), (0.9, 20), False),
    ],
)
def test_more_accuracy_and_less_cost_dominate(first, second, answer):
    named = [dict(zip(TWO, point, strict=True)) for point in (first, second)]
    assert dominates(*named, TWO) is answer


def test_a_small_front_by_hand():
    frame = table((0.7, 10), (0.9, 100), (0.6, 20), (0.8, 50), (0.8, 60), (0.9, 100), (0.5, 5))
    assert front(frame, TWO).index.tolist() == [1, 3, 0, 6]
    assert staircase(frame, "macs").index.tolist() == [6, 0, 3, 1]
    assert front(frame, ["val_accuracy"]).index.tolist() == [1]
    assert front(frame, ["macs"]).index.tolist() == [6]


@given(rows, objectives)
@settings(deadline=None, max_examples=50)
def test_the_front_is_what_comparing_all_pairs_leaves(rows, objectives):
    frame = frame_of(rows)
    kept = front(frame, objectives)
    undominated = [
        i
        for i, row in enumerate(rows)
        if not any(dominates(other, row, objectives) for other in rows)
        and not any(all(row[name] == other[name] for name in objectives) for other in rows[:i])
    ]
    assert sorted(kept.index) == undominated
    assert kept.equals(frame.loc[kept.index])


@given(rows, objectives)
@settings(deadline=None, max_examples=50)
def test_a_front_is_its_own_front_and_does_not_depend_on_the_order(rows, objectives):
    frame = frame_of(rows)
    kept = front(frame, objectives)
    pd.testing.assert_frame_equal(front(kept, objectives), kept)
    mixed = front(frame.iloc[::-1], objectives)
    assert mixed[objectives].to_numpy().tolist() == kept[objectives].to_numpy().tolist()


@given(rows)
@settings(deadline=None, max_examples=50)
def test_a_staircase_rises_at_every_step(rows):
    steps = staircase(frame_of(rows), "params")
    assert (steps["params"].diff().dropna() > 0).all()
    assert (steps["val_accuracy"].diff().dropna() > 0).all()


def test_rows_without_a_value_take_no_part():
    frame = table((np.nan, 1), (0.5, np.nan), (0.5, 10))
    assert front(frame, TWO).index.tolist() == [2]
    assert front(frame.iloc[:2], TWO).empty
    assert hypervolume(frame.iloc[:2], TWO, REFERENCE) == 0
    assert thin_front(frame.iloc[:2], TWO, 3).empty


def test_what_is_neither_good_nor_bad_is_no_objective():
    with pytest.raises(ValueError, match="an objective has a direction in METRICS"):
        front(table((0.5, 1)).assign(num_blocks=2), ["val_accuracy", "num_blocks"])


@pytest.mark.parametrize(
    ("points", "volume"),
    [
        ([(0.9, 1e4)], 0.4 * 2),
        ([(0.9, 1e6)], 0.0),
        ([(0.5, 1e4)], 0.0),
        ([(0.4, 1e4), (0.9, 1e7)], 0.0),
        ([(0.9, 1e4), (0.9, 1e4)], 0.4 * 2),
        ([(0.9, 1e4), (0.8, 1e5)], 0.4 * 2),
        ([(0.9, 1e5), (0.7, 1e3)], 0.4 * 1 + 0.2 * 2),
        ([(1.0, 1e5), (0.8, 1e4), (0.6, 1e2)], 0.5 * 1 + 0.3 * 1 + 0.1 * 2),
    ],
)
def test_volumes_by_hand_in_accuracy_times_decades(points, volume):
    assert hypervolume(table(*points), TWO, REFERENCE) == pytest.approx(volume, abs=1e-12)


def test_a_volume_of_three_objectives_by_hand():
    assert hypervolume(table((0.9, 1e4, 1e3)), THREE, REFERENCE) == pytest.approx(0.4 * 2 * 2)
    assert hypervolume(table((0.7,)), ["val_accuracy"], REFERENCE) == pytest.approx(0.2)


def by_inclusion_and_exclusion(frame: pd.DataFrame, objectives: list[str]) -> float:
    """The volume of a union of boxes: another way, and too slow for more than a few points."""
    boxes = []
    for _, row in frame.iterrows():
        gains = [
            np.log10(REFERENCE[name] / row[name])
            if METRICS[name].axis == "log"
            else row[name] - REFERENCE[name]
            for name in objectives
        ]
        boxes.append(np.clip(gains, 0, None))
    return sum(
        (-1) ** (size + 1) * np.prod(np.min(chosen, axis=0))
        for size in range(1, len(boxes) + 1)
        for chosen in combinations(boxes, size)
    )


@given(rows.filter(lambda rows: len(rows) < 8), objectives)
@settings(deadline=None, max_examples=50)
def test_two_ways_to_a_volume_agree(rows, objectives):
    frame = frame_of(rows)
    assert hypervolume(frame, objectives, REFERENCE) == pytest.approx(
        by_inclusion_and_exclusion(frame, objectives), abs=1e-9
    )


@given(rows, objectives)
@settings(deadline=None, max_examples=50)
def test_the_anytime_curve_is_the_volume_of_each_beginning(rows, objectives):
    frame = frame_of(rows)
    frame.index = frame.index * 7 + 3
    curve = hypervolume_over_trials(frame, objectives, REFERENCE)
    expected = [hypervolume(frame.iloc[: i + 1], objectives, REFERENCE) for i in range(len(frame))]
    assert curve.index.equals(frame.index)
    assert curve.tolist() == pytest.approx(expected, abs=1e-9)
    assert (curve.diff().dropna() >= -1e-12).all()


def test_the_anytime_curve_passes_over_missing_values():
    curve = hypervolume_over_trials(table((np.nan, 1), (0.9, 1e4), (np.nan, 1)), TWO, REFERENCE)
    assert curve.tolist() == pytest.approx([0, 0.8, 0.8])


@given(rows, objectives, st.integers(0, 6))
@settings(deadline=None, max_examples=50)
def test_a_thinned_front_keeps_the_best_and_is_part_of_the_front(rows, objectives, count):
    frame = frame_of(rows)
    whole, thin = front(frame, objectives), thin_front(frame, objectives, count)
    assert len(thin) == min(count, len(whole))
    assert [i for i in whole.index if i in thin.index] == thin.index.tolist()
    if len(thin):
        assert thin.index[0] == whole.index[0]


def test_thinning_drops_what_adds_least():
    # The middle point lies beside the first one; the corner of the knee adds most.
    frame = table((0.90, 1e6), (0.895, 9e5), (0.88, 1e5), (0.70, 1e4))
    assert thin_front(frame, TWO, 3).index.tolist() == [0, 2, 3]
    assert thin_front(frame, TWO, 2).index.tolist() == [0, 2]
    assert thin_front(frame, TWO, 1).index.tolist() == [0]
    assert thin_front(frame, TWO, 4).index.tolist() == [0, 1, 2, 3]


@given(rows, st.sampled_from([TWO, THREE]))
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.filter_too_much])
def test_thinning_by_one_loses_the_least_volume_it_could(rows, objectives):
    frame = frame_of(rows)
    whole = front(frame, objectives)
    assume(len(whole) >= 3)
    scaled = whole[objectives].copy()
    for name in objectives:
        values = np.log10(scaled[name]) if METRICS[name].axis == "log" else -scaled[name]
        extent = values.max() - values.min()
        # A number of decades again, so that the package's own volume can be asked for.
        scaled[name] = 10 ** ((values - values.min()) / (extent or 1.0))
    as_costs = dict(zip(objectives, ["macs", "params", "latency_ms"], strict=False))
    scaled = scaled.rename(columns=as_costs)
    reference = dict.fromkeys(scaled, 10**1.1)
    left = {
        i: hypervolume(scaled.drop(index=i), list(scaled), reference)
        for i in scaled.index
        if i != scaled.index[0]
    }
    (dropped,) = set(whole.index) - set(thin_front(frame, objectives, len(whole) - 1).index)
    assert left[dropped] == pytest.approx(max(left.values()), abs=1e-9)
