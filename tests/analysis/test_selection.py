import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from vggsearch.analysis import best, candidates, cheapest_within, finalist_table, finalists, summary
from vggsearch.analysis.selection import FINALIST_COLUMNS
from vggsearch.runs.architecture_columns import ARCHITECTURE_COLUMNS

COLUMNS = [
    "stage", "digest", "outcome", "val_accuracy", "test_accuracy", *ARCHITECTURE_COLUMNS,
]  # fmt: skip


def row(architecture: str, val: float, macs: float = 1.0, **changes: object) -> dict[str, object]:
    fields = {"stage": "search", "outcome": "completed", "test_accuracy": np.nan, "params": macs, "seed": 0}
    fields |= {"architecture": architecture, "val_accuracy": val, "macs": macs, "kernel_size": "3"}
    fields |= changes
    return {"digest": f"{architecture}/{fields['seed']}/{fields['stage'] == 'finalists'}"} | fields


def table(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[*COLUMNS, "seed"])


SEARCH = table(
    row("a", 0.90, 100),
    row("b", 0.92, 200),
    row("c", 0.915, 150),
    row("d", 0.80, 10),
    row("e", 0.99, 5, outcome="pruned"),
    row("f", 0.99, 5, stage="finalists"),
    row("g", 0.91, 20, stage="baseline"),
    row("g", 0.91, 20),
    row("h", np.nan, 1, outcome="crashed"),
)


def names(frame: pd.DataFrame) -> list[str]:
    return frame["architecture"].tolist()


def test_only_completed_search_and_baseline_runs_may_be_selected_once_each():
    assert names(candidates(SEARCH)) == ["a", "b", "c", "d", "g"]


def test_the_best_is_the_most_accurate_and_among_equals_the_cheapest():
    assert best(SEARCH)["architecture"] == "b"
    assert best(table(row("x", 0.9, 2), row("y", 0.9, 1)))["architecture"] == "y"
    assert best(SEARCH.iloc[4:6]) is None


@pytest.mark.parametrize(
    ("points", "answer"),
    [(0.0, "b"), (0.004, "b"), (0.005, "c"), (0.01, "g"), (0.02, "g"), (0.12, "d"), (1.0, "d")],
)
def test_the_cheapest_within_some_points_of_the_best(points, answer):
    assert cheapest_within(SEARCH, points)["architecture"] == answer


def test_the_cheapest_by_another_cost_and_of_nothing():
    frame = table(row("x", 0.9, 2, params=1), row("y", 0.9, 1, params=2), row("z", 0.899, 1, params=3))
    assert cheapest_within(frame, 0.01, "params")["architecture"] == "x"
    assert cheapest_within(frame, 0.01)["architecture"] == "y"
    assert cheapest_within(SEARCH.iloc[4:6]) is None


@pytest.mark.parametrize(
    ("objectives", "count", "answer"),
    [
        (("val_accuracy",), 1, ["b"]),
        (("val_accuracy",), 3, ["b", "c", "g"]),
        (("val_accuracy",), 9, ["b", "c", "g", "a", "d"]),
        (("val_accuracy", "macs"), 4, ["b", "c", "g", "d"]),
        (("val_accuracy", "macs"), 5, ["b", "c", "g", "a", "d"]),
        (("val_accuracy", "macs"), 1, ["b"]),
        (("val_accuracy", "macs", "params"), 4, ["b", "c", "g", "d"]),
    ],
)
def test_finalists_are_the_front_then_the_next_front(objectives, count, answer):
    assert names(finalists(SEARCH, count, objectives)) == answer


