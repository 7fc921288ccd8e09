"""Which class the tested runs of a study predicted for each test image, by arm."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from vggsearch.analysis import class_means, confusion, per_class
from vggsearch.report.document import plain
from vggsearch.runs import RunRecord
from vggsearch.study import KeptImages, StudyResults

IntArray = npt.NDArray[np.int64]

MOST_CLASSES = 1000
"""Most classes that a report lists."""

MOST_SHOWN = 12
"""Number of images in the picture of mistakes."""


@dataclass(frozen=True)
class Answers:
    """Predictions of the runs that were tested on the same images. An arm is a net of a search, too."""

    runs: pd.DataFrame
    """One row for each run: `arm`, `pair`, `digest`."""
    labels: IntArray
    """True classes, of shape [images]."""
    num_classes: int
    silent: int
    """Number of tested runs that keep no predictions."""
    strange: int
    """Number of runs that were tested on other images."""
    kept: KeptImages
    records: Mapping[str, RunRecord]
    """The runs of `runs`, by digest."""

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row for each run and class: `arm`, `pair`, and the columns of `per_class`."""
        tables = {
            digest: per_class(self.labels, classes[1], self.num_classes)
            for digest, run in self.records.items()
            if (classes := run.test_classes()) is not None
        }
        rows = zip(self.runs["arm"], self.runs["pair"], self.runs["digest"], strict=True)
        return pd.concat(
            [tables[digest].assign(arm=arm, pair=pair) for arm, pair, digest in rows], ignore_index=True
        )

    @property
    def arms(self) -> list[str]:
        """Arms that have a run, in the order in which they were given."""
        return list(dict.fromkeys(self.runs["arm"]))

    @property
    def channels(self) -> int:
        """Number of channels of the images."""
        return next(iter(self.records.values())).key.input_shape[0]

    def name(self, number: int) -> str:
        """Printed name of a class; its number where names are not known."""
        names = self.kept.classes
        return plain(names[number], 40) if number < len(names) else str(number)

    def means(self) -> pd.DataFrame:
        """`vggsearch.analysis.class_means` of all arms, with the `name` of each class."""
        table = class_means(self.frame)
        table.insert(2, "name", [self.name(number) for number in table["class"]])
        return table

    def predicted(self, arm: str) -> list[IntArray]:
        """Predicted classes of each run of an arm, of shape [images]."""
        digests = self.runs.loc[self.runs["arm"] == arm, "digest"]
        found = [self.records[digest].test_classes() for digest in digests]
        return [classes[1] for classes in found if classes is not None]

    def shares(self, arm: str) -> npt.NDArray[np.float64]:
        """Confusion matrix of an arm, each row a share of the images of its true class, mean over runs.

        Rows of classes without images are NaN.
        """
        runs = self.predicted(arm)
        images = np.bincount(self.labels, minlength=self.num_classes)[:, None]
        total = np.zeros((self.num_classes, self.num_classes), dtype=np.int64)
        for predicted in runs:
            total += confusion(self.labels, predicted, self.num_classes)
        found = np.full(total.shape, np.nan)
        np.divide(total, images * len(runs), out=found, where=images > 0)
        return found

    def mistakes(self, arm: str) -> pd.DataFrame:
        """The `MOST_SHOWN` images that runs of an arm got wrong most confidently, one row for each.

        Columns are `image`, `true`, `predicted`, their names, `probability` (the highest of any run),
        `agreeing` (runs that predict this class) and `runs`. The highest probability comes first.
        """
        digests = self.runs.loc[self.runs["arm"] == arm, "digest"]
        every = self.predicted(arm)
        told: dict[tuple[int, int], float] = {}
        for digest, predicted in zip(digests, every, strict=True):
            predictions = self.records[digest].test_predictions
            for one in predictions.surest if predictions else ():
                named = one.image, int(predicted[one.image])
                told[named] = max(told.get(named, 0.0), one.probability)
        rows: dict[int, tuple[object, ...]] = {}
        for (image, number), probability in sorted(told.items(), key=lambda item: (-item[1], item[0])):
            true = int(self.labels[image])
            agreeing = sum(int(predicted[image]) == number for predicted in every)
            names = self.name(true), self.name(number)
            rows.setdefault(image, (image, true, number, *names, probability, agreeing, len(every)))
        columns = ["image", "true", "predicted", "true_name", "predicted_name"]
        columns += ["probability", "agreeing", "runs"]
        return pd.DataFrame(list(rows.values())[:MOST_SHOWN], columns=columns)


def find_answers(results: StudyResults, runs: pd.DataFrame) -> Answers | None:
    """The predictions of `runs`, a row for each: `arm`, `pair`, `digest`. None where no run keeps any.

    Runs that were tested on other images than most are left out, and counted; so are runs without
    predictions.
    """
    tested = {
        digest: run
        for digest in runs["digest"].dropna()
        if (run := results.runs.get(digest)) is not None and run.test_accuracy is not None
    }
    known = {digest: run for digest, run in tested.items() if run.test_classes() is not None}
    sets = Counter(map(_test_set, known.values()))
    if not sets:
        return None
    most = sets.most_common(1)[0][0]
    alike = {digest: run for digest, run in known.items() if _test_set(run) == most}
    classes = next(iter(alike.values())).test_classes()
    assert classes is not None  # of none that is known
    return Answers(
        runs[runs["digest"].isin(list(alike))].reset_index(drop=True),
        classes[0],
        most[0],
        silent=len(tested) - len(known),
        strange=len(known) - len(alike),
        kept=results.images or KeptImages(),
        records=alike,
    )


def _test_set(run: RunRecord) -> tuple[int, str | None]:
    """The number of classes and the true classes, by which runs were tested on the same images."""
    predictions = run.test_predictions
    return run.key.num_classes, None if predictions is None else predictions.labels
