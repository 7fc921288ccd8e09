"""Runs on the nodes of a Ray cluster: `pip install 'vggsearch[ray]'`, then as `docs/cluster.md` says."""

import contextlib
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from vggsearch.data import Part, find, named
from vggsearch.errors import DataError, VggSearchError
from vggsearch.execution.contract import (
    CANCEL_GRACE_S,
    DEADLINE_GRACE_S,
    Event,
    Executor,
    Finished,
    Progress,
    default_deadline_s,
)
from vggsearch.execution.local import LOCAL_TRAINER, PRELOAD
from vggsearch.execution.process import Assignment
from vggsearch.execution.worker import Cancel, Point, Train
from vggsearch.runs import DataKey, Digest, Outcome, RunKey

# Ray shows on the terminal what nodes suffer; that it should not, it reads once, when it is imported.
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")

try:
    import ray
    from ray import exceptions
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as error:
    raise VggSearchError(
        "runs on a cluster need Ray, which is not installed: pip install 'vggsearch[ray]'"
    ) from error

from vggsearch.execution.ray.cluster import check_share, connect, lost, no_room, room
from vggsearch.execution.ray.shared_folder import mark, unmark
from vggsearch.execution.ray.task import TOLD, Begun, Board, BoardHandle, TaskSetup, make_run

REMOTE_GRACE_S = 60.0
"""How much longer than a run's own guard the controller waits: a node may be slow, or cut off."""

REFRESH_S = 5.0
"""How often the cluster is asked for its size."""

PROCESS_LOST = exceptions.WorkerCrashedError, exceptions.NodeDiedError, exceptions.LocalRayletDiedError
"""What Ray says where the process that it gave a run to is no more, alone or with its node."""

MAX_PLACES = 3
"""How many places a run is given, where Ray's process there ends before the run has begun."""


@dataclass
class _Going:
    assignment: Assignment
    stream: "ray.ObjectRefGenerator[str]"
    ticket: int
    node: str | None = None
    """Where it runs; None while it waits for a place."""
    places: int = 1
    """How many it has been given."""


