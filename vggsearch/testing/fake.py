"""Tests without training: keys, artificial records, a trainer that follows a script, an executor in memory.

The name of the data set, which is not part of a run's identity, says what a scripted run does:
`script:sleep=0.1`, `script:points=3`, `script:raise`, and the others in `ACTIONS`, joined by commas.
"""

import os
import time
from collections import deque
from pathlib import Path
from typing import cast

import psutil

from vggsearch.arch import Architecture
from vggsearch.costs import cost
from vggsearch.execution import (
    Event,
    Executor,
    Finished,
    Progress,
    Report,
    Trainer,
    WorkerSetup,
    failure_record,
)
from vggsearch.recipe import RECIPES, Budget
from vggsearch.runs import CurvePoint, DataKey, Digest, Outcome, RunKey, RunRecord

SCRIPTED_TRAINER = "vggsearch.testing.fake:scripted_trainer"
"""For `LocalExecutor(trainer=...)`."""

ACTIONS = {
    "points": "report N points of a learning curve first",
    "sleep": "sleep N seconds before each point, or once",
    "log": "append the run's digest to a file of that name in the data folder at the start",
    "raise": "raise RuntimeError",
    "memory": "raise MemoryError",
    "exit": "end the process with status N",
    "kill": "end the process with SIGKILL",
    "garbage": "return something that is no record",
    "hang": "sleep for an hour, without reacting to cancellation",
}


def run_key(seed: int = 0, script: str = "", architecture: str = "1x8+gap", **changes: object) -> RunKey:
    """Return a key for tests; `changes` replace its fields."""
    data = DataKey(
        name=f"script:{script}", digest="0" * 64, val_fraction=0.1, split_seed=0, split_digest="1" * 64
    )
    key = RunKey(
        architecture=architecture,
        input_shape=(1, 28, 28),
        num_classes=10,
        data=data,
        recipe=RECIPES["fast"],
        budget=Budget(steps=100),
        seed=seed,
        device="cpu",
    )
    return RunKey.model_validate({**key.model_dump(), **changes})


def artificial_record(key: RunKey) -> RunRecord:
    """Make a record without training: accuracy grows with log(MACs), with a ripple from the key's digest.

    The same key always gives the same record; it holds no times of day.
    """
    found = cost(Architecture.parse(key.architecture), key.task)
    ripple = int(key.digest[:8], 16) / 2**32
    accuracy = min(0.99, 0.4 + 0.02 * found.macs.bit_length() + 0.02 * ripple)
    point = _point(1.0, accuracy)
    return RunRecord(
        key=key,
        outcome=Outcome.COMPLETED,
        val_accuracy=accuracy,
        val_loss=1 - accuracy,
        test_accuracy=accuracy - 0.01 if key.evaluate_on == "test" else None,
        test_loss=1.01 - accuracy if key.evaluate_on == "test" else None,
        curve=(point,),
        steps=point.step,
        images=point.images,
        train_s=1.0,
        latency_ms=found.macs / 1e6,
    )


def scripted_trainer(setup: WorkerSetup) -> Trainer:
    """Make a trainer that does what the name of the key's data set says and returns `artificial_record`."""

    def run(key: RunKey, report: Report, deadline_s: float) -> RunRecord:
        del deadline_s  # ignored, so that the executor's own limit is tested
        script = script_of(key)
        if "log" in script and setup.data_dir is not None:
            _append(setup.data_dir / script["log"], key.digest)
        pause_s = float(script.get("sleep", 0))
        points = int(script.get("points", 0))
        for i in range(1, points + 1):
            time.sleep(pause_s)
            if not report(_point(i / points, 0.1)):
                return RunRecord(key=key, outcome=Outcome.PRUNED, reason="stopped", steps=i)
        time.sleep(0 if points else pause_s)
        _misbehave(script)
        return cast(RunRecord, None) if "garbage" in script else artificial_record(key)

    return run


def script_of(key: RunKey) -> dict[str, str]:
    """Return the actions in the name of the key's data set, and their values."""
    _, _, text = key.data.name.partition("script:")
    parts = (part.partition("=") for part in text.split(",") if part)
    script = {name: value for name, _, value in parts}
    unknown = script.keys() - ACTIONS.keys()
    assert not unknown, f"unknown actions {unknown}"
    return script


def _misbehave(script: dict[str, str]) -> None:
    if "raise" in script:
        raise RuntimeError("scripted failure\nwith a second line")
    if "memory" in script:
        raise MemoryError("scripted")
    if "exit" in script:
        os._exit(int(script["exit"]))
    if "kill" in script:
        psutil.Process().kill()
    if "hang" in script:
        time.sleep(3600)


def _point(fraction: float, accuracy: float) -> CurvePoint:
    steps = round(100 * fraction)
    return CurvePoint(
        step=steps,
        images=128 * steps,
        fraction=fraction,
        train_s=fraction,
        train_loss=2 - accuracy,
        val_accuracy=accuracy,
        val_loss=1 - accuracy,
        val_images=1000,
    )


def _append(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(line + "\n")


class FakeExecutor(Executor):
    """Makes runs in this process: each call of `wait` makes the one that was submitted first.

    Args:
        slots: How many runs may be active at once.
        trainer: Makes a run; `artificial_record` by default. An exception becomes a `crashed` record.
    """

    def __init__(self, slots: int = 1, trainer: Trainer | None = None) -> None:
        self.slots = slots
        self.submitted: list[RunKey] = []
        """All keys submitted, in order."""
        self._trainer = trainer or (lambda key, report, deadline_s: artificial_record(key))  # noqa: ARG005
        self._active: deque[RunKey] = deque()
        self._cancelled: dict[Digest, tuple[Outcome, str]] = {}

    def submit(self, key: RunKey) -> None:
        """See `Executor.submit`."""
        self._check_submission(key, [active.digest for active in self._active])
        self.submitted.append(key)
        self._active.append(key)

    def wait(self, timeout_s: float | None = None) -> list[Event]:
        """See `Executor.wait`; never waits."""
        del timeout_s
        if not self._active:
            return []
        key = self._active.popleft()
        events: list[Event] = []

        def report(point: CurvePoint) -> bool:
            events.append(Progress(key.digest, point))
            return key.digest not in self._cancelled

        try:
            record = self._trainer(key, report, float("inf"))
        except Exception as error:  # noqa: BLE001 - as in a worker: any exception is the run's outcome
            record = failure_record(key, error)
        if key.digest in self._cancelled:
            outcome, reason = self._cancelled.pop(key.digest)
            if record.outcome is Outcome.PRUNED:
                record = record.model_copy(update={"outcome": outcome, "reason": reason})
        return [*events, Finished(record)]

    def cancel(self, digest: Digest, outcome: Outcome, reason: str) -> None:
        """See `Executor.cancel`."""
        if any(key.digest == digest for key in self._active):
            self._cancelled.setdefault(digest, (outcome, reason))

    def close(self) -> None:
        """See `Executor.close`."""
        self._active.clear()
