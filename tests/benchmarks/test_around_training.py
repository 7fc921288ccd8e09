"""What is not training: starting, counting, costing, drawing, opening, and the controller's part of a run."""

import subprocess
import sys
import time

import numpy as np
import pytest
from interleaved import note
from small_studies import conduct, make_study

from vggsearch.arch import Task
from vggsearch.space import Choice, Constraint, SearchSpace
from vggsearch.store import Store
from vggsearch.study.results import read_results
from vggsearch.testing.fake import FakeExecutor

FREE = {
    "num_blocks": (2, 3, 4, 5),
    "convs_per_block": Choice((1, 2, 3, 4), per_block=True),
    "ratio": Choice((1, 2, 4, 8, 16), per_block=True),
    "kernel_size": Choice((1, 3, 5, 7), per_block=True),
    "task": Task((3, 32, 32)),
}
"""3.3e9 candidates."""

HUGE = FREE | {
    "num_blocks": (5, 6),
    "channels": (64, 128, 256, 512, 512, 512),
    "task": Task((3, 64, 64)),
    "batch_norm": (False, True),
    "head": SearchSpace(num_blocks=(1,)).head,
}
"""5.3e11 candidates; twice that with a second head."""


def timed(work, rounds: int) -> list[float]:
    found = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return found


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.mark.parametrize(
    ("name", "command", "goal"),
    [
        ("python alone", python("pass"), ""),
        ("import vggsearch", python("import vggsearch"), "without torch"),
        ("vggsearch --help", [sys.executable, "-m", "vggsearch.cli", "--help"], "without torch"),
    ],
)
def test_starting(benchmark, name, command, goal):
    def work():
        subprocess.run(command, check=True, capture_output=True)

    work()
    times = benchmark.pedantic(lambda: timed(work, 15), rounds=1)
    note(benchmark, f"{name}: seconds", times, goal)


def test_counting(benchmark):
    from vggsearch.arch import Head

    def unconstrained():
        space = SearchSpace(**HUGE | {"head": (Head(), Head((512,)))})
        assert space.count >= 10**12

    times = benchmark.pedantic(lambda: timed(unconstrained, 7), rounds=1)
    note(benchmark, "exact count of 1e12 members: seconds", times, "< 0.1")

    def constrained():
        limits = (Constraint("macs", None, 20_000_000),)
        assert SearchSpace(**HUGE | {"head": (Head(), Head((512,)))}, constraints=limits).count > 0

    note(benchmark, "the same with one constraint: seconds", timed(constrained, 2), "< 0.1")


def test_costing_and_drawing(benchmark):
    space = SearchSpace(**FREE, constraints=(Constraint("macs", None, 20_000_000),))
    indices = np.random.default_rng(0).integers(space.size, size=400_000)
    costed = benchmark.pedantic(lambda: timed(lambda: space.costs(indices), 5), rounds=1)
    note(benchmark, "candidates costed a second", [len(indices) / s for s in costed], ">= 200 000")
    rng = np.random.default_rng(1)
    space.sample(rng, 1)
    drawn = timed(lambda: space.sample(rng, 10_000), 5)
    note(benchmark, "feasible members drawn a second", [10_000 / s for s in drawn], ">= 10 000")


def test_the_controller(benchmark, tmp_path):
    """Ask, record and tell, with runs that take no time; the random sampler, one slot."""
    settings = {"finalists": None, "baseline": False, "sampler": "random"}
    wide = {"channels": [64, 128, 256, 512], "num_blocks": [4], "convs_per_block": {"per_block": [1, 2, 3]}}
    wide |= {"ratio": {"per_block": [4, 8, 16]}, "kernel_size": {"per_block": [3, 5]}}
    made = 0

    def grow(to: int) -> float:
        """Seconds a run, of those that take the study to so many."""
        nonlocal made
        study = make_study(trials=to, space=wide, **settings)
        begun = time.perf_counter()
        conduct(study, tmp_path, FakeExecutor())
        restored = time.perf_counter()
        conduct(study, tmp_path, FakeExecutor())  # nothing to do: what starting alone takes
        start_s = time.perf_counter() - restored
        took = (restored - begun - start_s) / (to - made)
        made = to
        return took

    grow(50)
    for past in (100, 1000, 10_000):
        if made < past:
            grow(past)
        per_run = [1000 * grow(made + 100) for _ in range(3)]
        note(benchmark, f"controller's milliseconds a run after {past} runs", per_run, "flat")
    benchmark.pedantic(lambda: None, rounds=1)
    opened = timed(
        lambda: read_results(
            Store.open(tmp_path, create=True), make_study(trials=made, space=wide, **settings)
        ),
        3,
    )
    note(benchmark, f"a store of {made} runs, all read: seconds", opened, "<= 3")
