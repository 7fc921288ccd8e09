"""What a report shows of predictions: accuracy by class, confusion, and the surest mistakes of a net."""

from collections.abc import Hashable, Iterator, Mapping

import numpy as np
import pandas as pd

from vggsearch.report.document import (
    NBSP,
    Block,
    Column,
    Figures,
    Table,
    count,
    fixed,
    missing,
    number_column,
    percent,
    plain,
    remark,
    text_column,
)
from vggsearch.report.figures import MATRIX_CLASSES, confusion_figure, mistakes_figure
from vggsearch.report.shared.answers import MOST_CLASSES, Answers

MOST_PAIRS = 20
"""Most pairs of classes in the table that replaces a large matrix."""

LONG = 20
"""A table of more classes can be sorted and filtered."""


def class_table(answers: Answers, arms: Mapping[str, str], caption: str) -> Table:
    """Accuracy of each class in `arms`, which have the given headings. The CSV file has all arms."""
    means = answers.means()
    columns: list[Column] = [text_column("class", "name"), number_column("images", "images", count)]
    records: dict[int, dict[Hashable, object]] = {}
    for i, (arm, heading) in enumerate(arms.items()):
        fields = tuple(f"{name}_{i}" for name in ("mean", "low", "high"))
        columns.append(number_column(heading, fields, _with_interval))
        for row in means[means["arm"] == arm].to_dict("records"):
            shown = records.setdefault(row["class"], {"name": row["name"], "images": row["images"]})
            shown |= dict(zip(fields, (row["mean"], row["low"], row["high"]), strict=True))
    whole = list(records.values())
    return Table(
        "class_accuracy", "Accuracy by class", columns, means, caption, whole, interactive=len(whole) > LONG
    )


def confusion_blocks(answers: Answers, arm: str, called: str) -> Iterator[Block]:
    """Confusion and the surest mistakes of one arm, which the captions call `called`."""
    shares, mistakes = answers.shares(arm), answers.mistakes(arm)
    drawings = []
    if answers.num_classes <= MATRIX_CLASSES:
        names = [answers.name(number) for number in range(answers.num_classes)]
        drawings.append(confusion_figure(shares, names, f"What {called} takes classes for"))
    pixels = [one for image in mistakes["image"] if (one := answers.kept.pixels(image)) is not None]
    pictured = len(mistakes) > 0 and len(pixels) == len(mistakes)
    if pictured:
        drawings.append(
            mistakes_figure(mistakes, pixels, f"The surest mistakes of {called}", answers.channels)
        )
    if drawings:
        yield Figures(tuple(drawings))
    if answers.num_classes > MATRIX_CLASSES:
        yield _confused_table(answers, shares, called)
    if len(mistakes) and not pictured:
        yield _mistakes_table(mistakes, called)
        yield remark(
            plain(answers.kept.absent, 1000) or "The data of this report hold no pictures of test images."
        )


def counted_remarks(answers: Answers) -> Iterator[Block]:
    """What the section leaves out."""
    if answers.silent:
        runs, were = _runs(answers.silent, "tested run")
        yield remark(
            f"{runs} not counted here: {were} made before the predicted classes of single images were kept."
        )
    if answers.strange:
        runs, were = _runs(answers.strange, "run")
        yield remark(f"{runs} not counted here: {were} tested on other images.")


def _runs(number: int, called: str) -> tuple[str, str]:
    """`2 runs are` and `they were`."""
    return (f"1 {called} is", "it was") if number == 1 else (f"{count(number)} {called}s are", "they were")


def too_many_classes(answers: Answers) -> Iterator[Block]:
    """A remark in place of the section where there are more classes than a report can list."""
    if answers.num_classes > MOST_CLASSES:
        yield remark(
            f"{count(answers.num_classes)} classes are too many to list: at most {count(MOST_CLASSES)} are."
        )


def _confused_table(answers: Answers, shares: "np.typing.NDArray[np.float64]", called: str) -> Table:
    errors = np.nan_to_num(shares * ~np.eye(len(shares), dtype=bool))
    order = np.argsort(-errors, axis=None, kind="stable")[:MOST_PAIRS]
    pairs = [(int(a), int(b)) for a, b in zip(*np.unravel_index(order, errors.shape), strict=True)]
    images = np.bincount(answers.labels, minlength=len(shares))
    rows = [
        (answers.name(a), answers.name(b), int(images[a]), shares[a, b], shares[b, a])
        for a, b in pairs
        if errors[a, b] > 0
    ]
    data = pd.DataFrame(rows, columns=["true_name", "predicted_name", "images", "share", "reverse"])
    columns = [
        text_column("true class", "true_name"),
        text_column("predicted class", "predicted_name"),
        number_column("images", "images", count),
        number_column("share", "share", percent),
        number_column("the other way", "reverse", percent),
    ]
    caption = (
        f"Share of the images of a class that {called} takes for another one, as the mean over runs, and the "
        f"same the other way round. The {MOST_PAIRS} largest of {count(answers.num_classes)} classes."
    )
    return Table("confused", f"What {called} takes classes for", columns, data, caption)


def _mistakes_table(mistakes: pd.DataFrame, called: str) -> Table:
    columns = [
        number_column("test image", "image", count),
        text_column("true class", "true_name"),
        text_column("predicted class", "predicted_name"),
        number_column("probability", "probability", percent),
        number_column("runs that agree", ("agreeing", "runs"), lambda some, every: f"{some} of {every}"),
    ]
    caption = "Images that were got wrong with the highest probability; their numbers count from 0."
    return Table("mistakes", f"The surest mistakes of {called}", columns, mistakes, caption)


def _with_interval(mean: float, low: float, high: float) -> str:
    """`71.30 (70.12–72.48) %`."""
    if missing(mean) or missing(low):
        return percent(mean)
    return f"{fixed(100 * mean, 2)} ({fixed(100 * low, 2)}–{fixed(100 * high, 2)}){NBSP}%"