class RayExecutor(Executor):
    """One Ray task a run, never retried by Ray: the study decides what is made again.

    Runs wait in Ray's queue where the cluster has no room for them. A worker or node that is lost costs the
    runs that had begun on it, whose records say so. A run that Ray gave to a process that was just ending, as
    after another was ended by force, had not begun, and is given another place. A Ray that this process is
    already connected to is used, and is left connected.

    Args:
        address: Of a running cluster as `ray.init` takes it (`auto`, `HOST:6379`); None starts a Ray of this
            machine, which ends with the executor.
        device: What runs are made on: one thread on a CPU, one GPU or a share of it.
        slots: How many runs may be going at once. By default as many as the nodes have room for, which
            grows while nodes join and does not shrink when they leave.
        data_dir: Where data sets are looked for first; on the nodes too, for `folder:PATH` and own trainers.
        cpus_per_run, gpus_per_run: What a run takes of its node; a GPU by default where `device` is `cuda`.
            Four runs share a GPU with 0.25.
        checkpoints: As for `LocalExecutor`, of one owner at a time. Nodes use it only where it is this very
            folder, on a shared file system, and make their runs without checkpoints elsewhere.
        trainer, preload, deadline_s, cancel_grace_s, deadline_grace_s: See `LocalExecutor`.

    Raises VggSearchError where no cluster answers or has room for a run, and for impossible shares.
    """

    def __init__(
        self,
        address: str | None,
        device: Literal["cpu", "cuda"],
        slots: int | None = None,
        data_dir: Path | None = None,
        *,
        cpus_per_run: float = 1,
        gpus_per_run: float | None = None,
        trainer: str = LOCAL_TRAINER,
        preload: Sequence[str] = PRELOAD,
        checkpoints: Path | None = None,
        deadline_s: Callable[[RunKey], float | None] = default_deadline_s,
        cancel_grace_s: float = CANCEL_GRACE_S,
        deadline_grace_s: float = DEADLINE_GRACE_S,
    ) -> None:
        gpus = (1.0 if device == "cuda" else 0.0) if gpus_per_run is None else gpus_per_run
        check_share(device, slots, cpus_per_run, gpus)
        self._owned = connect(address)
        self._share = cpus_per_run, gpus
        self._deadline_s = deadline_s
        self._grace_s = cancel_grace_s + REMOTE_GRACE_S, deadline_grace_s + REMOTE_GRACE_S
        self._data_dir = data_dir
        self._going: dict[Digest, _Going] = {}
        self._files: dict[tuple[str, Part], dict[str, ray.ObjectRef[bytes]]] = {}
        self._tickets = 0
        self._setup = TaskSetup(
            trainer=trainer,
            preload=tuple(preload),
            device=device,
            data_dir=data_dir,
            checkpoints=checkpoints,
            mark=None,
            cancel_grace_s=cancel_grace_s,
            deadline_grace_s=deadline_grace_s,
        )
        # max_calls=0 keeps Ray's process for further runs, also of a GPU: it does not touch the GPU itself.
        self._task = ray.remote(
            num_cpus=cpus_per_run, num_gpus=gpus, max_retries=0, max_calls=0, num_returns="streaming"
        )(make_run)
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        actor = ray.remote(Board).options(num_cpus=0, scheduling_strategy=here).remote()
        self._board = cast(BoardHandle, actor)
        self._fixed = slots is not None
        self._refreshed_s = -math.inf
        self.slots = slots or 0
        self._refresh()
        if self.slots < 1:
            self.close()
            raise VggSearchError(no_room(address, cpus_per_run, gpus))

    def submit(self, key: RunKey) -> None:
        """See `Executor.submit`."""
        if key.digest in self._going:
            raise ValueError(f"run {key.digest[:12]} is already going")
        if len(self._going) >= self.slots:
            raise ValueError(f"all {self.slots} slots are taken")
        if self._setup.checkpoints is not None and self._setup.mark is None:
            # Not before: by now its owner holds the lock of what it is part of.
            self._setup = self._setup.model_copy(update={"mark": mark(self._setup.checkpoints)})
        # The deadline counts from when it has a place.
        assignment = Assignment(key, time.monotonic(), self._deadline_s(key), math.inf)
        self._tickets += 1
        stream = self._stream(assignment, self._tickets)
        self._going[key.digest] = _Going(assignment, stream, self._tickets)

    def wait(self, timeout_s: float | None = None) -> list[Event]:
        """See `Executor.wait`."""
        until_s = math.inf if timeout_s is None else time.monotonic() + timeout_s
        events: list[Event] = []
        while self._going:
            self._refresh()
            going = list(self._going.values())
            next_s = min(until_s, *(each.assignment.due_s for each in going))
            pause_s = min(REFRESH_S, max(0.0, next_s - time.monotonic()))
            streams = [each.stream for each in going]
            ready, _ = ray.wait(streams, timeout=pause_s)
            if ready:  # and what else is: `ray.wait` returns no more than it was asked for
                ready, _ = ray.wait(streams, num_returns=len(streams), timeout=0)
            told = set(ready)
            for each in going:
                events += self._look(each, told=each.stream in told)
            if events or time.monotonic() >= until_s:
                break
        return events

    def cancel(self, digest: Digest, outcome: Outcome, reason: str) -> None:
        """See `Executor.cancel`. A run that has no place yet ends at once."""
        going = self._going.get(digest)
        if going is None or going.assignment.cancel is not None:
            return
        cancel = going.assignment.cancel = Cancel(digest=digest, outcome=outcome, reason=reason)
        self._board.post.remote(going.ticket, cancel.model_dump_json())
        patience_s = 0.0 if going.node is None else self._grace_s[0]
        going.assignment.due_s = min(going.assignment.due_s, time.monotonic() + patience_s)

    def close(self) -> None:
        """See `Executor.close`."""
        if not ray.is_initialized():
            return
        with contextlib.suppress(exceptions.RayError):
            for going in self._going.values():
                ray.cancel(going.stream, force=True)
            ray.kill(cast("ray.actor.ActorHandle[Board]", self._board))
        self._going.clear()
        self._files.clear()
        if self._setup.checkpoints is not None and self._setup.mark is not None:
            unmark(self._setup.checkpoints, self._setup.mark)
        if self._owned:
            ray.shutdown()

    def _stream(self, assignment: Assignment, ticket: int) -> "ray.ObjectRefGenerator[str]":
        """The messages of a run that Ray is told to make."""
        key = assignment.key
        return self._task.options(name=f"run {key.digest[:12]}").remote(
            self._setup.model_dump_json(),
            Train(key=key, deadline_s=assignment.deadline_s).model_dump_json(),
            ticket,
            self._board,
            self._data_files(key),
        )

    def _look(self, going: _Going, *, told: bool) -> list[Event]:
        """What one run has said or suffered."""
        events = self._read(going) if told else []
        if not any(isinstance(event, Finished) for event in events):
            if time.monotonic() < going.assignment.due_s:
                return events
            ray.cancel(going.stream, force=True)
            events.append(Finished(going.assignment.given_up()))
        del self._going[going.assignment.key.digest]
        return events

    def _read(self, going: _Going) -> list[Event]:
        """The messages of a run that has some."""
        events: list[Event] = []
        while True:
            try:
                message = TOLD.validate_json(ray.get(next(going.stream)))
            except (exceptions.RayError, StopIteration) as error:
                if going.node is None and going.places < MAX_PLACES and isinstance(error, PROCESS_LOST):
                    going.places += 1
                    going.stream = self._stream(going.assignment, going.ticket)
                    return events
                reason = lost(error, going.node)
                return [*events, Finished(going.assignment.record(Outcome.CRASHED, reason))]
            if isinstance(message, Begun):
                self._begin(going, message.node)
            elif isinstance(message, Point):
                going.assignment.points.append(message.point)
                events.append(Progress(message.digest, message.point))
            else:
                return [*events, Finished(message.record)]
            if not going.stream.next_ready():
                return events

    def _begin(self, going: _Going, node: str) -> None:
        going.node = node
        assignment = going.assignment
        assignment.started_s = time.monotonic()
        if assignment.deadline_s is not None and assignment.cancel is None:
            assignment.due_s = assignment.started_s + assignment.deadline_s + self._grace_s[1]

    def _refresh(self) -> None:
        if not self._fixed and time.monotonic() - self._refreshed_s >= REFRESH_S:
            self._refreshed_s = time.monotonic()
            self.slots = max(self.slots, room(*self._share))

    def _data_files(self, key: RunKey) -> "dict[str, ray.ObjectRef[bytes]]":
        """The files of a named data set that a run needs, in the cluster's object store."""
        parts: tuple[Part, ...] = ("train", "test") if key.evaluate_on == "test" else ("train",)
        return {name: content for part in parts for name, content in self._part_files(key.data, part).items()}

    def _part_files(self, data: DataKey, part: Part) -> "dict[str, ray.ObjectRef[bytes]]":
        if (data.name, part) not in self._files:
            try:
                paths = find(named(data.name), part, self._data_dir)
            except DataError:  # `folder:PATH`, or known to the trainer alone
                paths = None
            self._files[data.name, part] = {path.name: ray.put(path.read_bytes()) for path in paths or ()}
        return self._files[data.name, part]
