"""Who makes the runs: the contract of an executor, and the one that uses this machine's processes."""

import math
import time
from collections.abc import Callable, Sequence
from multiprocessing import connection
from pathlib import Path
from typing import Literal

from vggsearch.errors import VggSearchError
from vggsearch.execution.contract import (
    CANCEL_GRACE_S,
    DEADLINE_GRACE_S,
    Event,
    Executor,
    Finished,
    Progress,
    default_deadline_s,
)
from vggsearch.execution.process import Assignment, WorkerProcess, cores, start_fork_server
from vggsearch.execution.worker import Cancel, Message, Point, Record, WorkerSetup, send
from vggsearch.runs import Digest, Outcome, RunKey

LOCAL_TRAINER = "vggsearch.execution.worker:local_trainer"
PRELOAD = ("torch", "vggsearch.data.load", "vggsearch.data.batches", "vggsearch.training.loop")
"""Imported once, by the process that workers are forked from: they start in 0.1 s instead of 3 s."""


STARTS_S = (0.0, 0.1, 1.0)
"""Seconds before each try to start a worker: the process that workers are forked from may just be dying."""


class LocalExecutor(Executor):
    """Runs in processes of this machine: isolated, with torch loaded already, and restarted after a crash.

    Args:
        workers: Number of processes, which is the number of runs at once.
        device: On a CPU each process uses one thread and is pinned to a core of its own, physical cores
            first, unless there are more workers than cores; on CUDA worker i uses GPU i modulo the number of
            GPUs.
        data_dir: Where data sets are looked for first.
        pin: False leaves the processes unpinned, for a machine that runs several studies at once.
        trainer: `module:function` of the `vggsearch.execution.worker.TrainerFactory`.
        preload: Modules that workers find already imported.
        checkpoints: Folder for the checkpoints of interrupted runs; None for no checkpoints.
        deadline_s: Wall-clock seconds after which a run is given up; None for no limit.
        cancel_grace_s, deadline_grace_s: Seconds before a worker that does not end its run is killed.
    """

    def __init__(
        self,
        workers: int,
        device: Literal["cpu", "cuda"],
        data_dir: Path | None = None,
        *,
        pin: bool = True,
        trainer: str = LOCAL_TRAINER,
        preload: Sequence[str] = PRELOAD,
        checkpoints: Path | None = None,
        deadline_s: Callable[[RunKey], float | None] = default_deadline_s,
        cancel_grace_s: float = CANCEL_GRACE_S,
        deadline_grace_s: float = DEADLINE_GRACE_S,
    ) -> None:
        if not 1 <= workers <= 1024:
            raise VggSearchError(f"workers are 1 to 1024, not {workers}: use one per core or GPU")
        self.slots = workers
        self._deadline_s = deadline_s
        self._cancel_grace_s = cancel_grace_s
        self._deadline_grace_s = deadline_grace_s
        own = cores() if pin and device == "cpu" else []
        self._setups = [
            WorkerSetup(
                trainer=trainer,
                device=device,
                index=index,
                data_dir=data_dir,
                core=own[index] if workers <= len(own) else None,
                checkpoints=checkpoints,
            )
            for index in range(workers)
        ]
        self._workers: list[WorkerProcess | None] = [None] * workers
        self._preload = preload
        start_fork_server(preload)

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers that were started."""
        return [worker.pid for worker in self._workers if worker is not None]

    def submit(self, key: RunKey) -> None:
        """See `Executor.submit`. Starts the process where it does not run yet."""
        if any(key.digest == assignment.key.digest for _, assignment in self._busy()):
            raise ValueError(f"run {key.digest[:12]} is already going")
        free = [i for i, worker in enumerate(self._workers) if worker is None or worker.assignment is None]
        if not free:
            raise ValueError(f"all {self.slots} slots are taken")
        for pause_s in STARTS_S:
            time.sleep(pause_s)
            limit_s, now_s = self._deadline_s(key), time.monotonic()
            due_s = math.inf if limit_s is None else now_s + limit_s + self._deadline_grace_s
            try:
                self._worker(free[0]).order(Assignment(key, now_s, limit_s, due_s))
            except (OSError, EOFError):  # it died since it was last used, or what workers are forked from
                self._discard(free[0])
            else:
                return
        raise VggSearchError("a worker process ends as soon as it starts: run `vggsearch doctor` to see why")

    def wait(self, timeout_s: float | None = None) -> list[Event]:
        """See `Executor.wait`."""
        until_s = math.inf if timeout_s is None else time.monotonic() + timeout_s
        events: list[Event] = []
        while busy := self._busy():
            next_s = min(until_s, *(assignment.due_s for _, assignment in busy))
            pause_s = max(0.0, next_s - time.monotonic())
            connection.wait(
                [handle for worker, _ in busy for handle in (worker.pipe, worker.sentinel)],
                None if pause_s == math.inf else pause_s,
            )
            for worker, assignment in busy:
                events += self._look(worker, assignment)
            if events or time.monotonic() >= until_s:
                break
        return events

    def cancel(self, digest: Digest, outcome: Outcome, reason: str) -> None:
        """See `Executor.cancel`."""
        for worker, assignment in self._busy():
            if assignment.key.digest == digest and assignment.cancel is None:
                assignment.cancel = Cancel(digest=digest, outcome=outcome, reason=reason)
                assignment.due_s = min(assignment.due_s, time.monotonic() + self._cancel_grace_s)
                try:
                    send(worker.pipe, assignment.cancel)
                except OSError:
                    return  # it has just died: `wait` finds out

    def close(self) -> None:
        """See `Executor.close`."""
        for slot in range(self.slots):
            self._discard(slot)

    def _worker(self, slot: int) -> WorkerProcess:
        worker = self._workers[slot]
        if worker is None or not worker.alive:
            start_fork_server(self._preload)  # a signal to the whole group may have ended it
            worker = self._workers[slot] = WorkerProcess(self._setups[slot])
        return worker

    def _busy(self) -> list[tuple[WorkerProcess, Assignment]]:
        return [(worker, worker.assignment) for worker in self._workers if worker and worker.assignment]

    def _look(self, worker: WorkerProcess, assignment: Assignment) -> list[Event]:
        """What one busy worker has said or suffered."""
        gone = not worker.alive  # before its messages are read, so that its last one is not missed
        events = [event for message in worker.messages() if (event := _event(message, assignment))]
        gone |= worker.unheard
        if not any(isinstance(event, Finished) for event in events):
            if gone:
                events.append(Finished(assignment.record(Outcome.CRASHED, worker.last_words())))
            elif time.monotonic() >= assignment.due_s:
                events.append(Finished(assignment.given_up()))
                gone = True
        if any(isinstance(event, Finished) for event in events):
            worker.assignment = None
        if gone:
            self._discard(self._workers.index(worker))
        return events

    def _discard(self, slot: int) -> None:
        worker, self._workers[slot] = self._workers[slot], None
        if worker is not None:
            worker.kill()


def _event(message: Message, assignment: Assignment) -> Event | None:
    if isinstance(message, Point) and message.digest == assignment.key.digest:
        assignment.points.append(message.point)
        return Progress(message.digest, message.point)
    if isinstance(message, Record) and message.record.key.digest == assignment.key.digest:
        return Finished(message.record)
    return None
