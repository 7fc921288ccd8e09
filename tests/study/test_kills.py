"""Real controllers and workers, ended by real signals at random moments: nothing is lost or made twice."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from vggsearch.study import Store, StudyResults
from vggsearch.testing.fake import FakeExecutor
from vggsearch.testing.studies import answers, conduct, make_study

# Imports once, then forks a controller for every line it reads, so that a test can afford many of them.
NURSERY = """
import os, sys
from pathlib import Path
import optuna, vggsearch.analysis.selection
from vggsearch.study.executors import LocalExecutor
from vggsearch.study.run import run_study
from vggsearch.testing.fake import SCRIPTED_TRAINER
from vggsearch.testing.studies import conduct, make_study

class Teller:
    def notify(self, event):
        print(type(event).__name__, getattr(event, "text", ""), flush=True)

for line in sys.stdin:
    folder, slots, script = line.split()
    controller = os.fork()
    if controller == 0:
        study = make_study(**eval(os.environ["STUDY"]))
        preload = ("vggsearch.testing.fake",)
        executor = LocalExecutor(
            int(slots), "cpu", Path(folder), trainer=SCRIPTED_TRAINER, preload=preload
        )
        with executor:
            conduct(study, Path(folder), executor, observer=Teller(), script=script)
        os._exit(0)
    print("controller", controller, flush=True)
    print("exit", os.waitstatus_to_exitcode(os.waitpid(controller, 0)[1]), flush=True)
"""

SETTINGS = {"sampler": "nsga2", "trials": 8, "finalists": {"count": 1, "seeds": 2}, "seed": 5}


class Nursery:
    """Starts controllers and reads what they tell."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "STUDY": repr(SETTINGS)},
        )

    def start(self, folder: Path, slots: int, script: str) -> int:
        """Start a controller; returns its process id once it asks."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{folder} {slots} {script}\n")
        self.process.stdin.flush()
        pid = int(self.until("controller").split()[1])
        self.until("StudyStarted")
        return pid

    def until(self, beginning: str) -> str:
        """The next line with that beginning."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(beginning):
                return line.strip()
        raise AssertionError(f"ended without {beginning}")


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    started = Nursery()
    yield started
    started.process.communicate(timeout=30)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    return conduct(make_study(**SETTINGS), tmp_path_factory.mktemp("undisturbed"), FakeExecutor())


def begun(folder: Path) -> list[str]:
    """Digests of the runs that were begun, in order."""
    log = folder / "made"
    return log.read_text().split() if log.exists() else []


def check_whole(folder: Path, undisturbed: StudyResults) -> None:
    store = Store.open(folder)
    results = store.results(make_study(**SETTINGS))
    assert sorted(answers(results)) == sorted(answers(undisturbed))
    assert results.notes == ()
    assert store.ledger.damaged() == []
    trials = optuna.load_study(study_name="small", storage=store.optuna_url).trials
    assert {trial.state.name for trial in trials} == {"COMPLETE"}


def test_killed_at_random_moments_it_ends_as_if_nothing_had_been(
    tmp_path: Path, nursery: Nursery, undisturbed: StudyResults
) -> None:
    moments = random.Random(0)
    for _ in range(4):
        kept = {record.key.digest for record in Store.open(tmp_path).ledger}
        before = len(begun(tmp_path))
        pid = nursery.start(tmp_path, 1, "log=made,sleep=0.02")
        if moments.random() < 0.5:
            nursery.until("TrialFinished")
        time.sleep(moments.uniform(0, 0.3))
        os.kill(pid, signal.SIGKILL)
        assert nursery.until("exit") == "exit -9"
        assert not kept & set(begun(tmp_path)[before:])
        assert kept <= {record.key.digest for record in Store.open(tmp_path).ledger}
    nursery.start(tmp_path, 1, "log=made,sleep=0")
    assert nursery.until("exit") == "exit 0"
    check_whole(tmp_path, undisturbed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_runs_finish(
    tmp_path: Path, nursery: Nursery, undisturbed: StudyResults, number: signal.Signals
) -> None:
    pid = nursery.start(tmp_path, 2, "log=made,sleep=0.3")
    nursery.until("TrialStarted")
    os.kill(pid, number)
    assert re.search(r"(1 run finishes|2 runs finish) first", nursery.until("Notice"))
    assert nursery.until("exit") == "exit 0"
    results = Store.open(tmp_path).results(make_study(**SETTINGS))
    assert {trial.run for trial in results.trials} == set(begun(tmp_path))
    nursery.start(tmp_path, 1, "log=made,sleep=0")
    nursery.until("exit")
    assert len(begun(tmp_path)) == len(set(begun(tmp_path)))
    check_whole(tmp_path, undisturbed)


def test_a_second_signal_ends_at_once(tmp_path: Path, nursery: Nursery, undisturbed: StudyResults) -> None:
    pid = nursery.start(tmp_path, 1, "hang")
    nursery.until("TrialStarted")
    os.kill(pid, signal.SIGINT)
    nursery.until("Notice")
    os.kill(pid, signal.SIGINT)
    begun_s = time.monotonic()
    assert nursery.until("exit") == "exit 0"
    assert time.monotonic() - begun_s < 5
    nursery.start(tmp_path, 1, "sleep=0")
    nursery.until("exit")
    check_whole(tmp_path, undisturbed)
