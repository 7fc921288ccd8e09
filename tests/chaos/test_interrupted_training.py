"""A training killed at any step, and at any write of a checkpoint, goes on from its last: the same bits."""

import random
import signal
from pathlib import Path

import pytest
from conftest import Make
from controllers import Controller, ForkServer
from invariants import Tally
from training import CPU, images_to_test, newest, search_data, timeless

from vggsearch.store import Store
from vggsearch.training import train

PLAIN = {"lr": 0.1, "batch_size": 32}
RICH = {
    "lr": 0.1,
    "momentum": 0.9,
    "nesterov": True,
    "schedule": "linear",
    "batch_size": 32,
    "shift_px": 1,
    "flip": True,
    "label_smoothing": 0.1,
}
TRAININGS = {
    "plain": {"architecture": "1x4+gap", "recipe": PLAIN, "steps": 24},
    "norm": {"architecture": "1x4-1x4+bn+gap", "recipe": PLAIN, "steps": 24},
    "dropout": {"architecture": "1x4-1x4+fc8,8", "recipe": {**PLAIN, "momentum": 0.9}, "steps": 24},
    "all": {"architecture": "1x4-2x4k1+bn+fc8,8", "recipe": RICH, "steps": 24},
}
"""10 steps an epoch: each crosses two ends of one."""


def ended(training: Controller) -> tuple[int, str]:
    """After which step a training went on, and a digest of all that is left of it."""
    assert training.status() == 0, training.lines
    first, left = training.lines[1].split()
    return int(first), left


@pytest.mark.parametrize("name", TRAININGS)
def test_interrupted_at_any_step_it_ends_with_the_same_bits(
    tmp_path: Path, training_server: ForkServer, tally: Tally, chance: random.Random, name: str, long: bool
) -> None:
    training = TRAININGS[name]
    whole = ended(training_server.train(tmp_path / "whole", training, every=1000))
    steps = range(1, training["steps"])
    for step in steps if long else chance.sample(steps, 2):
        folder = tmp_path / str(step)
        assert training_server.train(folder, training, die_after=step).status() == -signal.SIGKILL
        assert ended(training_server.train(folder, training)) == (step, whole[1])
        tally.kills += 1
        tally.resumed += 1


def test_killed_at_any_write_of_a_checkpoint_it_ends_with_the_same_bits(
    tmp_path: Path, training_server: ForkServer, tally: Tally, chance: random.Random, long: bool
) -> None:
    training, every = TRAININGS["all"], 6
    whole = ended(training_server.train(tmp_path / "whole", training, every=1000))
    counted = training_server.train(tmp_path / "counted", training, every=every, die_at=0)
    writes = int(counted.until("writes").split()[1])
    assert writes > 4 * 8  # four checkpoints
    for number in range(1, writes + 1) if long else chance.sample(range(1, writes + 1), 3):
        folder = tmp_path / str(number)
        killed = training_server.train(folder, training, every=every, die_at=number)
        assert killed.status() == -signal.SIGKILL
        last = newest(folder)
        assert ended(training_server.train(folder, training)) == (last, whole[1])
        assert not list(folder.glob(".tmp-*"))
        tally.kills += 1
        tally.boundaries += 1


REAL: dict[str, object] = {
    "space": "...",
    "architectures": ["1x4+gap", "1x4-1x8+bn+gap"],
    "sampler": "grid",
    "trials": "...",
    "finalists": {"count": 1, "seeds": 1},
    "budget": {"steps": 40},
}


@pytest.mark.long_form
def test_a_study_killed_in_mid_run_goes_on_from_its_checkpoints(server: ForkServer, make_case: Make) -> None:
    case = make_case(REAL)
    worker = {"trainer": "training:eager_trainer", "preload": ("training",), "slots": 2}
    for _ in range(3):
        killed = server.start(case.folder, REAL, script="sleep=0.3", **worker)
        killed.until("TrialProgress")
        killed.until("TrialProgress")
        killed.kill(signal.SIGKILL)
        assert killed.status() == -signal.SIGKILL
        case.tally.kills += 1
        server.settle()  # no worker trains for nobody
        reached = {folder.name: newest(folder) for folder in (case.folder / "checkpoints").iterdir()}
        assert max(reached.values()) > 0
        begun = len(steps_of(case.begun()))
    controller = server.start(case.folder, REAL, script="sleep=0", **worker)
    assert controller.status() == 0, controller.lines
    again = dict(steps_of(case.begun())[begun:])
    assert again.keys() >= reached.keys()
    assert {digest: again[digest] for digest in reached} == reached
    for run in Store.open(case.folder, create=True).ledger:
        assert timeless(run) == timeless(train(run.key, search_data(), CPU, test_images=images_to_test))
    assert list((case.folder / "checkpoints").iterdir()) == []


def steps_of(words: list[str]) -> list[tuple[str, int]]:
    """Of each run that was begun: its digest, and after how many steps."""
    return [(digest, int(steps)) for digest, steps in zip(words[::2], words[1::2], strict=True)]
