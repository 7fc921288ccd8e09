"""Executors keep their contract; the suite itself lies in `vggsearch.testing.executors`."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from vggsearch.errors import VggSearchError
from vggsearch.execution.contract import Executor, default_deadline_s
from vggsearch.execution.local import LocalExecutor
from vggsearch.execution.worker import WorkerSetup
from vggsearch.recipe import Budget
from vggsearch.runs.record import Outcome, RunKey
from vggsearch.system import allowed_cores
from vggsearch.testing.executors import ExecutorConformance, IsolationConformance, deadline_s, finish
from vggsearch.testing.fake import SCRIPTED_TRAINER, FakeExecutor, run_key, scripted_trainer

SETUP = WorkerSetup(trainer=SCRIPTED_TRAINER, device="cpu", index=0, data_dir=None, core=None)


def local(slots: int, **options: object) -> LocalExecutor:
    return LocalExecutor(
        slots,
        "cpu",
        trainer=SCRIPTED_TRAINER,
        preload=("vggsearch.testing.fake",),
        deadline_s=deadline_s,
        cancel_grace_s=1,
        deadline_grace_s=0,
        **options,
    )


class TestFakeExecutor(ExecutorConformance):
    def make(self, slots: int) -> Executor:
        return FakeExecutor(slots, scripted_trainer(SETUP))


class TestLocalExecutor(IsolationConformance):
    def make(self, slots: int) -> Executor:
        return local(slots)


def test_a_deadline_is_generous_and_grows_with_a_budget_in_seconds() -> None:
    assert default_deadline_s(run_key(budget=Budget(seconds=60))) == 720
    assert default_deadline_s(run_key(budget=Budget(epochs=10))) == 86400


@pytest.mark.parametrize("workers", [0, -1, 1025])
def test_an_impossible_number_of_workers_is_refused(workers: int) -> None:
    with pytest.raises(
        VggSearchError, match=rf"^workers must be 1 to 1024, not {workers}: use one per core or GPU$"
    ):
        LocalExecutor(workers, "cpu")


def test_workers_are_pinned_to_cores_of_their_own() -> None:
    count = min(2, len(allowed_cores()))
    with local(count) as executor:
        for seed in range(count):
            executor.submit(run_key(seed))
        finish(executor, count)
        pinned = [psutil.Process(pid).cpu_affinity() for pid in executor.pids]
        assert sorted(pinned) == [[core] for core in sorted(allowed_cores()[:count])]


def test_workers_that_share_cores_are_not_pinned() -> None:
    with local(len(allowed_cores()) + 1) as executor:
        executor.submit(run_key())
        finish(executor, 1)
        assert psutil.Process(executor.pids[0]).cpu_affinity() == sorted(allowed_cores())


def test_a_worker_serves_one_run_after_another() -> None:
    with local(1) as executor:
        seen = set()
        for seed in range(3):
            executor.submit(run_key(seed))
            finish(executor, 1)
            seen.update(executor.pids)
        assert len(seen) == 1


def test_a_worker_that_died_idle_is_replaced() -> None:
    with local(1) as executor:
        executor.submit(run_key(0))
        finish(executor, 1)
        os.kill(executor.pids[0], signal.SIGKILL)
        executor.submit(run_key(1))
        (record,) = finish(executor, 1)
        # Either the death was seen at once, or the run it cost says so; the next run is made in any case.
        assert record.outcome in (Outcome.COMPLETED, Outcome.CRASHED)
        executor.submit(run_key(2))
        assert finish(executor, 1)[0].outcome is Outcome.COMPLETED


def test_a_trainer_that_is_not_there_is_said_in_the_record() -> None:
    with LocalExecutor(1, "cpu", trainer="vggsearch.nowhere:trainer", preload=()) as executor:
        executor.submit(run_key())
        (record,) = finish(executor, 1)
        assert record.outcome is Outcome.CRASHED
        assert record.reason.startswith("ModuleNotFoundError: No module named 'vggsearch.nowhere'")


def test_ctrl_c_does_not_reach_a_worker() -> None:
    with local(1) as executor:
        executor.submit(run_key(0))
        finish(executor, 1)
        executor.submit(run_key(1, "points=4,sleep=0.05"))
        for pid in executor.pids:
            os.kill(pid, signal.SIGINT)
        assert finish(executor, 1)[0].outcome is Outcome.COMPLETED


CONTROLLER = """
import time
from vggsearch.execution.local import LocalExecutor
from vggsearch.testing.fake import SCRIPTED_TRAINER, run_key
executor = LocalExecutor(2, "cpu", trainer=SCRIPTED_TRAINER, preload=("vggsearch.testing.fake",))
executor.submit(run_key(0, "hang"))
executor.submit(run_key(1))
executor.wait()
print(*executor.pids, flush=True)
time.sleep(60)
"""


def test_workers_end_with_a_controller_that_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CONTROLLER], stdout=subprocess.PIPE, text=True
    ) as controller:
        assert controller.stdout is not None
        workers = [psutil.Process(int(pid)) for pid in controller.stdout.readline().split()]
        assert len(workers) == 2
        controller.kill()
        gone, alive = psutil.wait_procs(workers, timeout=10)
        assert (len(gone), alive) == (2, [])


def test_handing_a_run_over_costs_little(tmp_path: Path) -> None:
    with local(1, data_dir=tmp_path) as executor:
        executor.submit(run_key(0))
        finish(executor, 1)
        begun_s = time.monotonic()
        for seed in range(1, 51):
            executor.submit(run_key(seed))
            finish(executor, 1)
        assert (time.monotonic() - begun_s) / 50 < 0.1


def test_the_key_comes_back_to_the_bit() -> None:
    with local(1) as executor:
        key = run_key(2**63 - 1, budget=Budget(seconds=0.1 + 0.2), device_model="Some Processor™ @ 3.5 GHz")
        executor.submit(key)
        (record,) = finish(executor, 1)
        assert record.key == key
        assert RunKey.model_validate_json(key.model_dump_json()).digest == key.digest == record.key.digest
