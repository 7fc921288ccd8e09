"""Controllers in processes of their own, which tests start, read from and kill."""

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

TESTS = Path(__file__).parents[1]
"""Where `small_studies` is."""
SCRIPT = Path(__file__).with_name("fork_server.py")

PATIENCE_S = 120.0
"""How long a controller may print nothing."""

END_TIMEOUT_S = 30.0
"""How long the processes of a dead controller may take to end."""


class Controller:
    """A started controller."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._read = b""
        self.lines: list[str] = []
        """All lines that it has printed so far."""
        self.pid = int(self.until("pid").split()[1])

    def until(self, beginning: str) -> str:
        """Return the next line that starts with `beginning`."""
        for line in self._lines():
            if line.startswith(beginning):
                return line
        raise AssertionError(f"ended without {beginning}: {self.lines}")

    def status(self) -> int:
        """Wait for its end and return the exit status; negative if a signal ended it."""
        return int(self.until("exit").split()[1])

    def kill(self, number: int) -> None:
        """Send it a signal, unless it has just ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill_group(self, number: int) -> None:
        """Send a signal to it and to all its workers, as a terminal does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def _lines(self) -> Iterator[str]:
        while True:
            while b"\n" not in self._read:
                assert select.select([self._pipe], [], [], PATIENCE_S)[0], f"silent: {self.lines}"
                block = os.read(self._pipe, 65536)
                if not block:
                    return
                self._read += block
            line, _, self._read = self._read.partition(b"\n")
            self.lines.append(line.decode())
            yield self.lines[-1]

    def __del__(self) -> None:
        os.close(self._pipe)


class ForkServer:
    """Starts controllers: forks them from a process, `fork_server.py`, that has imported `modules`."""

    def __init__(self, *modules: str) -> None:
        path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(TESTS))))
        self._requests, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(SCRIPT), str(theirs.fileno()), *modules],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path},
            )

    def start(
        self,
        folder: Path,
        study: dict[str, object],
        *,
        script: str | None = None,
        slots: int = 1,
        trainer: str | None = None,
        preload: tuple[str, ...] = ("artificial_weights",),
        deadline_s: float | None = None,
        die_at: int | None = None,
        jumps: int = 0,
        nobody: bool = False,
    ) -> Controller:
        """Start a controller of `study`, as `make_study` or `make_ablation` has it, in the store `folder`.

        Args:
            script: What its runs do, in workers; None makes them in the controller's own process.
            slots: How many runs are active at once, with workers.
            trainer, preload: As for `LocalExecutor`.
            deadline_s: Deadline of each run.
            die_at: Kill it at that write; 0 counts them, and `writes N` is printed at the end.
            jumps: Seed of a clock that jumps by hours in both directions; 0 for a correct clock.
            nobody: Run it as a user without privileges.
        """
        return self._fork(
            command=None,
            train=None,
            folder=str(folder),
            log=str(log_of(folder)),
            study=study,
            script=script,
            slots=slots,
            trainer=trainer,
            preload=preload,
            deadline_s=deadline_s,
            die_at=die_at,
            jumps=jumps,
            nobody=nobody,
        )

    def command(self, *arguments: str, nobody: bool = False) -> Controller:
        """Start `vggsearch` with `arguments`."""
        return self._fork(command=arguments, nobody=nobody)

    def train(
        self,
        folder: Path,
        training: dict[str, object],
        *,
        every: int = 1,
        die_after: int = 0,
        die_at: int | None = None,
    ) -> Controller:
        """Start a single training, with its checkpoints in `folder`.

        Args:
            training: Its architecture, recipe and steps.
            every: Steps between two checkpoints.
            die_after: Kill it after that step, once its checkpoint is written; 0 for never.
            die_at: Kill it at that write; 0 counts them, and `writes N` is printed at the end.
        """
        request = {**training, "folder": str(folder), "every": every, "die_after": die_after}
        return self._fork(command=None, train=request, nobody=False, die_at=die_at)

    def settle(self) -> None:
        """Wait until no process of any controller is left; AssertionError if one stays."""
        children = psutil.Process(self._process.pid).children(recursive=True)
        _, alive = psutil.wait_procs(children, END_TIMEOUT_S)
        assert alive == []

    def close(self) -> None:
        """End the server."""
        self._requests.close()
        self._process.wait(END_TIMEOUT_S)

    def _fork(self, **request: object) -> Controller:
        ours, theirs = os.pipe()
        socket.send_fds(self._requests, [json.dumps(request).encode()], [theirs])
        os.close(theirs)
        return Controller(ours)


def log_of(folder: Path) -> Path:
    """Return the log of the digests of started runs: a file beside the store, not in it."""
    return folder.with_name(f"{folder.name}.made")
