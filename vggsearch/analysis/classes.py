"""Accuracy of each class, and what classes are taken for.

    t[j]        true class of image j             p[j]     predicted class of image j
    C[a, b]     number of images with t = a and p = b (confusion matrix: rows are true classes)
    accuracy    C[a, a] / Σ_b C[a, b], the share of a class's images that are named rightly (its recall)

Classes are numbers from 0. All arrays of classes are integers of shape [images].
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from vggsearch.analysis.paired import ALPHA, effect, holm
from vggsearch.analysis.selection import summary
from vggsearch.analysis.verdicts import sign_is_certain
from vggsearch.designs import Contrast

IntArray = npt.NDArray[np.int64]

CLASS_COLUMNS = ("class", "images", "predicted", "correct", "accuracy")


def per_class(labels: IntArray, predicted: IntArray, num_classes: int) -> pd.DataFrame:
    """One row for each class, in order: `CLASS_COLUMNS`.

    `images` counts the images of the class, `predicted` the images that are taken for it, `correct` those
    that are both. `accuracy` is `correct / images`, NaN for a class without images.

    Raises:
        ValueError: The arrays differ in length, or hold a class that is not below `num_classes`.
    """
    _check(labels, predicted, num_classes)
    images, taken, right = (
        np.bincount(classes, minlength=num_classes)
        for classes in (labels, predicted, labels[labels == predicted])
    )
    accuracy = np.divide(right, images, out=np.full(num_classes, np.nan), where=images > 0)
    columns = (np.arange(num_classes), images, taken, right, accuracy)
    return pd.DataFrame(dict(zip(CLASS_COLUMNS, columns, strict=True)))


def confusion(labels: IntArray, predicted: IntArray, num_classes: int) -> IntArray:
    """The confusion matrix C, of shape [num_classes, num_classes]; errors are those of `per_class`."""
    _check(labels, predicted, num_classes)
    codes = np.bincount(labels * num_classes + predicted, minlength=num_classes**2)
    return codes.reshape(num_classes, num_classes).astype(np.int64)


def class_means(runs: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of each class over the runs of each arm: one row for each arm and class.

    Args:
        runs: One row for each run and class: `arm`, `class`, `images`, and `accuracy`, which may be missing.

    Columns are `arm`, `class`, `images`, `n`, `mean`, `sd`, `low` and `high`. `n` is the number of runs, `sd`
    their standard deviation (n − 1), `low` … `high` the 95 % t interval of the mean over runs, cut at 0 and
    1; these are NaN where undefined. The interval says what training again would give on the same images. It
    does not cover the choice of the images, which matters more in a small class.
    """
    rows = [
        {"arm": arm, "class": number, "images": of["images"].iloc[0], "n": int(of["accuracy"].notna().sum())}
        | summary(of["accuracy"])
        for (arm, number), of in runs.groupby(["arm", "class"], sort=False)
    ]
    table = pd.DataFrame(rows, columns=["arm", "class", "images", "n", "mean", "sd", "low", "high"])
    return table.assign(low=table["low"].clip(lower=0), high=table["high"].clip(upper=1))


def class_effects(runs: pd.DataFrame, contrast: Contrast, *, alpha: float = ALPHA) -> pd.DataFrame:
    """The effect of a contrast on the accuracy of each class: one row for each class that has images.

    Args:
        runs: One row for each arm, pair and class: `arm`, `pair`, `class`, `images`, `accuracy`.

    Columns are `class`, `images`, those of `Effect` from `n` to `high` without `left_out`, its sign-flip `p`,
    `p_holm`, adjusted over these classes, and `shown`: whether the sign of the effect is shown. That takes at
    least `MIN_PAIRS` pairs, `p_holm` of at most `alpha`, and an interval that leaves out 0. Intervals have
    confidence 1 − alpha and are not adjusted.
    """
    rows = []
    for number, of in runs[runs["images"] > 0].groupby("class"):
        found = effect(of, contrast, alpha=alpha, value="accuracy")
        rows.append((number, of["images"].iloc[0], *(getattr(found, name) for name in _EFFECT)))
    table = pd.DataFrame(rows, columns=["class", "images", *_EFFECT])
    table["p_holm"] = holm(table["p"].to_numpy(dtype=np.float64))
    certain = [sign_is_certain(n, p, alpha=alpha) for n, p in zip(table["n"], table["p_holm"], strict=True)]
    off_zero = (table["low"] > 0) | (table["high"] < 0)
    return table.assign(shown=pd.Series(certain, dtype=bool) & off_zero)


_EFFECT = ("n", "mean", "sd", "se", "low", "high", "p")


def _check(labels: IntArray, predicted: IntArray, num_classes: int) -> None:
    if labels.shape != predicted.shape or labels.ndim != 1:
        raise ValueError(f"one class is predicted for each image, not {predicted.shape} for {labels.shape}")
    for classes in (labels, predicted):
        if len(classes) and not 0 <= classes.min() <= classes.max() < num_classes:
            raise ValueError(f"classes are from 0 to {num_classes - 1}, and here is another")
