"""Runs on the nodes of a Ray cluster: `pip install 'vggsearch[ray]'`, then as `docs/cluster.md` says."""

import contextlib
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from vggsearch.data import Part, find_files, named
from vggsearch.errors import DataError, VggSearchError
from vggsearch.execution.assignment import AssigningExecutor, Assignment
from vggsearch.execution.contract import (
    CANCEL_GRACE_S,
    DEADLINE_GRACE_S,
    DeviceKind,
    Event,
    Finished,
    KeepWeights,
    default_deadline_s,
)
from vggsearch.execution.local import LOCAL_TRAINER, PRELOAD
from vggsearch.execution.worker import Cancel, Train
from vggsearch.runs import Digest, RunKey

# Ray prints the errors of nodes on the terminal, unless this is set when it is imported.
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")

try:
    import ray
    from ray import exceptions
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as error:
    raise VggSearchError(
        "runs on a cluster need Ray, which is not installed: pip install 'vggsearch[ray]'"
    ) from error

from vggsearch.execution.ray.cluster import check_share, cluster_capacity, connect, loss_reason, no_capacity
from vggsearch.execution.ray.shared_folder import create_marker, remove_marker
from vggsearch.execution.ray.task import TASK_MESSAGES, CancelRequests, Started, TaskSetup, make_run

if TYPE_CHECKING:
    from ray.actor import ActorProxy

REMOTE_GRACE_S = 60.0
"""Extra time before the controller ends a run that its node should have ended: a node may be slow."""

REFRESH_S = 5.0
"""Seconds between two questions for the capacity of the cluster."""

WORKER_LOST = exceptions.WorkerCrashedError, exceptions.NodeDiedError, exceptions.LocalRayletDiedError
"""Errors of Ray that mean that the process of a task has ended, alone or with its node."""

MAX_TASKS = 3
"""How many tasks are created for a run, if Ray's process for a task ends before the run has started."""


@dataclass(kw_only=True)
class _RayAssignment(Assignment):
    submission: int
    stream: "ray.ObjectRefGenerator[str]"
    """The messages of its task."""
    tasks: int = 1
    """How many tasks have been created for it."""
    node: str | None = None
    """The node that makes it; None before it has started."""


