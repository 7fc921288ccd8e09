"""Accuracy of each class and confusion: closed forms, a second implementation, and effects by class."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from vggsearch.analysis import (
    MIN_PAIRS,
    class_effects,
    class_means,
    confusion,
    differences,
    effects,
    per_class,
)
from vggsearch.designs import Contrast

LABELS = np.array([0, 0, 0, 0, 1, 1, 3])
PREDICTED = np.array([0, 0, 1, 3, 1, 1, 0])


def test_accuracy_of_a_class_is_the_share_of_its_images_that_are_named_rightly():
    table = per_class(LABELS, PREDICTED, 4)
    assert table["class"].tolist() == [0, 1, 2, 3]
    assert table["images"].tolist() == [4, 2, 0, 1]
    assert table["predicted"].tolist() == [3, 3, 0, 1]
    assert table["correct"].tolist() == [2, 2, 0, 0]
    assert table["accuracy"].tolist() == pytest.approx([0.5, 1.0, float("nan"), 0.0], nan_ok=True)


def test_rows_of_a_confusion_matrix_are_true_classes():
    assert confusion(LABELS, PREDICTED, 4).tolist() == [[2, 1, 0, 1], [0, 2, 0, 0], [0] * 4, [1, 0, 0, 0]]


def test_no_images_are_no_error():
    none = np.array([], dtype=np.int64)
    assert per_class(none, none, 2)["accuracy"].isna().all()
    assert confusion(none, none, 2).sum() == 0


answers = st.integers(2, 12).flatmap(
    lambda k: st.tuples(
        st.just(k), st.lists(st.tuples(st.integers(0, k - 1), st.integers(0, k - 1)), min_size=1, max_size=60)
    )
)


@given(answers)
def test_a_cross_tabulation_by_pandas_agrees(found):
    k, pairs = found
    labels, predicted = (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    every = pd.RangeIndex(k)
    theirs = pd.crosstab(labels, predicted).reindex(index=every, columns=every, fill_value=0)
    matrix, table = confusion(labels, predicted, k), per_class(labels, predicted, k)
    assert (matrix == theirs.to_numpy()).all()
    assert table["correct"].tolist() == np.diag(theirs).tolist()
    assert table["images"].tolist() == theirs.sum(axis=1).tolist()
    assert table["predicted"].tolist() == theirs.sum(axis=0).tolist()
    by_label = pd.Series(labels == predicted).groupby(labels).mean().reindex(every)
    assert np.allclose(table["accuracy"], by_label, equal_nan=True)


@pytest.mark.parametrize(
    ("labels", "predicted", "message"),
    [
        ([0, 1], [0], "one class is predicted for each image"),
        ([[0], [1]], [[0], [1]], "one class is predicted for each image"),
        ([0, 2], [0, 1], "classes are from 0 to 1"),
        ([0, 1], [0, -1], "classes are from 0 to 1"),
    ],
)
@pytest.mark.parametrize("function", [per_class, confusion])
def test_classes_that_cannot_be_are_refused(function, labels, predicted, message):
    with pytest.raises(ValueError, match=message):
        function(np.array(labels), np.array(predicted), 2)


def runs_of(**accuracies: list[list[float]]) -> pd.DataFrame:
    """Accuracies of each arm, a list for each class with a value for each pair; 50 images a class."""
    return pd.DataFrame(
        [
            {"arm": arm, "pair": pair, "class": number, "images": 50, "accuracy": value}
            for arm, classes in accuracies.items()
            for number, values in enumerate(classes)
            for pair, value in enumerate(values)
        ]
    )


def test_a_mean_over_runs_has_the_t_interval_of_runs():
    table = class_means(runs_of(a=[[0.8, 0.9, 1.0], [0.5]]))
    first, second = table.to_dict("records")
    assert (first["arm"], first["class"], first["images"], first["n"]) == ("a", 0, 50, 3)
    assert first["mean"] == pytest.approx(0.9)
    assert first["mean"] - first["low"] == pytest.approx(4.302652729911275 * 0.1 / 3**0.5)  # t(0.975, 2)
    assert first["high"] == 1  # cut: no accuracy is higher
    assert second["n"] == 1
    assert np.isnan([second["sd"], second["low"], second["high"]]).all()


A_OVER_B = Contrast("a over b", {"a": 1.0, "b": -1.0}, "a", "b")


def test_effects_of_classes_are_those_of_contrasts_with_holm_over_classes():
    rng = np.random.default_rng(3)
    gains = np.array([0.02, 0.0, -0.01])
    b = rng.uniform(0.7, 0.9, size=(3, 8)).round(2)
    a = (b + gains[:, None] + rng.normal(0, 0.004, size=(3, 8))).round(3)
    runs = runs_of(a=a.tolist(), b=b.tolist())
    table = class_effects(runs, A_OVER_B)
    # The same as one study whose contrasts are the classes: an arm for each class and side.
    as_arms = runs.assign(arm=runs["arm"] + runs["class"].astype(str))
    contrasts = [Contrast(str(i), {f"a{i}": 1.0, f"b{i}": -1.0}, "a", "b") for i in range(3)]
    theirs = effects(as_arms, contrasts, value="accuracy")
    for name in ("n", "mean", "sd", "low", "high", "p", "p_holm"):
        assert table[name].tolist() == pytest.approx(theirs[name].tolist()), name
    assert table["shown"].tolist() == theirs["sign_certain"].tolist() == [True, False, True]
    own = differences(runs[runs["class"] == 2], A_OVER_B.weights, value="accuracy")
    assert table["mean"][2] == pytest.approx(own.mean())


@pytest.mark.parametrize("pairs", [1, MIN_PAIRS - 1, MIN_PAIRS])
def test_nothing_is_shown_with_too_few_pairs(pairs):
    runs = runs_of(a=[[0.9] * pairs], b=[[0.1] * pairs])
    assert class_effects(runs, A_OVER_B)["shown"].tolist() == [pairs >= MIN_PAIRS]


def test_nothing_is_shown_where_the_interval_covers_zero():
    gains = [0.001] * 8 + [0.9]  # all of one sign, of very different size
    table = class_effects(runs_of(a=[gains], b=[[0.0] * 9]), A_OVER_B)
    assert table["p_holm"][0] == pytest.approx(2 / 2**9)
    assert table["low"][0] < 0 < table["high"][0]
    assert not table["shown"][0]


def test_classes_without_images_and_pairs_without_a_value_are_left_out():
    runs = runs_of(a=[[0.9, 0.8], [0.1, 0.1]], b=[[0.7, float("nan")], [0.1, 0.1]])
    runs.loc[runs["class"] == 1, "images"] = 0
    table = class_effects(runs, A_OVER_B)
    assert table["class"].tolist() == [0]
    assert (table["n"][0], table["mean"][0]) == (1, pytest.approx(0.2))
