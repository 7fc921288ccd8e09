"""A controller that kills itself at its n-th write, for every n until its study ends: nothing is lost."""

import random
import signal

import pytest
from conftest import ABLATION, RUNGS, SMALL
from controllers import ForkServer


@pytest.mark.parametrize(
    ("settings", "sample"),
    [(SMALL, 4), (ABLATION, 4), (RUNGS, 4)],
    ids=["search", "ablation", "rungs"],
)
def test_killed_at_any_write_a_study_ends_as_if_nothing_had_been(
    make_case, server: ForkServer, chance: random.Random, settings, sample: int, long: bool
) -> None:
    counted = make_case(settings)
    controller = server.start(counted.folder, settings, die_at=0)
    of_weights = [int(number) for number in controller.until("weights").split()[1:]]
    writes = int(controller.until("writes").split()[1])
    assert controller.status() == 0
    counted.check(report=long)
    every = range(1, writes + 1)
    # The last write of any weights puts them in their place; their record is put after it.
    some = {*chance.sample(every, sample), of_weights[-1], of_weights[-1] + 1}
    for number in every if long else sorted(some):
        case = make_case(settings)
        assert server.start(case.folder, settings, die_at=number).status() == -signal.SIGKILL
        case.tally.kills += 1
        case.tally.boundaries += 1
        case.note()
        assert server.start(case.folder, settings, die_at=0).status() == 0
        case.check()
