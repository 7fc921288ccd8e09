"""The process that controllers of these tests are forked from, so that each starts in a moment.

An order is a line of JSON and the writing end of a pipe; see `Nursery`. A controller tells its events into
that pipe. It leads a process group of its own. Whatever processes it leaves behind become children of this
one, so that a test can see whether any is left.
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

from boundaries import Boundaries
from small_studies import conduct, make_ablation, make_study

from vggsearch.cli import main
from vggsearch.errors import VggSearchError
from vggsearch.execution.contract import Executor
from vggsearch.execution.local import LocalExecutor
from vggsearch.recipe import Recipe
from vggsearch.runs.record import RunKey, RunRecord
from vggsearch.testing.fake import SCRIPTED_TRAINER, FakeExecutor, artificial_record

PR_SET_CHILD_SUBREAPER = 36
NOBODY = 65534


class Teller:
    """Prints what happens, a line each."""

    def notify(self, event: object) -> None:
        print(type(event).__name__, getattr(event, "text", ""), flush=True)


def chosen(settings: dict) -> dict:
    """Settings of `make_study`, from JSON: "..." takes one away."""
    return {key: ... if value == "..." else value for key, value in settings.items()}


def executor(order: dict) -> Executor:
    """Made in this process without a script; with one, in workers that follow it."""
    log = Path(order["log"])

    def logged(key: RunKey, report: object, deadline_s: float) -> RunRecord:
        del report, deadline_s
        with log.open("a") as file:
            file.write(key.digest + "\n")
        return artificial_record(key)

    if order["script"] is None:
        return FakeExecutor(trainer=logged)
    deadline_s = order["deadline_s"]
    return LocalExecutor(
        order["slots"],
        "cpu",
        log.parent,
        pin=False,
        trainer=order["trainer"] or SCRIPTED_TRAINER,
        preload=order["preload"],
        checkpoints=Path(order["folder"]) / "checkpoints",
        deadline_s=lambda _: deadline_s,
        deadline_grace_s=0.2,
    )


def live(order: dict) -> int:
    """A controller's life; its exit status."""
    if order["nobody"]:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    if order["command"]:
        return main(order["command"])
    if order["train"]:
        return train(order["train"], order["die_at"])
    jumps = random.Random(order["jumps"])
    boundaries = None if order["die_at"] is None else Boundaries(order["die_at"])
    make = make_ablation if order["study"].get("kind") == "ablation" else make_study
    script = "" if order["script"] is None else f"log={Path(order['log']).name},{order['script']}"
    try:
        with executor(order) as made:
            conduct(
                make(**chosen(order["study"])),
                Path(order["folder"]),
                made,
                observer=Teller(),
                script=script,
                clock=lambda: time.time() + (jumps.uniform(-1e4, 1e4) if order["jumps"] else 0.0),
            )
    except VggSearchError as error:
        print("error", error, flush=True)
        return 2
    if boundaries is not None:
        print("writes", boundaries.count, flush=True)
    return 0


def train(order: dict, die_at: int | None) -> int:
    """One training, alone; says after which step it went on, and a digest of all that is left of it."""
    from training import EveryStep, key, outcome_of

    boundaries = None if die_at is None else Boundaries(die_at)
    kept = EveryStep(Path(order["folder"]), steps=order["every"], die_after=order["die_after"])
    recipe = Recipe.model_validate(order["recipe"])
    print(*outcome_of(key(order["architecture"], recipe, order["steps"]), kept), flush=True)
    if boundaries is not None:
        print("writes", boundaries.count, flush=True)
    return 0


def bear(order: dict, pipe: int) -> int:
    """Fork a controller; returns its process id."""
    controller = os.fork()
    if controller == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        os.dup2(pipe, 1)
        os.dup2(pipe, 2)
        status = 1
        try:
            status = live(order)
        except BaseException:  # noqa: BLE001 - a bug, whatever it is: its test sees the traceback
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(status)
    os.write(pipe, f"pid {controller}\n".encode())
    return controller


def tend(orders: socket.socket) -> None:
    """Take orders until there are no more; bury the dead, and say how controllers ended."""
    pipes: dict[int, int] = {}
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    while True:
        ready = select.select([orders, woken], [], [])[0]
        if woken in ready:
            woken.recv(4096)
            bury(pipes)
        if orders in ready:
            text, rights, _, _ = orders.recvmsg(65536, socket.CMSG_SPACE(4))
            if not text:
                return
            handles = array.array("i")
            handles.frombytes(rights[0][2])
            pipes[bear(json.loads(text), handles[0])] = handles[0]


def bury(pipes: dict[int, int]) -> None:
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
    """Make a study of each kind, so that everything is imported before the first controller is forked."""
    with TemporaryDirectory() as folder:
        conduct(make_study(trials=1), Path(folder))
        conduct(make_ablation(seeds=2), Path(folder))


if __name__ == "__main__":
    warm_up()
    for module in sys.argv[2:]:
        importlib.import_module(module)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        tend(orders)
