"""`LocalExecutor`: makes runs in worker processes of this machine."""

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from multiprocessing import connection
from pathlib import Path

from vggsearch.errors import VggSearchError
from vggsearch.execution.assignment import AssigningExecutor, Assignment
from vggsearch.execution.contract import (
    CANCEL_GRACE_S,
    DEADLINE_GRACE_S,
    DeviceKind,
    Event,
    Finished,
    KeepWeights,
    default_deadline_s,
)
from vggsearch.execution.process import WorkerProcess, start_fork_server
from vggsearch.execution.worker import Cancel, WorkerSetup, send
from vggsearch.runs import RunKey
from vggsearch.system import allowed_cores

LOCAL_TRAINER = "vggsearch.execution.worker:local_trainer"
PRELOAD = ("torch", "vggsearch.data.load", "vggsearch.data.batches", "vggsearch.training.loop")
"""Modules that the fork server imports once, so that a worker starts in 0.1 s instead of 3 s."""

START_DELAYS_S = (0.0, 0.1, 1.0)
"""Seconds to wait before each attempt to start a worker. The fork server may just be ending."""


class LocalExecutor(AssigningExecutor[Assignment]):
    """Runs in isolated processes of this machine, with torch already imported, restarted after a crash.

    Args:
        workers: Number of processes, each of which makes one run at a time.
        device: On a CPU each process uses one thread and is pinned to its own core, physical cores first,
            unless there are more workers than cores. On CUDA worker i uses GPU i modulo the number of GPUs.
        data_dir: Folder in which data sets are searched first.
        pin: False leaves the processes unpinned, for a machine that runs several studies at once.
        trainer: `module:function` of the `vggsearch.execution.worker.TrainerFactory`.
        preload: Modules that are imported before the workers start.
        checkpoints: Folder for the checkpoints of interrupted runs; None for no checkpoints.
        keep_weights: Of which runs the weights are handed over, in the folder `checkpoints`.
        initial_weights: Folder of the weights files that runs begin with.
        deadline_s: Gives the wall-clock seconds after which a run is ended; None for no limit.
        cancel_grace_s, deadline_grace_s: Seconds after a cancellation or the deadline at which a worker that
            has not ended its run is killed.
    """

    def __init__(
        self,
        workers: int,
        device: DeviceKind,
        data_dir: Path | None = None,
        *,
        pin: bool = True,
        trainer: str = LOCAL_TRAINER,
        preload: Sequence[str] = PRELOAD,
        checkpoints: Path | None = None,
        keep_weights: KeepWeights = "none",
        initial_weights: Path | None = None,
        deadline_s: Callable[[RunKey], float | None] = default_deadline_s,
        cancel_grace_s: float = CANCEL_GRACE_S,
        deadline_grace_s: float = DEADLINE_GRACE_S,
    ) -> None:
        if not 1 <= workers <= 1024:
            raise VggSearchError(f"workers must be 1 to 1024, not {workers}: use one per core or GPU")
        super().__init__(deadline_s, cancel_grace_s, deadline_grace_s)
        self.slots = workers
        pinned = allowed_cores() if pin and device == "cpu" else []
        self._setups = [
            WorkerSetup(
                trainer=trainer,
                device=device,
                index=index,
                data_dir=data_dir,
                core=pinned[index] if workers <= len(pinned) else None,
                checkpoints=checkpoints,
                keep_weights=keep_weights,
                initial_weights=initial_weights,
            )
            for index in range(workers)
        ]
        self._workers: list[WorkerProcess | None] = [None] * workers
        self._preload = preload
        start_fork_server(preload)

    @property
    def pids(self) -> list[int]:
        """Process ids of the started workers."""
        return [worker.process.pid for worker in self._workers if worker and worker.process.pid]

    def submit(self, key: RunKey) -> None:
        """See `Executor.submit`. Starts the worker process if it is not running."""
        self._check_submission(key, [assignment.key.digest for assignment in self._assignments()])
        slot = next(i for i, worker in enumerate(self._workers) if not (worker and worker.assignment))
        for delay_s in START_DELAYS_S:
            time.sleep(delay_s)
            deadline_s, now_s = self._deadline_s(key), time.monotonic()
            kill_at_s = self._kill_at_s(now_s, deadline_s)
            assignment = Assignment(key=key, started_s=now_s, deadline_s=deadline_s, kill_at_s=kill_at_s)
            try:
                self._worker(slot).assign(assignment)
            except (OSError, EOFError):  # the worker or the fork server has died since its last use
                self._discard(slot)
            else:
                return
        raise VggSearchError(
            "a worker process must stay alive, and this one ends as soon as it starts: "
            "run `vggsearch doctor` to see why"
        )

    def close(self) -> None:
        """See `Executor.close`."""
        for slot in range(self.slots):
            self._discard(slot)

    def _worker(self, slot: int) -> WorkerProcess:
        worker = self._workers[slot]
        if worker is None or not worker.process.is_alive():
            start_fork_server(self._preload)  # a signal to the whole process group may have ended it
            worker = self._workers[slot] = WorkerProcess(self._setups[slot])
        return worker

    def _busy(self) -> list[tuple[WorkerProcess, Assignment]]:
        return [(worker, worker.assignment) for worker in self._workers if worker and worker.assignment]

    def _assignments(self) -> list[Assignment]:
        return [assignment for _, assignment in self._busy()]

    def _poll(self, timeout_s: float) -> list[Event]:
        busy = self._busy()
        handles = [handle for worker, _ in busy for handle in (worker.pipe, worker.process.sentinel)]
        connection.wait(handles, None if timeout_s == math.inf else timeout_s)
        return [event for worker, assignment in busy for event in self._events(worker, assignment)]

    def _send_cancel(self, assignment: Assignment, cancel: Cancel) -> None:
        for worker, theirs in self._busy():
            if theirs is assignment:
                with contextlib.suppress(OSError):  # it has just died: `wait` notices
                    send(worker.pipe, cancel)

    def _events(self, worker: WorkerProcess, assignment: Assignment) -> list[Event]:
        """Return what happened to a busy worker; replace it if it is lost, and kill it if it is overdue."""
        lost = not worker.process.is_alive()  # before its messages are read, so that none is missed
        events = [event for message in worker.messages() if (event := assignment.event(message))]
        lost |= worker.disconnected
        if not any(isinstance(event, Finished) for event in events):
            if lost:
                events.append(assignment.failed(worker.exit_reason()))
            elif time.monotonic() >= assignment.kill_at_s:
                events.append(assignment.killed())
                lost = True
        if any(isinstance(event, Finished) for event in events):
            worker.assignment = None
        if lost:
            self._discard(self._workers.index(worker))
        return events

    def _discard(self, slot: int) -> None:
        worker, self._workers[slot] = self._workers[slot], None
        if worker is not None:
            worker.kill()
