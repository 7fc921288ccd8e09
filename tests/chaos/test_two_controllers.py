"""Two controllers on one store at the same moment: one works, the other says so."""

import random
import signal

import pytest
from conftest import ABLATION, SMALL, Make
from controllers import ForkServer


@pytest.mark.parametrize(
    "settings", [ABLATION, pytest.param(SMALL, marks=pytest.mark.long_form)], ids=["ablation", "search"]
)
def test_of_two_controllers_one_works(
    make_case: Make, server: ForkServer, settings, chance: random.Random, long: bool
) -> None:
    for _ in range(20 if long else 1):
        case = make_case(settings)
        pair = [server.start(case.folder, settings, script="sleep=0.01") for _ in range(2)]
        killed = chance.choice([None, *pair])
        if killed is not None:
            killed.kill(signal.SIGKILL)
            case.tally.kills += 1
        ends = [controller.status() for controller in pair]
        assert set(ends) <= ({0, 2} if killed is None else {0, 2, -signal.SIGKILL})
        assert len(set(ends)) == 2
        for controller, status in zip(pair, ends, strict=True):
            told = [line for line in controller.lines if line.startswith("error")]
            assert len(told) == (status == 2)
            assert all("one controller writes at a time, and " in line for line in told)
            assert "Traceback" not in "".join(controller.lines)
        case.note()
        assert server.start(case.folder, settings, script="sleep=0.01").status() == 0
        case.check()
