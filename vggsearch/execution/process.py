"""One worker process as its controller sees it: start it, talk to it, learn that it died, kill it."""

import multiprocessing
import os
import signal
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing import forkserver, resource_tracker
from pathlib import Path

from pydantic import ValidationError

from vggsearch.execution import worker
from vggsearch.execution.worker import Cancel, Message, Train, WorkerSetup
from vggsearch.runs import CurvePoint, Outcome, RunKey, RunRecord

_CONTEXT = multiprocessing.get_context("forkserver")

_ALONE = "run the architecture alone with `vggsearch train` to see why"

KILL_WAIT_S = 10.0
"""How long a killed process may take to disappear."""

SILENCE_S = 10
"""How long a worker may stop in the middle of a message."""


def start_fork_server(preload: Sequence[str]) -> None:
    """Start the process that workers are forked from, which imports `preload` first; returns at once.

    There is one fork server in a Python process: later calls change nothing while it lives.
    """
    _CONTEXT.set_forkserver_preload([worker.__name__, *preload])
    # Ctrl-C reaches the whole foreground group, and would end the server while it imports. The tracker comes
    # first, because starting it unblocks SIGINT.
    resource_tracker.ensure_running()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


@dataclass
class Assignment:
    """A run that a worker is busy with."""

    key: RunKey
    started_s: float
    """By the monotonic clock."""
    deadline_s: float | None
    """Seconds after its start at which the run should end itself."""
    due_s: float
    """Moment of the monotonic clock at which the worker is killed; infinite for never."""
    points: list[CurvePoint] = field(default_factory=list)
    cancel: Cancel | None = None

    def record(self, outcome: Outcome, reason: str) -> RunRecord:
        """What is known of the run where its worker cannot say it any more."""
        last = self.points[-1] if self.points else None
        return RunRecord(
            key=self.key,
            outcome=outcome,
            reason=reason,
            curve=tuple(self.points),
            steps=last.step if last else 0,
            images=last.images if last else 0,
            train_s=last.train_s if last else 0.0,
            train_wall_s=time.monotonic() - self.started_s,
        )

    def given_up(self) -> RunRecord:
        """The record of a run whose worker is killed now, because it was cancelled or is overdue."""
        if self.cancel is not None:
            return self.record(self.cancel.outcome, self.cancel.reason)
        waited_s = time.monotonic() - self.started_s
        return self.record(
            Outcome.TIMED_OUT,
            f"no answer {waited_s:.0f} s after its start, so its worker was killed: give it a smaller "
            "budget, or run it alone with `vggsearch train`",
        )


class WorkerProcess:
    """A started worker. `assignment` is the run it is busy with."""

    def __init__(self, setup: WorkerSetup) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(
            target=worker.main,
            args=(theirs, setup.model_dump_json()),
            name=f"vggsearch-worker-{setup.index}",
            daemon=True,
        )
        self._process.start()
        theirs.close()
        _limit_silence(self.pipe.fileno())
        self.assignment: Assignment | None = None
        self.unheard = False
        """Whether nothing more can be heard from it: its pipe has ended, or what came is no message."""
        self._raves = False

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._process.pid is not None  # it was started
        return self._process.pid

    @property
    def sentinel(self) -> int:
        """Becomes ready for `multiprocessing.connection.wait` when the process has ended."""
        return self._process.sentinel

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.is_alive()

    def order(self, assignment: Assignment) -> None:
        """Begin a run; raises OSError where the process is gone."""
        worker.send(self.pipe, Train(key=assignment.key, deadline_s=assignment.deadline_s))
        self.assignment = assignment

    def messages(self) -> list[Message]:
        """Everything the process has said since, also shortly before it died; waits for no message.

        What is no message sets `unheard`, as the end of the pipe does.
        """
        found: list[Message] = []
        try:
            while not self.unheard and self.pipe.poll():
                found.append(worker.receive(self.pipe))
        except (EOFError, ConnectionError):
            self.unheard = True  # it died: the sentinel says so
        except (OSError, ValidationError):
            self.unheard = self._raves = True  # too long, broken off, or of no known form
        return found

    def kill(self) -> None:
        """End the process at once and release its pipe."""
        self._process.kill()
        self._process.join(KILL_WAIT_S)
        self.pipe.close()

    def last_words(self) -> str:
        """Why a process that ended, or is unheard, did so, in words a person can act on."""
        self._process.join(0 if self._raves else KILL_WAIT_S)
        code = self._process.exitcode
        if code is None:
            return f"the worker process could not be understood any more, so it was killed: {_ALONE}"
        if code >= 0:
            return f"the worker process ended with exit status {code}: {_ALONE}"
        name = signal.Signals(-code).name
        if name == "SIGKILL":
            return (
                "the worker process was killed by SIGKILL, as the kernel does when memory runs out: "
                "use fewer workers, or a smaller batch size"
            )
        return f"the worker process was killed by {name}: {_ALONE}"


def _limit_silence(pipe: int) -> None:
    """Let a message that was begun and does not go on end with an OSError, instead of holding its reader."""
    with socket.socket(fileno=os.dup(pipe)) as own:  # the option is the connection's, not the handle's
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", SILENCE_S, 0))


def cores() -> list[int]:
    """Processors that this process may use, one of each physical core first, so that siblings come last."""
    allowed = sorted(os.sched_getaffinity(0))
    ranks = {core: _sibling_rank(core) for core in allowed}
    return sorted(allowed, key=lambda core: (ranks[core], core))


def _sibling_rank(core: int) -> int:
    path = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
    try:
        text = path.read_text().strip()
    except OSError:
        return 0
    siblings: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first.isdigit() and (last or first).isdigit():
            siblings.extend(range(int(first), int(last or first) + 1))
    return siblings.index(core) if core in siblings else 0
