"""The process that the controllers of these tests are forked from, so that each starts quickly.

A request is a line of JSON and the writing end of a pipe; see `ForkServer`. A controller prints its
events into that pipe. It leads a process group of its own. Processes that it leaves behind become children of
this process, so that a test can see whether any is left.
"""

import array
import ctypes
import importlib
import json
import os
import random
import select
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

from artificial_weights import run_with_weights
from boundaries import Boundaries
from small_studies import conduct, make_ablation, make_study

from vggsearch.cli import main
from vggsearch.errors import VggSearchError
from vggsearch.execution.contract import Executor
from vggsearch.execution.local import LocalExecutor
from vggsearch.recipe import Recipe
from vggsearch.runs.record import RunKey, RunRecord
from vggsearch.testing.fake import FakeExecutor

PR_SET_CHILD_SUBREAPER = 36
NOBODY = 65534


class PrintingObserver:
    """Prints each event as a line."""

    def notify(self, event: object) -> None:
        print(type(event).__name__, getattr(event, "text", ""), flush=True)


def chosen(settings: dict) -> dict:
    """Return settings of `make_study` from JSON, in which "..." stands for removing a setting."""
    return {key: ... if value == "..." else value for key, value in settings.items()}


def executor(request: dict) -> Executor:
    """Make an executor: with a script, of workers that follow it; without, in this process."""
    log = Path(request["log"])

    def logged(key: RunKey, report: object, deadline_s: float) -> RunRecord:
        del report, deadline_s
        with log.open("a") as file:
            file.write(key.digest + "\n")
        return run_with_weights(Path(request["folder"]) / "checkpoints", key)

    if request["script"] is None:
        return FakeExecutor(trainer=logged)
    deadline_s = request["deadline_s"]
    return LocalExecutor(
        request["slots"],
        "cpu",
        log.parent,
        pin=False,
        trainer=request["trainer"] or "artificial_weights:scripted",
        preload=request["preload"],
        checkpoints=Path(request["folder"]) / "checkpoints",
        deadline_s=lambda _: deadline_s,
        deadline_grace_s=0.2,
    )


def run_controller(request: dict) -> int:
    """Run a controller and return its exit status."""
    if request["nobody"]:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    if request["command"]:
        return main(request["command"])
    if request["train"]:
        return train(request["train"], request["die_at"])
    jumps = random.Random(request["jumps"])
    boundaries = None if request["die_at"] is None else Boundaries(request["die_at"])
    make = make_ablation if request["study"].get("kind") == "ablation" else make_study
    script = "" if request["script"] is None else f"log={Path(request['log']).name},{request['script']}"
    try:
        with executor(request) as made:
            conduct(
                make(**chosen(request["study"])),
                Path(request["folder"]),
                made,
                observer=PrintingObserver(),
                script=script,
                clock=lambda: time.time() + (jumps.uniform(-1e4, 1e4) if request["jumps"] else 0.0),
            )
    except VggSearchError as error:
        print("error", error, flush=True)
        return 2
    if boundaries is not None:
        print("weights", *boundaries.of_weights, flush=True)
        print("writes", boundaries.count, flush=True)
    return 0


def train(request: dict, die_at: int | None) -> int:
    """Make one training; print the step it continued from and a digest of its result."""
    from training import EveryStep, key, outcome_of

    boundaries = None if die_at is None else Boundaries(die_at)
    kept = EveryStep(Path(request["folder"]), steps=request["every"], die_after=request["die_after"])
    recipe = Recipe.model_validate(request["recipe"])
    print(*outcome_of(key(request["architecture"], recipe, request["steps"]), kept), flush=True)
    if boundaries is not None:
        print("writes", boundaries.count, flush=True)
    return 0


def fork_controller(request: dict, pipe: int) -> int:
    """Fork a controller and return its process id."""
    controller = os.fork()
    if controller == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        os.dup2(pipe, 1)
        os.dup2(pipe, 2)
        status = 1
        try:
            status = run_controller(request)
        except BaseException:  # noqa: BLE001 - the test sees the traceback
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(status)
    os.write(pipe, f"pid {controller}\n".encode())
    return controller


def serve(requests: socket.socket) -> None:
    """Serve requests until there are no more; reap processes that ended, and report exit statuses."""
    pipes: dict[int, int] = {}
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    while True:
        ready = select.select([requests, woken], [], [])[0]
        if woken in ready:
            woken.recv(4096)
            reap(pipes)
        if requests in ready:
            text, rights, _, _ = requests.recvmsg(65536, socket.CMSG_SPACE(4))
            if not text:
                return
            handles = array.array("i")
            handles.frombytes(rights[0][2])
            pipes[fork_controller(json.loads(text), handles[0])] = handles[0]


def reap(pipes: dict[int, int]) -> None:
    """Reap every child that has ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid in pipes:
            pipe = pipes.pop(pid)
            os.write(pipe, f"exit {os.waitstatus_to_exitcode(status)}\n".encode())
            os.close(pipe)


def warm_up() -> None:
    """Make a study of each kind, so that all modules are imported before the first controller is forked."""
    with TemporaryDirectory() as folder:
        conduct(make_study(trials=1), Path(folder))
        conduct(make_ablation(seeds=2), Path(folder))


if __name__ == "__main__":
    warm_up()
    for module in sys.argv[2:]:
        importlib.import_module(module)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        serve(requests)
