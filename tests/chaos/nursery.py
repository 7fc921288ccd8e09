"""Real controllers in processes of their own, that tests start, listen to and kill."""

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

CRADLE = Path(__file__).with_name("cradle.py")
TESTS = Path(__file__).parents[1]
"""Where `small_studies` is."""

PATIENCE_S = 120.0
"""How long a controller may say nothing."""

GONE_S = 30.0
"""How long the processes of a dead controller may take to end."""


class Controller:
    """One that was started."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._read = b""
        self.said: list[str] = []
        """Every line so far."""
        self.pid = int(self.until("pid").split()[1])

    def until(self, beginning: str) -> str:
        """The next line with that beginning."""
        for line in self._lines():
            if line.startswith(beginning):
                return line
        raise AssertionError(f"ended without {beginning}: {self.said}")

    def status(self) -> int:
        """Its exit status, once it has ended; negative where a signal ended it."""
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
                assert select.select([self._pipe], [], [], PATIENCE_S)[0], f"silent: {self.said}"
                block = os.read(self._pipe, 65536)
                if not block:
                    return
                self._read += block
            line, _, self._read = self._read.partition(b"\n")
            self.said.append(line.decode())
            yield self.said[-1]

    def __del__(self) -> None:
        os.close(self._pipe)


class Nursery:
    """Starts controllers; `cradle.py` forks them, having imported `modules`."""

    def __init__(self, *modules: str) -> None:
        self._orders, theirs = socket.socketpair()
        path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(TESTS))))
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(CRADLE), str(theirs.fileno()), *modules],
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
        preload: tuple[str, ...] = ("vggsearch.testing.fake",),
        deadline_s: float | None = None,
        die_at: int | None = None,
        jumps: int = 0,
        nobody: bool = False,
    ) -> Controller:
        """Start a controller of `study`, as `make_study` or `make_ablation` has it, in the store `folder`.

        Args:
            script: What its runs do, in workers; None makes them at once in the controller's own process.
            slots: How many runs at once, with workers.
            trainer, preload: Of the workers.
            deadline_s: Of a run.
            die_at: Kill it at that write; 0 counts them, and `writes N` is said at the end.
            jumps: Seed of a clock that jumps hours to and fro; 0 for a sound one.
            nobody: Let it have no privileges.
        """
        return self._bear(
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
        return self._bear(command=arguments, nobody=nobody)

    def train(
        self,
        folder: Path,
        training: dict[str, object],
        *,
        every: int = 1,
        die_after: int = 0,
        die_at: int | None = None,
    ) -> Controller:
        """Start a training alone, whose checkpoints lie in `folder`.

        Args:
            training: Its architecture, recipe and steps.
            every: Steps between two checkpoints.
            die_after: Kill it after that step, once its checkpoint is kept; 0 does not.
            die_at: Kill it at that write; 0 counts them, and `writes N` is said at the end.
        """
        order = {**training, "folder": str(folder), "every": every, "die_after": die_after}
        return self._bear(command=None, train=order, nobody=False, die_at=die_at)

    def settle(self) -> None:
        """Wait until no process of any controller is left; AssertionError where one stays."""
        children = psutil.Process(self._process.pid).children(recursive=True)
        _, alive = psutil.wait_procs(children, GONE_S)
        assert alive == []

    def close(self) -> None:
        """End it."""
        self._orders.close()
        self._process.wait(GONE_S)

    def _bear(self, **order: object) -> Controller:
        ours, theirs = os.pipe()
        socket.send_fds(self._orders, [json.dumps(order).encode()], [theirs])
        os.close(theirs)
        return Controller(ours)


def log_of(folder: Path) -> Path:
    """Where the digests of the runs that are begun stand: beside the store, not in it."""
    return folder.with_name(f"{folder.name}.made")
