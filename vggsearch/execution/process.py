"""One worker process, as seen by its controller: start it, exchange messages, notice its end, kill it."""

import contextlib
import os
import signal
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType

from pydantic import ValidationError

from vggsearch import system
from vggsearch.execution import worker
from vggsearch.execution.assignment import Assignment
from vggsearch.execution.worker import Message, Train, WorkerSetup

_RUN_ALONE = "run the architecture alone with `vggsearch train` to see why"

KILL_TIMEOUT_S = 10.0
"""How long a killed process may take to disappear."""

RECEIVE_TIMEOUT_S = 10
"""How long a worker may pause in the middle of a message."""


def start_fork_server(preload: Sequence[str]) -> None:
    """Start the process that workers are forked from, which first imports the worker's module and `preload`.

    See `vggsearch.system.start_fork_server`.
    """
    system.start_fork_server([worker.__name__, *preload])


class WorkerProcess:
    """A started worker: its `process`, its end of the `pipe`, and the run it is busy with (`assignment`)."""

    def __init__(self, setup: WorkerSetup) -> None:
        context = system.process_context()
        self.pipe, worker_end = context.Pipe()
        self.process = context.Process(
            target=worker.main,
            args=(worker_end, setup.model_dump_json()),
            name=f"vggsearch-worker-{setup.index}",
            daemon=True,
        )
        with _without_program():
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


@contextlib.contextmanager
def _without_program() -> Iterator[None]:
    """Keep new processes from running the user's program again, as `multiprocessing` would have them do.

    They do it to find what `__main__` defines, and a worker needs none of it. So a script needs no
    `if __name__ == "__main__"`.
    """
    program = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = program


def _set_receive_timeout(pipe: int) -> None:
    """Make reading a message that was begun and does not continue raise OSError instead of blocking."""
    # The option belongs to the connection, not to this copy of its handle.
    with socket.socket(fileno=os.dup(pipe)) as copy:
        copy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", RECEIVE_TIMEOUT_S, 0))
