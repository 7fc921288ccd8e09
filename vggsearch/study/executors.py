"""Who makes the runs: the contract of an executor, and the one that uses this machine's processes."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from vggsearch.errors import VggSearchError
from vggsearch.runs.record import CurvePoint, Digest, Outcome, RunKey, RunRecord
from vggsearch.study.process import Assignment, WorkerProcess, cores, start_fork_server
from vggsearch.study.worker import Cancel, Message, Point, Record, WorkerSetup, send

LOCAL_TRAINER = "vggsearch.study.worker:local_trainer"
PRELOAD = ("torch", "vggsearch.data", "vggsearch.training")
"""Imported once, by the process that workers are forked from: they start in 0.1 s instead of 3 s."""

CANCEL_GRACE_S = 60.0
"""How long a cancelled run may take to reach its next report before its worker is killed."""

STARTS_S = (0.0, 0.1, 1.0)
"""Seconds before each try to start a worker: the process that workers are forked from may just be dying."""

DEADLINE_GRACE_S = 30.0
"""How long after its deadline a run may take to end itself before its worker is killed."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A run reached a point of its learning curve."""

    digest: Digest
    point: CurvePoint


@dataclass(frozen=True, slots=True)
class Finished:
    """A run ended, one way or another."""

    record: RunRecord


Event = Progress | Finished


def default_deadline_s(key: RunKey) -> float | None:
    """Wall-clock seconds after which a run is given up: a guard against hanging, not slowness."""
    seconds = key.budget.seconds
    return 24 * 3600.0 if seconds is None else 10 * seconds + 120


class Executor(ABC):
    """Makes runs, several at once. `vggsearch.testing.executors` holds the tests that every executor passes.

    **Runs.** A submitted run is *going* until `wait` has returned its `Finished`. Every submitted run gets
    exactly one, whatever happens to whoever makes it: a worker that dies gives a record with outcome
    `crashed`, one that hangs `timed_out`, and the reason says what to do. Its key equals the submitted one.
    `Progress` of a run comes before its `Finished`, in the order of the curve. A run affects no other; after
    a crash the slot works again.

    **One owner.** All methods are called from one thread of one process. An executor opens no store and
    writes no result anywhere. When its owner dies, by whatever signal, its workers end.
    """

    slots: int
    """How many runs may be going at once, at least 1."""

    @abstractmethod
    def submit(self, key: RunKey) -> None:
        """Begin a run and return without waiting for it.

        Raises ValueError where all slots are taken or the same run is going.
        """

    @abstractmethod
    def wait(self, timeout_s: float | None = None) -> list[Event]:
        """What happened since the last call, in order.

        Waits until there is something, at most `timeout_s` seconds, or without limit where it is None. Empty
        where the time has passed, and at once where no run is going.
        """

    @abstractmethod
    def cancel(self, digest: Digest, outcome: Outcome, reason: str) -> None:
        """Ask a run to end with `outcome` and `reason`: at its next report, or by force after a while.

        The run is going until its `Finished` comes, which is the ordinary one where the run was faster. A run
        that is not going is ignored.
        """

    @abstractmethod
    def close(self) -> None:
        """End everything at once; runs that were going get no `Finished`. May be called again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class LocalExecutor(Executor):
    """Runs in processes of this machine: isolated, with torch already loaded, and started again after a
    crash.

    Args:
        workers: How many processes, which is how many runs at once.
        device: On a CPU each process uses one thread and is pinned to a core of its own, physical cores
        first,
            unless there are more workers than cores; on CUDA worker i uses GPU i modulo the number of GPUs.
        data_dir: Where data sets are looked for first.
        pin: False leaves the processes unpinned, for a machine that runs several studies at once.
        trainer: `module:function` that makes a worker's trainer (`vggsearch.study.worker.TrainerFactory`).
        preload: Modules that workers find already imported.
        checkpoints: Folder in which interrupted runs leave what the next worker goes on from; None for none.
        deadline_s: A run's wall-clock seconds before it is given up; None for no limit.
        cancel_grace_s, deadline_grace_s: Patience before a worker is killed.
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
