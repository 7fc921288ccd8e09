"""Predictions for the tested runs of studies that never were."""

from dataclasses import replace

import numpy as np

from vggsearch.runs import Predictions, RunRecord, pack_bits, unpack_bits
from vggsearch.study import StudyResults


def answered(run: RunRecord, labels: np.ndarray, seed: int) -> RunRecord:
    """The run with predictions of these images; as many are right as its correctness or accuracy says.

    Class 0 is the hardest one, and mostly taken for class 1.
    """
    rng, k = np.random.default_rng(seed), run.key.num_classes
    correct = np.zeros(len(labels), dtype=bool)
    if run.test_correct is not None:
        correct = unpack_bits(run.test_correct, len(labels))
    else:
        ease = rng.random(len(labels)) + (labels > 0)
        correct[np.argsort(-ease)[: round(run.test_accuracy * len(labels))]] = True
    other = np.where(rng.random(len(labels)) < 0.6, labels + 1, labels + rng.integers(1, k, len(labels))) % k
    predicted = np.where(correct, labels, other)
    found = Predictions.of(labels, predicted, rng.uniform(0.3, 1, len(labels)), k)
    changes = {"test_correct": pack_bits(correct), "test_accuracy": float(correct.mean())}
    return RunRecord.model_validate(run.model_copy(update=changes | {"test_predictions": found}).model_dump())


def with_predictions(results: StudyResults, labels: np.ndarray, *, but: int = 0) -> StudyResults:
    """The results with predictions in all tested runs but the first `but`."""
    runs, left = dict(results.runs), but
    for i, (digest, run) in enumerate(results.runs.items()):
        if run.test_accuracy is None:
            continue
        if left:
            left -= 1
        else:
            runs[digest] = answered(run, labels, i)
    return replace(results, runs=runs)


def with_classes(results: StudyResults, number: int) -> StudyResults:
    """The same study on data of another number of classes."""
    changed = {
        digest: run.model_copy(update={"key": run.key.model_copy(update={"num_classes": number})})
        for digest, run in results.runs.items()
    }
    trials = tuple(
        trial if trial.run is None else trial.model_copy(update={"run": changed[trial.run].key.digest})
        for trial in results.trials
    )
    return replace(results, trials=trials, runs={run.key.digest: run for run in changed.values()})
