"""Workers that die, hang, take all memory, or say what nobody understands: the study goes on without them."""

import signal
import time

import psutil
import pytest
from conftest import SEARCH, Make
from controllers import ForkServer

from vggsearch.runs.record import Outcome
from vggsearch.store import Store
from vggsearch.study import StudyResults
from vggsearch.study.results import read_results

ALONE: dict[str, object] = {**SEARCH, "finalists": None}
"""Nothing in it depends on how a run ends."""

FAULTY = {"trainer": "faults:faulty_trainer", "preload": ("faults",)}


LONG = pytest.mark.long_form


@pytest.mark.parametrize(
    "fault",
    [
        "huge",
        *(
            pytest.param(fault, marks=LONG)
            for fault in ("json", "exit", "abort", "kill", "closed", "text", "empty", "bytes", "half")
        ),
    ],
)
def test_a_worker_that_fails_once_changes_nothing(make_case: Make, server: ForkServer, fault: str) -> None:
    case = make_case(SEARCH)
    controller = server.start(case.folder, SEARCH, script=f"fault={fault},times=1", **FAULTY)
    assert "crashed and is tried again: the worker process" in controller.until("Notice")
    assert controller.status() == 0
    case.note()
    assert server.start(case.folder, SEARCH).status() == 0
    case.check()
    assert len(case.begun()) == len(set(case.begun())) + 1


@pytest.mark.parametrize(
    ("fault", "outcome", "reason", "attempts"),
    [
        ("kill", Outcome.CRASHED, "killed by SIGKILL, as the kernel does when memory runs out", 2),
        pytest.param("text", Outcome.CRASHED, "so it was killed", 2, marks=LONG),
        pytest.param("hang", Outcome.TIMED_OUT, "so its worker was killed", 1, marks=LONG),
        pytest.param("memory", Outcome.OUT_OF_MEMORY, "MemoryError", 1, marks=LONG),
    ],
)
def test_a_worker_that_fails_always_costs_one_run_and_no_other(
    make_case: Make, server: ForkServer, fault: str, outcome: Outcome, reason: str, attempts: int
) -> None:
    case = make_case(ALONE)
    script, deadline_s = f"fault={fault},times=9", 5 if fault == "hang" else None
    controller = server.start(case.folder, ALONE, script=script, deadline_s=deadline_s, **FAULTY)
    assert controller.status() == 0
    results = read_results(Store.open(case.folder, create=True), case.whole.study)
    failed = case.begun()[2]
    assert (results.runs[failed].outcome, case.begun().count(failed)) == (outcome, attempts)
    assert reason in results.runs[failed].reason
    assert others(results, failed) == others(case.whole.results, failed)
    made = case.begun()
    assert server.start(case.folder, ALONE).status() == 0  # and it is not tried for ever
    assert case.begun() == made
    server.settle()


def others(results: StudyResults, failed: str) -> list[tuple[object, ...]]:
    """What was answered of other runs."""
    return [
        (trial.stage, trial.number, trial.architecture, trial.outcome)
        for trial in results.trials
        if trial.run != failed
    ]


def test_workers_killed_at_random_moments_change_nothing(
    make_case: Make, server: ForkServer, chance, long: bool
) -> None:
    for _ in range(20 if long else 1):
        case = make_case(SEARCH)
        controller = server.start(case.folder, SEARCH, script="sleep=0.1", slots=2)
        for _ in range(chance.randrange(1, 4)):
            controller.until("TrialFinished")
        time.sleep(chance.uniform(0, 0.05))
        # One alone: a run whose worker is killed twice has crashed for good, as is tested above.
        chance.choice(workers(controller.pid)).send_signal(signal.SIGKILL)
        case.tally.kills += 1
        assert controller.status() == 0
        case.note()
        assert server.start(case.folder, SEARCH).status() == 0
        case.check(slots=2)


def workers(controller: int) -> list[psutil.Process]:
    """Its workers: what was forked by what it has started."""
    return [
        process
        for helper in psutil.Process(controller).children()
        for process in helper.children()
        if process.is_running()
    ]
