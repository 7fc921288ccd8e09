"""What a person sees of a running study, from made-up events and a made-up clock."""

import io

import pytest
from rich.console import Console

from vggsearch.display.studies import LiveDisplay, PlainLog, draw, finished_line
from vggsearch.runs.record import CurvePoint, Outcome, RunRecord, TrialRecord
from vggsearch.study.control.events import (
    Notice,
    Observer,
    StageStarted,
    StudyEnded,
    StudyStarted,
    TrialFinished,
    TrialProgress,
    TrialStarted,
)
from vggsearch.study.control.progress import Progress, Running
from vggsearch.testing.fake import artificial_record, run_key

SMALL, LARGE = "1x8+gap", "1x8-1x64+bn+gap"


class Clock:
    """Seconds that pass when told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def record(architecture=SMALL, accuracy=0.9, **changes):
    made = artificial_record(run_key(architecture=architecture))
    return made.model_copy(update={"val_accuracy": accuracy, "train_s": 9.8, **changes})


def trial(answer: RunRecord, number=0, stage="search", **changes):
    return TrialRecord(
        study="demo",
        stage=stage,
        number=number,
        architecture=answer.key.architecture,
        run=answer.key.digest,
        outcome=answer.outcome,
        reason=answer.reason,
        asked_at=0,
        told_at=10,
    ).model_copy(update=changes)


def begun(run: RunRecord, number=0, stage="search"):
    return TrialStarted(stage, number, run.key.architecture, run.key.digest, run.key.seed, 1)


def point(fraction, accuracy=0.5):
    return CurvePoint(
        step=1,
        images=128,
        fraction=fraction,
        train_s=1,
        train_loss=1,
        val_accuracy=accuracy,
        val_loss=1,
        val_images=10,
    )


STARTED = StudyStarted("demo", 2, {"search": 1, "baseline": 0}, {"search": 4, "baseline": 2})


def plain_log(progress):
    file = io.StringIO()
    return PlainLog(Console(file=file, width=200), progress, stamp=lambda: "12:00:00"), file


def test_time_left_is_mean_run_time_times_runs_left_over_slots():
    clock = Clock()
    progress = Progress(clock=clock)
    run = record()
    progress.notify(STARTED)
    assert progress.left == 5
    assert progress.time_left_s() is None
    progress.notify(begun(run))
    clock.now += 10
    progress.notify(TrialFinished(trial(run), run, done=2, quota=4))
    assert progress.time_left_s() == pytest.approx(4 * 10 / 2)


def test_time_left_counts_what_running_runs_have_spent():
    clock = Clock()
    progress = Progress(clock=clock, expected_run_s=20)
    progress.notify(STARTED)
    assert progress.time_left_s() == pytest.approx(5 * 20 / 2)
    progress.notify(begun(record()))
    clock.now += 5
    assert progress.time_left_s() == pytest.approx((5 - 0.25) * 20 / 2)


@pytest.mark.parametrize(
    ("at_s", "expected"),
    [(10, 0.25), (14, 0.35), (1000, 0.99)],
    ids=["at its point", "carried on at its pace", "never done before it is done"],
)
def test_fraction_of_a_running_run(at_s, expected):
    running = Running("search", 0, SMALL, started_s=0, point=point(0.25), point_s=10)
    assert running.fraction(at_s, None) == pytest.approx(expected)


def test_best_is_the_most_accurate_completed_run_before_the_finalists():
    progress = Progress(best=record(accuracy=0.5))
    progress.notify(STARTED)
    better, failed, last = (
        record(LARGE, 0.8),
        record(accuracy=0.99, outcome=Outcome.DIVERGED),
        record(accuracy=0.9),
    )
    for run, stage in ((better, "search"), (failed, "search"), (last, "finalists")):
        progress.notify(TrialFinished(trial(run, stage=stage), run, done=1, quota=4))
    assert progress.best == better
    assert progress.outcomes == {Outcome.COMPLETED: 2, Outcome.DIVERGED: 1}


def test_plain_log_has_one_line_a_run():
    clock = Clock()
    log, file = plain_log(Progress(clock=clock))
    run = record(accuracy=0.9123)
    with log:
        for event in (
            STARTED,
            StageStarted("search", 1, 4),
            begun(run),
            TrialProgress("search", 0, run.key.digest, point(0.5)),
        ):
            log.notify(event)
        clock.now += 10
        log.notify(TrialFinished(trial(run), run, done=2, quota=4))
        log.notify(Notice("one thing [to] know"))
        log.notify(StudyEnded("interrupted", 4))
    assert file.getvalue() == (
        "12:00:00  study demo: search 1/4, baseline 0/2; 2 at once\n"
        "12:00:00  search 2/4: 91.23 % val, 9.8 s training, 1x8+gap; best 91.23 %; 20 s left\n"
        "12:00:00  one thing [to] know\n"
        "12:00:00  stopped (interrupted), 4 runs left\n"
    )


@pytest.mark.parametrize(
    ("changes", "run", "line"),
    [
        ({}, record(accuracy=0.9), "90.00 % val, 9.8 s training, 1x8+gap"),
        ({"cached": True}, record(accuracy=0.9), "90.00 % val, already in the store, 1x8+gap"),
        ({}, record(test_accuracy=0.895), "90.00 % val, 89.50 % test, 9.8 s training, 1x8+gap"),
        (
            {"outcome": Outcome.DIVERGED, "reason": "loss is not finite"},
            record(),
            "diverged, 1x8+gap: loss is not finite",
        ),
        ({"outcome": Outcome.INFEASIBLE, "run": None}, None, "infeasible, 1x8+gap"),
    ],
)
def test_a_finished_run_is_one_line(changes, run, line):
    assert finished_line(TrialFinished(trial(record(), **changes), run, done=1, quota=1)) == line


def test_live_display_shows_everything_a_person_waits_for():
    clock = Clock()
    progress = Progress(clock=clock)
    finished, going = record(SMALL, 0.9123), record(LARGE)
    for event in (STARTED, StageStarted("search", 1, 4), begun(finished), begun(going, number=1)):
        progress.notify(event)
    clock.now += 10
    progress.notify(TrialProgress("search", 1, going.key.digest, point(0.4, accuracy=0.8)))
    event = TrialFinished(trial(finished), finished, done=2, quota=4)
    progress.notify(event)
    console = Console(file=io.StringIO(), width=120, record=True)
    console.print(draw(progress, [finished_line(event)]))
    text = " ".join(console.export_text().split())
    for part in (
        "demo 10 s, about 18 s left",
        "2/4",
        "0/2",
        "search 1 1x8-1x64+bn+gap",
        "40% 80.00 %",
        "best so far 91.23 % val: 1x8+gap, 56.5 k MACs, 170 parameters",
        "here: 1 completed",
    ):
        assert part in text, text


def test_live_display_prints_notices_above_itself():
    file = io.StringIO()
    with LiveDisplay(Console(file=file, width=80, force_terminal=True), Progress()) as display:
        display.notify(STARTED)
        display.notify(Notice("look [here]"))
    assert "look [here]" in file.getvalue()


def test_both_are_observers():
    observers: list[Observer] = [
        PlainLog(Console(file=io.StringIO()), Progress()),
        LiveDisplay(Console(file=io.StringIO()), Progress()),
    ]
    for observer in observers:
        observer.notify(StudyEnded("finished", 0))