@pytest.mark.parametrize(
    ("count", "reference", "answer"),
    [
        (3, {"val_accuracy": 0.9, "macs": 1000}, ["b", "c", "g"]),
        (4, {"val_accuracy": 0.9, "macs": 1000}, ["b", "c", "g", "a"]),
        (5, {"val_accuracy": 0.9, "macs": 1000}, ["b", "c", "g", "a", "d"]),
        (2, {"val_accuracy": 0.7, "macs": 150}, ["c", "g"]),
        (2, {"val_accuracy": 1.0, "macs": 1}, ["b", "g"]),
    ],
)
def test_what_is_worse_than_the_reference_is_a_finalist_only_where_others_are_too_few(
    count, reference, answer
):
    assert names(finalists(SEARCH, count, ("val_accuracy", "macs"), reference)) == answer


def test_no_architecture_is_a_finalist_twice():
    frame = table(row("a", 0.9), row("a", 0.95, seed=1), row("b", 0.8))
    assert names(finalists(frame, 5)) == ["a", "b"]
    assert finalists(frame, 5)["val_accuracy"].tolist() == [0.95, 0.8]
    assert finalists(frame.iloc[:0], 5).empty


FRESH = table(
    row("a", 0.92),
    row("b", 0.91),
    *(
        row("a", val, stage="finalists", seed=i, test_accuracy=val - 0.01)
        for i, val in enumerate((0.90, 0.91, 0.92))
    ),
    row("b", 0.915, stage="finalists", seed=1, test_accuracy=0.9),
    row("b", 0.5, stage="finalists", seed=2, outcome="timed_out"),
    row("z", np.nan, stage="finalists", seed=1, outcome="crashed"),
)


def test_fresh_seeds_show_how_optimistic_the_selection_was():
    found = finalist_table(FRESH)
    assert list(found) == [*ARCHITECTURE_COLUMNS, *FINALIST_COLUMNS]
    assert names(found) == ["b", "a", "z"]
    b, a, z = (found.iloc[i] for i in range(3))
    assert (a["n"], b["n"], z["n"]) == (3, 1, 0)
    assert a["search_val"] == 0.92
    assert a["val_mean"] == pytest.approx(0.91)
    assert a["val_sd"] == pytest.approx(0.01)
    assert a["optimism"] == pytest.approx(0.01)
    assert a["test_mean"] == pytest.approx(0.90)
    assert a["test_optimism"] == pytest.approx(0.02)
    # t(0.975, 2) = 4.302653 (any table of Student's t)
    assert a["val_high"] - a["val_mean"] == pytest.approx(4.302653 * 0.01 / math.sqrt(3), rel=1e-6)
    assert b["optimism"] == pytest.approx(-0.005)
    assert np.isnan(b["val_sd"])
    assert np.isnan(z["val_mean"])
    assert np.isnan(z["search_val"])
    assert a["kernel_size"] == "3"


def test_without_finalists_the_table_is_empty_with_its_columns():
    assert list(finalist_table(SEARCH.iloc[:3])) == [*ARCHITECTURE_COLUMNS, *FINALIST_COLUMNS]
    assert len(finalist_table(SEARCH.iloc[:3])) == 0


def test_two_ways_to_an_interval_agree():
    values = pd.Series([0.911, 0.934, np.nan, 0.925, 0.917, 0.929])
    known = values.dropna()
    found = summary(values)
    low, high = stats.ttest_1samp(known, 0).confidence_interval(0.95)
    assert (found["low"], found["high"]) == pytest.approx((low, high))
    assert (found["mean"], found["sd"]) == pytest.approx((known.mean(), known.std()))


def test_equal_seeds_have_an_interval_of_no_width():
    assert summary(pd.Series([0.9, 0.9])) == {"mean": 0.9, "sd": 0.0, "low": 0.9, "high": 0.9}


def test_the_t_interval_covers_what_it_promises():
    rng = np.random.default_rng(0)
    draws = rng.normal(0.9, 0.002, size=(600, 5))
    hits = 0
    for draw in draws:
        found = summary(pd.Series(draw))
        hits += found["low"] <= 0.9 <= found["high"]
    # 95 % ± four standard errors of a proportion over 600 draws
    assert hits / 600 == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 600))
