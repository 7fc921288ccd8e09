"""One worker process, as seen by its controller: start it, exchange messages, notice its end, kill it."""

import multiprocessing
import os
import signal
import socket
import struct
from collections.abc import Sequence
from multiprocessing import forkserver, resource_tracker
from pathlib import Path

from pydantic import ValidationError

from vggsearch.execution import worker
from vggsearch.execution.assignment import Assignment
from vggsearch.execution.worker import Message, Train, WorkerSetup

_CONTEXT = multiprocessing.get_context("forkserver")

_RUN_ALONE = "run the architecture alone with `vggsearch train` to see why"

KILL_TIMEOUT_S = 10.0
"""How long a killed process may take to disappear."""

RECEIVE_TIMEOUT_S = 10
"""How long a worker may pause in the middle of a message."""


def start_fork_server(preload: Sequence[str]) -> None:
    """Start the process that workers are forked from, which first imports `preload`; returns at once.

    A Python process has one fork server: later calls change nothing while it runs.
    """
    _CONTEXT.set_forkserver_preload([worker.__name__, *preload])
    # Ctrl-C reaches the whole foreground process group, and would end the server while it imports. The
    # tracker is started first, because its start unblocks SIGINT.
    resource_tracker.ensure_running()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


class WorkerProcess:
    """A started worker: its `process`, its end of the `pipe`, and the run it is busy with (`assignment`)."""

    def __init__(self, setup: WorkerSetup) -> None:
        self.pipe, worker_end = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(
            target=worker.main,
            args=(worker_end, setup.model_dump_json()),
            name=f"vggsearch-worker-{setup.index}",
            daemon=True,
        )
        self.process.start()
        worker_end.close()
        _set_receive_timeout(self.pipe.fileno())
        self.assignment: Assignment | None = None
        self.disconnected = False
        """Whether no more messages can come: the pipe is closed, or the worker broke the protocol."""
        self._broke_protocol = False

    def assign(self, assignment: Assignment) -> None:
        """Start a run. Raises OSError if the process has ended."""
        worker.send(self.pipe, Train(key=assignment.key, deadline_s=assignment.deadline_s))
        self.assignment = assignment

    def messages(self) -> list[Message]:
        """Return the messages that have arrived, without waiting; also those sent just before a crash.

        Sets `disconnected` at the end of the pipe and after anything that is no valid message.
        """
        received: list[Message] = []
        try:
            while not self.disconnected and self.pipe.poll():
                received.append(worker.receive(self.pipe))
        except (EOFError, ConnectionError):
            self.disconnected = True  # it died: the sentinel says so
        except (OSError, ValidationError):
            self.disconnected = self._broke_protocol = True  # too long, incomplete, or of no known form
        return received

    def kill(self) -> None:
        """End the process at once and close its pipe."""
        self.process.kill()
        self.process.join(KILL_TIMEOUT_S)
        self.pipe.close()

    def exit_reason(self) -> str:
        """Say why a process that ended or is disconnected did so, and what to do about it."""
        self.process.join(0 if self._broke_protocol else KILL_TIMEOUT_S)
        code = self.process.exitcode
        if code is None:
            return f"the worker process sent what is no valid message, so it was killed: {_RUN_ALONE}"
        if code >= 0:
            return f"the worker process ended with exit status {code}: {_RUN_ALONE}"
        name = signal.Signals(-code).name
        if name == "SIGKILL":
            return (
                "the worker process was killed by SIGKILL, as the kernel does when memory runs out: "
                "use fewer workers, or a smaller batch size"
            )
        return f"the worker process was killed by {name}: {_RUN_ALONE}"


def _set_receive_timeout(pipe: int) -> None:
    """Make reading a message that was begun and does not continue raise OSError instead of blocking."""
    # The option belongs to the connection, not to this copy of its handle.
    with socket.socket(fileno=os.dup(pipe)) as copy:
        copy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", RECEIVE_TIMEOUT_S, 0))


def cores() -> list[int]:
    """Processors that this process may use: first one of each physical core, then their siblings."""
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
