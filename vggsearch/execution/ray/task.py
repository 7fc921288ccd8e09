"""What runs on a node of a Ray cluster: one task a run, made in a process of its own as on a single machine.

A task only watches: its run is made by the worker process of a `LocalExecutor`, which stays for the runs that
Ray gives to the same process later, so that torch and the data are loaded once in each. What that executor
promises on one machine so holds on every node, and the results are the same. Messages are JSON.
"""

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Annotated, Literal, Protocol

import psutil
import ray
from pydantic import Field, TypeAdapter
from ray.exceptions import RayError

from vggsearch.data import cache_dir
from vggsearch.execution.contract import Finished
from vggsearch.execution.local import LocalExecutor
from vggsearch.execution.ray.shared_folder import is_marked
from vggsearch.execution.worker import Cancel, Point, Record, Train
from vggsearch.runs import DataKey
from vggsearch.schema import Frozen

LOOK_S = 0.5
"""How often a run asks whether it is cancelled."""


class TaskSetup(Frozen):
    """What every task of an executor is told; its fields are those of `LocalExecutor`."""

    trainer: str
    preload: tuple[str, ...]
    device: Literal["cpu", "cuda"]
    data_dir: Path | None
    checkpoints: Path | None
    """The controller's; a node uses it only where it finds `mark` in it."""
    mark: str | None
    cancel_grace_s: float
    deadline_grace_s: float

    def here(self, data_dir: Path | None) -> "TaskSetup":
        """As it holds on this node, with the data in `data_dir`: without checkpoints that are not shared."""
        shared = self.checkpoints and self.mark and is_marked(self.checkpoints, self.mark)
        checkpoints = self.checkpoints if shared else None
        return self.model_copy(update={"data_dir": data_dir, "checkpoints": checkpoints, "mark": None})


class Begun(Frozen):
    """From a task: it has a place to run."""

    kind: Literal["begun"] = "begun"
    node: str
    """The beginning of its id in the cluster, as `ray list nodes` has it."""


Told = Annotated[Begun | Point | Record, Field(discriminator="kind")]
TOLD: TypeAdapter[Begun | Point | Record] = TypeAdapter(Told)


class Board:
    """An actor beside the controller, where runs look whether they are to end."""

    def __init__(self) -> None:
        self._cancels: dict[int, str] = {}

    def post(self, ticket: int, cancel: str) -> None:
        """Ask for the end of the run with that ticket, by a `Cancel` as JSON."""
        self._cancels[ticket] = cancel

    def look(self, ticket: int) -> str | None:
        """What was posted for the run with that ticket."""
        return self._cancels.get(ticket)


class _Look(Protocol):
    def remote(self, ticket: int) -> "ray.ObjectRef[str | None]": ...


class _Post(Protocol):
    def remote(self, ticket: int, cancel: str) -> object: ...


class BoardHandle(Protocol):
    """A `Board` as other processes see it; its methods return at once."""

    @property
    def look(self) -> _Look:
        """See `Board.look`."""

    @property
    def post(self) -> _Post:
        """See `Board.post`."""


def make_run(
    setup_json: str,
    order_json: str,
    ticket: int,
    board: BoardHandle,
    files: Mapping[str, "ray.ObjectRef[bytes]"],
) -> Iterator[str]:
    """Make one run and yield what happens, as JSON: `Begun`, each `Point`, the `Record`.

    Args:
        setup_json: A `TaskSetup`.
        order_json: A `Train`.
        ticket: Of this run on `board`; another one each time that a run is submitted.
        board: Where the run's cancellation is posted.
        files: The files of its data set by their names; empty where the node is to find them itself.
    """
    yield Begun(node=ray.get_runtime_context().get_node_id()[:12]).model_dump_json()
    setup, order = TaskSetup.model_validate_json(setup_json), Train.model_validate_json(order_json)
    data_dir = keep_files(order.key.data, files) if files else setup.data_dir
    executor = _HOST.executor(setup.here(data_dir), order.deadline_s)
    inbox = _Inbox(board, ticket)
    try:
        executor.submit(order.key)
        while True:
            for event in executor.wait(LOOK_S / 2):
                if isinstance(event, Finished):
                    yield Record(record=event.record).model_dump_json()
                    return
                yield Point(digest=event.digest, point=event.point).model_dump_json()
            if cancel := inbox.look():
                executor.cancel(cancel.digest, cancel.outcome, cancel.reason)
    except BaseException:
        executor.close()  # its slot would stay taken
        raise


def keep_files(key: DataKey, files: Mapping[str, "ray.ObjectRef[bytes]"]) -> Path:
    """The folder of this node's cache with the files of a data set, which are fetched where they are absent.

    Several processes may do so at once. What is in the files is judged by who reads them, by its digest.
    """
    folder = cache_dir() / "ray" / key.digest
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        if not (folder / name).is_file():
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as file:
                file.write(ray.get(content))
            os.replace(file.name, folder / name)  # noqa: PTH105 - the name is no Path
    return folder


class _Host:
    """The executor of this process, kept from run to run."""

    def __init__(self) -> None:
        self._executor: LocalExecutor | None = None
        self._made_for: tuple[TaskSetup, tuple[object, ...]] | None = None
        self._limit_s: float | None = None

    def executor(self, setup: TaskSetup, limit_s: float | None) -> LocalExecutor:
        """An idle executor with one slot, whose next run is given up after `limit_s`."""
        self._limit_s = limit_s
        made_for = setup, tuple(ray.get_gpu_ids())
        if self._executor is None or made_for != self._made_for:
            self._renew()
            self._executor = LocalExecutor(
                1,
                setup.device,
                setup.data_dir,
                pin=False,  # which cores are free, only Ray knows
                trainer=setup.trainer,
                preload=setup.preload,
                checkpoints=setup.checkpoints,
                deadline_s=lambda _: self._limit_s,
                cancel_grace_s=setup.cancel_grace_s,
                deadline_grace_s=setup.deadline_grace_s,
            )
            self._made_for = made_for
        return self._executor

    def _renew(self) -> None:
        """End what was started before: it sees the GPUs that Ray gave to this process then."""
        if self._executor is not None:
            self._executor.close()
            _end_fork_server()
        # Else every process that multiprocessing starts would run Ray's own main module again.
        main: ModuleType = __import__("__main__")
        vars(main).pop("__file__", None)


def _end_fork_server() -> None:
    for child in psutil.Process().children():
        if any("multiprocessing.forkserver" in word for word in child.cmdline()):
            child.kill()
            # Until it is gone, but not reaped: that is for multiprocessing, which then starts another one.
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)


class _Inbox:
    """Asks the board every `LOOK_S`, without waiting for its answer."""

    def __init__(self, board: BoardHandle, ticket: int) -> None:
        self._board: BoardHandle | None = board
        self._ticket = ticket
        self._asked: ray.ObjectRef[str | None] | None = None
        self._next_s = 0.0

    def look(self) -> Cancel | None:
        """The cancellation, once it has arrived."""
        if self._asked is None and self._board is not None and time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + LOOK_S
            self._asked = self._board.look.remote(self._ticket)
        if self._asked is None or not ray.wait([self._asked], timeout=0)[0]:
            return None
        try:
            text = ray.get(self._asked)
        except RayError:  # no board: the controller ends runs by force
            self._board = text = None
        self._asked = None
        return Cancel.model_validate_json(text) if text else None


_HOST = _Host()