class RayExecutor(AssigningExecutor[_RayAssignment]):
    """Makes each run as one Ray task. Ray never retries it: the study decides which runs are repeated.

    Runs wait in Ray's queue while the cluster has no room for them. If a worker or node is lost, the runs
    that had started on it are `crashed`. Ray may give a run to a process that is just ending, for example
    after another run was killed; such a run has not started, and a new task is created for it. A Ray that
    this process is already connected to is used, and stays connected.

    Args:
        address: Address of a running cluster, as for `ray.init` (`auto`, `HOST:6379`); None starts a Ray of
            this machine, which ends with the executor.
        device: On a CPU each run uses one thread; on CUDA it uses one GPU or a share of it.
        slots: How many runs may be active at once. By default as many as the nodes have room for, which
            grows while nodes join and does not shrink when they leave.
        data_dir: Folder in which data sets are searched first; also on the nodes, for `folder:PATH` and for
            trainers of one's own.
        cpus_per_run, gpus_per_run: CPUs and GPUs that a run takes of its node. By default one CPU, and one
            GPU if `device` is `cuda`. With 0.25, four runs share a GPU.
        checkpoints: As for `LocalExecutor`; may have only one owner at a time. A node uses it only if it is
            the same folder there, on a shared file system; otherwise it makes runs without checkpoints, and
            their weights are not kept.
        keep_weights, trainer, preload, deadline_s, cancel_grace_s, deadline_grace_s: See `LocalExecutor`.

    Raises VggSearchError if no cluster answers, if none has room for a run, and for impossible shares.
    """

    def __init__(
        self,
        address: str | None,
        device: DeviceKind,
        slots: int | None = None,
        data_dir: Path | None = None,
        *,
        cpus_per_run: float = 1,
        gpus_per_run: float | None = None,
        trainer: str = LOCAL_TRAINER,
        preload: Sequence[str] = PRELOAD,
        checkpoints: Path | None = None,
        keep_weights: KeepWeights = "none",
        deadline_s: Callable[[RunKey], float | None] = default_deadline_s,
        cancel_grace_s: float = CANCEL_GRACE_S,
        deadline_grace_s: float = DEADLINE_GRACE_S,
    ) -> None:
        gpus = (1.0 if device == "cuda" else 0.0) if gpus_per_run is None else gpus_per_run
        check_share(device, slots, cpus_per_run, gpus)
        self._owned = connect(address)
        super().__init__(deadline_s, cancel_grace_s + REMOTE_GRACE_S, deadline_grace_s + REMOTE_GRACE_S)
        self._share = cpus_per_run, gpus
        self._data_dir = data_dir
        self._active: dict[Digest, _RayAssignment] = {}
        self._files: dict[tuple[str, Part], dict[str, ray.ObjectRef[bytes]]] = {}
        self._submissions = 0
        self._setup = TaskSetup(
            trainer=trainer,
            preload=tuple(preload),
            device=device,
            data_dir=data_dir,
            checkpoints=checkpoints,
            keep_weights=keep_weights,
            marker=None,
            cancel_grace_s=cancel_grace_s,
            deadline_grace_s=deadline_grace_s,
        )
        # max_calls=0 keeps Ray's process for later runs, with a GPU too: the process itself does not use it.
        self._task = ray.remote(
            num_cpus=cpus_per_run, num_gpus=gpus, max_retries=0, max_calls=0, num_returns="streaming"
        )(make_run)
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        actor = ray.remote(CancelRequests).options(num_cpus=0, scheduling_strategy=here).remote()
        self._cancel_requests: ActorProxy[CancelRequests] = actor
        self._refresh_at_s = -math.inf if slots is None else math.inf
        self.slots = slots or 0
        self._refresh_slots()
        if self.slots < 1:
            self.close()
            raise no_capacity(address, cpus_per_run, gpus)

    def submit(self, key: RunKey) -> None:
        """See `Executor.submit`."""
        self._check_submission(key, self._active)
        if self._setup.checkpoints is not None and self._setup.marker is None:
            # Not earlier: only now does the owner hold the lock of the store that the folder belongs to.
            self._setup = self._setup.model_copy(update={"marker": create_marker(self._setup.checkpoints)})
        self._submissions += 1
        deadline_s = self._deadline_s(key)
        self._active[key.digest] = _RayAssignment(
            key=key,
            started_s=time.monotonic(),
            deadline_s=deadline_s,  # counts from the start on a node
            submission=self._submissions,
            stream=self._create_task(key, deadline_s, self._submissions),
        )

    def close(self) -> None:
        """See `Executor.close`."""
        if not ray.is_initialized():
            return
        with contextlib.suppress(exceptions.RayError):
            for run in self._active.values():
                ray.cancel(run.stream, force=True)
            ray.kill(cast("ray.actor.ActorHandle[CancelRequests]", self._cancel_requests))
        self._active.clear()
        self._files.clear()
        if self._setup.checkpoints is not None and self._setup.marker is not None:
            remove_marker(self._setup.checkpoints, self._setup.marker)
        if self._owned:
            ray.shutdown()

    def _create_task(
        self, key: RunKey, deadline_s: float | None, submission: int
    ) -> "ray.ObjectRefGenerator[str]":
        """Create the Ray task of a run and return the stream of its messages."""
        return self._task.options(name=f"run {key.digest[:12]}").remote(
            self._setup.model_dump_json(),
            Train(key=key, deadline_s=deadline_s).model_dump_json(),
            submission,
            self._cancel_requests,
            self._data_files(key),
        )

    def _assignments(self) -> list[_RayAssignment]:
        return list(self._active.values())

    def _poll(self, timeout_s: float) -> list[Event]:
        self._refresh_slots()
        runs = self._assignments()
        streams = [run.stream for run in runs]
        ready, _ = ray.wait(streams, timeout=min(REFRESH_S, timeout_s))
        if ready:  # and all others that are ready: `ray.wait` returns no more than it was asked for
            ready, _ = ray.wait(streams, num_returns=len(streams), timeout=0)
        with_messages = set(ready)
        return [event for run in runs for event in self._events(run, run.stream in with_messages)]

    def _send_cancel(self, assignment: _RayAssignment, cancel: Cancel) -> None:
        self._cancel_requests.put.remote(assignment.submission, cancel.model_dump_json())
        if assignment.node is None:  # it has not started: end it at once
            assignment.kill_at_s = -math.inf

    def _events(self, run: _RayAssignment, has_messages: bool) -> list[Event]:
        """Return what happened to a run; kill it if it is overdue."""
        events = self._read(run) if has_messages else []
        if not any(isinstance(event, Finished) for event in events):
            if time.monotonic() < run.kill_at_s:
                return events
            ray.cancel(run.stream, force=True)
            events.append(run.killed())
        del self._active[run.key.digest]
        return events

    def _read(self, run: _RayAssignment) -> list[Event]:
        """Read the messages of a run that has some."""
        events: list[Event] = []
        while True:
            try:
                message = TASK_MESSAGES.validate_json(ray.get(next(run.stream)))
            except (exceptions.RayError, StopIteration) as error:
                if run.node is None and run.tasks < MAX_TASKS and isinstance(error, WORKER_LOST):
                    run.tasks += 1
                    run.stream = self._create_task(run.key, run.deadline_s, run.submission)
                    return events
                return [*events, run.failed(loss_reason(error, run.node))]
            if isinstance(message, Started):
                run.node, run.started_s = message.node, time.monotonic()
                if run.cancel is None:
                    run.kill_at_s = self._kill_at_s(run.started_s, run.deadline_s)
            elif event := run.event(message):
                events.append(event)
                if isinstance(event, Finished):
                    return events
            if not run.stream.next_ready():
                return events

    def _refresh_slots(self) -> None:
        if time.monotonic() >= self._refresh_at_s:
            self._refresh_at_s = time.monotonic() + REFRESH_S
            self.slots = max(self.slots, cluster_capacity(*self._share))

    def _data_files(self, key: RunKey) -> "dict[str, ray.ObjectRef[bytes]]":
        """Put the files of the named data set that a run needs into the cluster's object store."""
        name = key.data.name
        parts: tuple[Part, ...] = ("train", "test") if key.evaluate_on == "test" else ("train",)
        for part in parts:
            if (name, part) not in self._files:
                try:
                    paths = find_files(named(name), part, self._data_dir)
                except DataError:  # `folder:PATH`, or a name that only the trainer knows
                    paths = None
                self._files[name, part] = {path.name: ray.put(path.read_bytes()) for path in paths or ()}
        return {file: content for part in parts for file, content in self._files[name, part].items()}
