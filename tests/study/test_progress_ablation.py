"""What a person sees of a running ablation: stages, pairs and time, and nothing of which arm is ahead."""

import io
from dataclasses import replace

import pytest
from rich.console import Console
from small_studies import conduct, make_ablation

from vggsearch.display.studies import PlainLog, draw, finished_line
from vggsearch.runs.record import CurvePoint, Outcome, TrialRecord
from vggsearch.study.ablation.counting import planned
from vggsearch.study.control.events import (
    StageStarted,
    StudyEnded,
    StudyStarted,
    TrialFinished,
    TrialProgress,
    TrialStarted,
)
from vggsearch.study.control.progress import Planned, Progress, complete_pairs
from vggsearch.testing.fake import artificial_record, run_key

CONTROL, LARGE = "2x8+gap", "2x8k5+gap"
PLANNED = Planned("d" * 64, 20.0, 2, frozenset(("control", "drop-in")))
CALIBRATION = StudyStarted("demo", 1, {"calibration": 0}, {"calibration": 1})
STARTED = StudyStarted("demo", 2, {"rates": 4, "pairs": 0}, {"rates": 4, "pairs": 4})


class Clock:
    """Seconds that pass when told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def answered(arm, pair, stage="pairs", **changes) -> TrialFinished:
    """A trial of `arm`, completed in 9.8 s of training, and its run."""
    text = CONTROL if arm == "control" else LARGE
    run = artificial_record(run_key(pair, architecture=text, evaluate_on="test"))
    run = run.model_copy(update={"train_s": 9.8, "val_accuracy": 0.77, "test_accuracy": 0.66, **changes})
    told = {"pairs": "pair", "rates": "repeat", "calibration": "repeat"}[stage]
    trial = TrialRecord(
        study="demo",
        stage=stage,
        number=0,
        architecture=text,
        params={"arm": arm, told: pair} | ({} if stage == "calibration" else {"lr": 0.2}),
        run=run.key.digest,
        outcome=run.outcome,
        reason=run.reason,
        asked_at=0,
        told_at=10,
    )
    return TrialFinished(trial, run, done=1, quota=4)


def started(event: TrialFinished) -> TrialStarted:
    return TrialStarted(event.trial.stage, 0, event.trial.architecture, event.trial.run, 0, 1)


def test_calibration_says_nothing_of_how_long_runs_take():
    clock, plans = Clock(), [None, PLANNED]
    progress = Progress(clock=clock, read_plan=lambda: plans.pop(0))
    progress.notify(CALIBRATION)
    assert progress.time_left_s() is None
    measured = replace(answered("control", 1, "calibration"), quota=1)
    progress.notify(started(measured))
    clock.now += 1000
    progress.notify(measured)
    progress.notify(StudyEnded("finished", 0))
    progress.notify(STARTED)
    assert progress.why == "", "another controller has begun"
    assert progress.quota == {"calibration": 1, "rates": 4, "pairs": 4}
    assert progress.time_left_s() == pytest.approx(4 * 20 / 2)


def test_time_left_is_by_what_runs_took_once_there_are_some():
    clock = Clock()
    progress = Progress(clock=clock, read_plan=lambda: PLANNED)
    progress.notify(STARTED)
    first = answered("control", 1)
    progress.notify(started(first))
    clock.now += 30
    progress.notify(first)
    assert progress.time_left_s() == pytest.approx(3 * 30 / 2)


def test_pairs_are_complete_with_every_arm_and_counted_over_invocations():
    before = [answered("control", 1).trial, answered("drop-in", 2, outcome=Outcome.DIVERGED).trial]
    progress = Progress(read_plan=lambda: PLANNED, trials=before)
    assert progress.pairs_complete is None, "no plan yet"
    progress.notify(STARTED)
    assert progress.pairs_complete == 0
    progress.notify(answered("drop-in", 1))
    assert progress.pairs_complete == 1
    progress.notify(answered("control", 2))
    assert progress.pairs_complete == 1, "the other arm diverged"
    assert progress.best is None


def test_seeds_and_arms_beside_the_plan_do_not_count():
    both = [answered(arm, pair).trial for arm in ("control", "drop-in") for pair in (1, 2, 3)]
    assert complete_pairs(both, PLANNED) == 2
    assert complete_pairs([*both, answered("dropped", 1).trial], PLANNED) == 2
    rates = [answered(arm, 1, "rates").trial for arm in ("control", "drop-in")]
    assert complete_pairs(rates, PLANNED) == 0


def test_plan_of_a_display_names_arms_that_have_runs_of_their_own(tmp_path):
    """Where 5×5 kernels cost no time, `iso-time` is `drop-in`."""
    (registered,) = conduct(make_ablation(), tmp_path, train=False).plans
    found = planned(registered.plan)
    assert found.arms == {"control", "receptive-field", "drop-in"}
    assert (found.digest, found.pairs) == (registered.digest, 3)
    assert found.run_s == pytest.approx(1.0), "artificial runs take 1 s for 100 steps"


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (answered("control", 2), "control, lr 0.2, pair 2: 100 steps, 9.8 s training, 2x8+gap"),
        (answered("drop-in", 1, "rates"), "drop-in, lr 0.2, repeat 1: 100 steps, 9.8 s training, 2x8k5+gap"),
        (answered("control", 3, "calibration"), "control, repeat 3: 100 steps, 9.8 s training, 2x8+gap"),
        (
            answered("control", 1, outcome=Outcome.DIVERGED, reason="loss is not finite"),
            "control, lr 0.2, pair 1: diverged, 2x8+gap: loss is not finite",
        ),
    ],
)
def test_a_finished_run_is_one_line_without_what_it_reached(event, line):
    assert finished_line(event) == line


def test_plain_log_names_the_plan_and_counts_pairs():
    clock, file = Clock(), io.StringIO()
    progress = Progress(clock=clock, read_plan=lambda: PLANNED)
    log = PlainLog(Console(file=file, width=200), progress, stamp=lambda: "12:00:00")
    first = answered("control", 1)
    for event in (CALIBRATION, STARTED, StageStarted("pairs", 0, 4), started(first)):
        log.notify(event)
    clock.now += 10
    log.notify(first)
    log.notify(StudyEnded("interrupted", 3))
    assert file.getvalue() == (
        "12:00:00  study demo: calibration 0/1; 1 at once\n"
        "12:00:00  study demo: rates 4/4, pairs 0/4; 2 at once; plan dddddddddddd\n"
        "12:00:00  pairs 1/4: control, lr 0.2, pair 1: 100 steps, 9.8 s training, 2x8+gap; "
        "0 of 2 pairs complete; 20 s left\n"
        "12:00:00  stopped (interrupted), 3 runs left\n"
    )


def test_live_display_shows_stages_runs_pairs_and_time_and_no_accuracy():
    clock = Clock()
    progress = Progress(clock=clock, read_plan=lambda: PLANNED)
    first, second = answered("control", 1), answered("drop-in", 1)
    events = (CALIBRATION, StudyEnded("finished", 0), STARTED, StageStarted("pairs", 0, 4))
    for event in (*events, started(first), started(second)):
        progress.notify(event)
    clock.now += 10
    progress.notify(TrialProgress("pairs", 0, second.trial.run, point(0.5)))
    progress.notify(first)
    console = Console(file=io.StringIO(), width=120, record=True)
    console.print(draw(progress, [finished_line(first)]))
    text = " ".join(console.export_text().split())
    for part in (
        "calibration",
        "4/4",
        "1/4",
        "2x8k5+gap",
        "50%",
        "0 of 2 pairs complete",
        "1 completed",
        "left",
    ):
        assert part in text, text
    for part in ("best", "accuracy", "77", "66", " %"):
        assert part not in text, text


def point(fraction: float) -> CurvePoint:
    return CurvePoint(
        step=1,
        images=64,
        fraction=fraction,
        train_s=1,
        train_loss=1,
        val_accuracy=0.77,
        val_loss=1,
        val_images=10,
    )
