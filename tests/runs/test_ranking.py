"""One order of nets: by accuracy, then MACs, then parameters, then text."""

import itertools
from pathlib import Path

import pandas as pd
import pytest

from vggsearch.analysis import best, best_first, finalists
from vggsearch.runs import RunRecord, best_run, standing, trials_frame
from vggsearch.runs.record import TrialRecord
from vggsearch.study import StudyResults
from vggsearch.study.control.events import TrialFinished
from vggsearch.study.control.progress import Progress
from vggsearch.study.file.load import parse_study
from vggsearch.testing.fake import run_key

NETS = ("1x8+gap", "1x16+gap", "1x8-1x8+gap", "1x8k5+gap")
"""56 448 MACs and more, all different."""


def record(architecture: str, accuracy: float | None = 0.9, **changes: object) -> RunRecord:
    key = run_key(architecture=architecture)
    fields = {"key": key, "outcome": "completed", "val_accuracy": accuracy} | changes
    return RunRecord.model_validate(fields)


def trial(number: int, run: RunRecord, stage: str = "search") -> TrialRecord:
    return TrialRecord.model_validate(
        {
            "study": "ties",
            "stage": stage,
            "number": number,
            "architecture": run.key.architecture,
            "run": run.key.digest,
            "outcome": run.outcome,
            "asked_at": number,
            "told_at": number + 1,
        }
    )


def results(*runs: RunRecord, metric: str = "accuracy") -> StudyResults:
    text = (
        f"data: {{name: fashion-mnist}}\narchitectures: [1x8+gap, 1x16+gap]\nrecipe: fast\n"
        f"budget: {{steps: 100}}\nsampler: grid\nmetric: {metric}\n"
    )
    trials = tuple(trial(number, run) for number, run in enumerate(runs))
    return StudyResults(parse_study(text, Path("ties.yaml")), trials, {run.key.digest: run for run in runs})


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ((0.9, 9, 9, "z"), (0.8, 1, 1, "a")),
        ((0.9, 1, 9, "z"), (0.9, 2, 1, "a")),
        ((0.9, 1, 1, "z"), (0.9, 1, 2, "a")),
        ((0.9, 1, 1, "a"), (0.9, 1, 1, "b")),
    ],
)
def test_accuracy_then_macs_then_parameters_then_text(better, worse):
    assert standing(*better) < standing(*worse)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_everything_that_names_a_best_net_names_the_same_in_any_order(order):
    runs = [record(NETS[i]) for i in order]
    found = results(*runs)
    frame = trials_frame(found.trials, found.runs)
    shown = Progress()
    for number, run in enumerate(runs):
        shown.notify(TrialFinished(trial(number, run), run, done=1, quota=4))
    cheapest = "1x8+gap"
    assert best_run(runs).key.architecture == cheapest
    assert found.best().key.architecture == cheapest
    assert shown.best.key.architecture == cheapest
    assert best(frame)["architecture"] == cheapest
    for objectives in (("val_accuracy",), ("val_accuracy", "params"), ("val_accuracy", "macs")):
        assert finalists(frame, 1, objectives)["architecture"].tolist() == [cheapest]
    assert best_first(frame)["macs"].is_monotonic_increasing


def test_the_best_is_a_finalist_where_a_cheaper_equal_keeps_it_off_the_front():
    row = {"stage": "search", "outcome": "completed", "val_accuracy": 0.9}
    frame = pd.DataFrame(
        [
            row | {"architecture": "few MACs", "digest": "1", "macs": 1, "params": 2},
            row | {"architecture": "few parameters", "digest": "2", "macs": 2, "params": 1},
        ]
    )
    assert best(frame)["architecture"] == "few MACs"
    for count in (1, 2):
        chosen = finalists(frame, count, ("val_accuracy", "params"))["architecture"].tolist()
        assert chosen == ["few MACs", "few parameters"][:count]


def test_only_completed_runs_that_were_measured_can_be_best():
    diverged = record(NETS[0], 0.99, outcome="diverged")
    assert best_run([None, diverged, record(NETS[1], None)]) is None
    assert best_run([diverged, record(NETS[1], 0.1)]).key.architecture == NETS[1]


def test_by_balanced_accuracy_the_net_that_finds_rare_classes_is_best():
    lazy = record(NETS[0], 0.97, val_balanced_accuracy=0.25, val_majority=0.97)
    good = record(NETS[1], 0.95, val_balanced_accuracy=0.8, val_majority=0.97)
    assert best_run([lazy, good]) == lazy
    assert best_run([lazy, good], "val_balanced_accuracy") == good
    found = results(lazy, good, metric="balanced_accuracy")
    assert found.best() == good
    by = "val_balanced_accuracy"
    assert best(found.frame(), by)["architecture"] == NETS[1]
    assert finalists(found.frame(), 2, (by,))["architecture"].tolist() == [NETS[1], NETS[0]]
    assert best_run([record(NETS[0], 0.97)], by) is None
