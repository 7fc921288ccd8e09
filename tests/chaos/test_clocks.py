"""A clock that is put forward and back by hours, between every two moments that anything asks for."""

import itertools
import random
import signal
from pathlib import Path

import pytest
from conftest import ABLATION, SMALL, Make
from controllers import ForkServer
from small_studies import answers, conduct, make_study

from vggsearch.study.control.events import Event, TrialFinished
from vggsearch.study.control.stopping import Stopping
from vggsearch.testing.fake import FakeExecutor

LEARNING: dict[str, object] = {
    "sampler": "nsga2",
    "trials": 14,
    "objectives": ["val_accuracy", "macs"],
    "finalists": {"count": 1, "seeds": 1},
    "baseline": False,
    "space": {
        "channels": [16, 32, 64],
        "num_blocks": [1, 2, 3],
        "convs_per_block": [1, 2],
        "ratio": [1, 2],
        "kernel_size": {"per_block": [3, 5]},
        "constraints": {"macs": {"max": 1.2e7}},
    },
}
"""Its sampler has its turn four times, and what it suggests depends on what was told before."""


@pytest.mark.parametrize("settings", [LEARNING, ABLATION, SMALL], ids=["learning", "ablation", "search"])
def test_a_clock_that_jumps_changes_nothing(
    make_case: Make, server: ForkServer, chance: random.Random, settings, long: bool
) -> None:
    for _ in range(10 if long else 1):
        case = make_case(settings)
        for _ in range(3):
            number, seed = chance.randrange(1, 400), chance.randrange(1, 2**31)
            controller = server.start(case.folder, settings, die_at=number, jumps=seed)
            case.tally.kills += controller.status() == -signal.SIGKILL
            case.note()
        assert server.start(case.folder, settings, jumps=7).status() == 0
        # Optuna's database has a clock of its own: where a kill left a trial there alone, ranks may differ.
        case.check(retold=True)


@pytest.mark.parametrize("answered", [11, 13])
def test_where_a_clock_runs_backwards_a_study_goes_on_as_it_would_have(tmp_path: Path, answered: int) -> None:
    study = make_study(**LEARNING)
    seconds = itertools.count()
    stopping = Stopping(None)
    told = itertools.count(1)

    class Observer:
        def notify(self, event: Event) -> None:
            if isinstance(event, TrialFinished) and next(told) == answered:
                stopping.stop()

    def clock() -> float:
        return 1e9 - next(seconds)

    conduct(study, tmp_path, FakeExecutor(), observer=Observer(), stopping=stopping, clock=clock)
    results = conduct(study, tmp_path, FakeExecutor(), clock=clock)
    assert answers(results) == answers(conduct(study, tmp_path / "undisturbed", FakeExecutor()))
    searched = [trial for trial in results.trials if trial.stage == "search"]
    moments = [moment for trial in searched for moment in (trial.asked_at, trial.told_at)]
    assert moments == sorted(set(moments))
