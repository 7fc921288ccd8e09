"""Real controllers and workers, ended by real signals at random moments: nothing is lost or made twice."""

import random
import re
import signal
import time

import pytest
from conftest import ABLATION, SEARCH, Make
from controllers import ForkServer

from vggsearch.store import Store
from vggsearch.study.results import read_results

SCRIPT = "sleep=0.02"


@pytest.mark.parametrize("settings", [SEARCH, ABLATION], ids=["search", "ablation"])
def test_killed_at_random_moments_it_ends_as_if_nothing_had_been(
    make_case: Make, server: ForkServer, chance: random.Random, settings, long: bool
) -> None:
    for slots in [1, 2] * 5 if long else [1]:
        case = make_case(settings)
        for _ in range(4 if long else 2):
            controller = server.start(case.folder, settings, script=SCRIPT, slots=slots)
            controller.until("StudyStarted")
            time.sleep(chance.uniform(0, 0.8))
            controller.kill(signal.SIGKILL)
            status = controller.status()
            assert status in (0, -signal.SIGKILL)  # its study may just have ended
            case.tally.kills += status != 0
            case.note()
        assert server.start(case.folder, settings, script=SCRIPT).status() == 0
        case.check(slots=slots, report=long and slots == 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_runs_finish(make_case: Make, server: ForkServer, number: signal.Signals) -> None:
    case = make_case(SEARCH)
    controller = server.start(case.folder, SEARCH, script="sleep=0.3", slots=2)
    controller.until("TrialStarted")
    controller.kill(number)
    assert re.search(r"(1 run finishes|2 runs finish) first", controller.until("Notice"))
    assert controller.status() == 0
    results = read_results(Store.open(case.folder, create=True), case.whole.study)
    assert {trial.run for trial in results.trials} == set(case.begun())
    case.note()
    assert server.start(case.folder, SEARCH).status() == 0
    assert len(case.begun()) == len(set(case.begun()))
    case.check(slots=2)


def test_a_second_signal_ends_at_once(make_case: Make, server: ForkServer) -> None:
    case = make_case(SEARCH)
    controller = server.start(case.folder, SEARCH, script="hang")
    controller.until("TrialStarted")
    controller.kill(signal.SIGINT)
    controller.until("Notice")
    begun_s = time.monotonic()
    controller.kill(signal.SIGINT)
    assert controller.status() == 0
    assert time.monotonic() - begun_s < 5
    case.note()
    assert server.start(case.folder, SEARCH).status() == 0
    case.check()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_to_all_processes_of_a_study_again_and_again(
    make_case: Make, server: ForkServer, chance: random.Random, number: signal.Signals, long: bool
) -> None:
    case = make_case(SEARCH)
    for _ in range(8 if long else 1):
        controller = server.start(case.folder, SEARCH, script=SCRIPT, slots=2)
        controller.until("TrialStarted")
        for _ in range(chance.choice([1, 2])):
            time.sleep(chance.uniform(0, 0.1))
            controller.kill_group(number)
        assert controller.status() in (0, -number), controller.lines
        case.tally.kills += 1
        case.note()
    assert server.start(case.folder, SEARCH).status() == 0
    case.check(slots=2)
