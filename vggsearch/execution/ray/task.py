"""The code that runs on a node of a Ray cluster: one task per run.

A task passes its run to the worker process of a `LocalExecutor` and passes the messages on, as JSON. The
executor is kept for later runs that Ray gives to the same process, so that torch and the data are loaded once
in each. So the guarantees of that executor hold on every node, and results are the same as on one machine.
"""

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Literal

import psutil
import ray
from pydantic import Field, TypeAdapter
from ray.exceptions import RayError

from vggsearch.data import cache_dir
from vggsearch.execution.contract import DeviceKind, Finished, KeepWeights
from vggsearch.execution.local import LocalExecutor
from vggsearch.execution.ray.shared_folder import has_marker
from vggsearch.execution.worker import Cancel, Point, Record, Train
from vggsearch.runs import DataKey
from vggsearch.schema import Frozen
from vggsearch.system import wait_for_end

if TYPE_CHECKING:
    from ray.actor import ActorProxy

CANCEL_POLL_S = 0.5
"""Seconds between two questions of a task whether its run is cancelled."""


class TaskSetup(Frozen):
    """Settings of all tasks of an executor; the fields are parameters of `LocalExecutor`."""

    trainer: str
    preload: tuple[str, ...]
    device: DeviceKind
    data_dir: Path | None
    checkpoints: Path | None
    """The controller's folder. A node uses it only if it finds `marker` in it."""
    keep_weights: KeepWeights
    marker: str | None
    cancel_grace_s: float
    deadline_grace_s: float

    def on_this_node(self, data_dir: Path | None) -> "TaskSetup":
        """Return the settings for this node: the data in `data_dir`, and only checkpoints that are shared."""
        shared = self.checkpoints and self.marker and has_marker(self.checkpoints, self.marker)
        checkpoints = self.checkpoints if shared else None
        return self.model_copy(update={"data_dir": data_dir, "checkpoints": checkpoints, "marker": None})


class Started(Frozen):
    """Message from a task: its run has started on a node."""

    kind: Literal["started"] = "started"
    node: str
    """First 12 characters of the node's id in the cluster, as in `ray list nodes`."""


TaskMessage = Annotated[Started | Point | Record, Field(discriminator="kind")]
TASK_MESSAGES: TypeAdapter[Started | Point | Record] = TypeAdapter(TaskMessage)


class CancelRequests:
    """An actor beside the controller, which tasks ask whether their run is cancelled."""

    def __init__(self) -> None:
        self._requests: dict[int, str] = {}

    @ray.method(num_returns=1)
    def put(self, submission: int, cancel: str) -> None:
        """Ask for the end of the run of that submission, by a `Cancel` as JSON."""
        self._requests[submission] = cancel

    @ray.method(num_returns=1)
    def get(self, submission: int) -> str | None:
        """Return the request for the run of that submission, if there is one."""
        return self._requests.get(submission)


def make_run(
    setup_json: str,
    request_json: str,
    submission: int,
    cancel_requests: "ActorProxy[CancelRequests]",
    files: Mapping[str, "ray.ObjectRef[bytes]"],
) -> Iterator[str]:
    """Make one run and yield messages as JSON: `Started`, each `Point`, the `Record`.

    Args:
        setup_json: A `TaskSetup`.
        request_json: A `Train`.
        submission: Number of this submission, by which `cancel_requests` knows it.
        cancel_requests: Has the request to cancel this run, once there is one.
        files: The files of the run's data set by name; empty if the node has to find them.
    """
    yield Started(node=ray.get_runtime_context().get_node_id()[:12]).model_dump_json()
    setup, request = TaskSetup.model_validate_json(setup_json), Train.model_validate_json(request_json)
    data_dir = cache_files(request.key.data, files) if files else setup.data_dir
    executor = _EXECUTORS.get(setup.on_this_node(data_dir), request.deadline_s)
    cancellation = _CancelPoller(cancel_requests, submission)
    try:
        executor.submit(request.key)
        while True:
            for event in executor.wait(CANCEL_POLL_S / 2):
                if isinstance(event, Finished):
                    yield Record(record=event.record).model_dump_json()
                    return
                yield Point(digest=event.digest, point=event.point).model_dump_json()
            if cancel := cancellation.poll():
                executor.cancel(cancel.digest, cancel.outcome, cancel.reason)
    except BaseException:
        executor.close()  # else its slot would stay taken
        raise


def cache_files(key: DataKey, files: Mapping[str, "ray.ObjectRef[bytes]"]) -> Path:
    """Return the folder of this node's cache with the files of a data set; fetch those that are absent.

    Several processes may do so at once. The content is checked by its digest when it is read.
    """
    folder = cache_dir() / "ray" / key.digest
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        if not (folder / name).is_file():
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as file:
                file.write(ray.get(content))
            os.replace(file.name, folder / name)  # noqa: PTH105 - the name is a str
    return folder


class _ExecutorCache:
    """The executor of this process, kept for the next run."""

    def __init__(self) -> None:
        self._executor: LocalExecutor | None = None
        self._settings: tuple[TaskSetup, tuple[object, ...]] | None = None
        self._deadline_s: float | None = None

    def get(self, setup: TaskSetup, deadline_s: float | None) -> LocalExecutor:
        """Return an idle executor with one slot, which ends its next run after `deadline_s`."""
        self._deadline_s = deadline_s
        settings = setup, tuple(ray.get_gpu_ids())
        if self._executor is None or settings != self._settings:
            self._discard()
            # Only Ray knows which cores are free: nothing is pinned.
            options = setup.model_dump(exclude={"marker"})
            self._executor = LocalExecutor(1, pin=False, deadline_s=lambda _: self._deadline_s, **options)
            self._settings = settings
        return self._executor

    def _discard(self) -> None:
        """End the executor and its processes, which see only the GPUs that this process had then."""
        if self._executor is not None:
            self._executor.close()
            _end_fork_server()
        # Otherwise every process that multiprocessing starts would run Ray's main module again.
        main: ModuleType = __import__("__main__")
        vars(main).pop("__file__", None)


def _end_fork_server() -> None:
    for child in psutil.Process().children():
        if any("multiprocessing.forkserver" in word for word in child.cmdline()):
            child.kill()
            # Wait for its end without reaping it: multiprocessing reaps it and then starts another one.
            wait_for_end(child.pid)


class _CancelPoller:
    """Asks every `CANCEL_POLL_S` whether a run is cancelled, without waiting for the answer."""

    def __init__(self, requests: "ActorProxy[CancelRequests]", submission: int) -> None:
        self._requests: ActorProxy[CancelRequests] | None = requests
        self._submission = submission
        self._answer: ray.ObjectRef[str | None] | None = None
        self._next_s = 0.0

    def poll(self) -> Cancel | None:
        """Return the request to cancel the run, once it has arrived."""
        if self._answer is None and self._requests is not None and time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + CANCEL_POLL_S
            self._answer = self._requests.get.remote(self._submission)
        if self._answer is None or not ray.wait([self._answer], timeout=0)[0]:
            return None
        try:
            text = ray.get(self._answer)
        except RayError:  # the actor is gone: the controller kills runs itself
            self._requests = text = None
        self._answer = None
        return Cancel.model_validate_json(text) if text else None


_EXECUTORS = _ExecutorCache()
