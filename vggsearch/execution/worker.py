"""The worker process: receive a run's key from the pipe, train it, send back its record.

Messages are JSON in both directions; nothing is pickled. A worker opens no store. It writes checkpoints, and
the weights of runs that have ended, into the folder given for them, and nothing else. It ends when its pipe
closes or its controller dies. It ignores SIGINT, so that Ctrl-C reaches only the controller.
"""

import importlib
import math
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable
from multiprocessing import connection
from pathlib import Path
from typing import Annotated, Literal, Protocol, cast

from pydantic import Field, TypeAdapter

from vggsearch.errors import DataError, WeightsError
from vggsearch.execution.contract import DeviceKind, KeepWeights, keeps_weights
from vggsearch.memory import out_of_memory
from vggsearch.runs import MAX_RECORD_BYTES, CurvePoint, DataKey, Digest, Outcome, RunKey, RunRecord
from vggsearch.schema import Frozen
from vggsearch.store import handed_over, weights_path
from vggsearch.system import PipeEnd, pin_to_core

Report = Callable[[CurvePoint], bool]
"""Takes a point of the learning curve; False asks the trainer to end the run as `pruned`."""


class WorkerSetup(Frozen):
    """Settings that a worker gets once, when it starts."""

    trainer: str
    """`module:function` of a `TrainerFactory`, importable in the worker."""
    device: DeviceKind
    index: int
    """Number of the worker, from 0. Worker i uses GPU i modulo the number of GPUs."""
    data_dir: Path | None
    core: int | None
    """The processor that the worker is pinned to; None if it is not pinned."""
    checkpoints: Path | None = None
    """Parent of the runs' checkpoint folders, each named by the run's digest; None for no checkpoints."""
    keep_weights: KeepWeights = "none"
    """Of which runs the weights are handed over, in the folder of their checkpoints."""
    initial_weights: Path | None = None
    """Folder of the weights files that runs begin with; None where all runs draw their own."""


class Trainer(Protocol):
    """Makes one run within `deadline_s` seconds. An exception becomes the run's record."""

    def __call__(self, key: RunKey, report: Report, deadline_s: float) -> RunRecord:
        """Make the run `key`, calling `report` at every point of its curve."""


TrainerFactory = Callable[[WorkerSetup], Trainer]
"""Called once in each worker, before its first run."""


class Train(Frozen):
    """Message to a worker: make this run."""

    kind: Literal["train"] = "train"
    key: RunKey
    deadline_s: float | None


class Cancel(Frozen):
    """Message to a worker: end this run at its next report, with this outcome."""

    kind: Literal["cancel"] = "cancel"
    digest: Digest
    outcome: Outcome
    reason: str


class Point(Frozen):
    """Message from a worker: its run reached a point of its learning curve."""

    kind: Literal["point"] = "point"
    digest: Digest
    point: CurvePoint


class Record(Frozen):
    """Message from a worker: its run ended."""

    kind: Literal["record"] = "record"
    record: RunRecord


Message = Annotated[Train | Cancel | Point | Record, Field(discriminator="kind")]
_MESSAGES: TypeAdapter[Train | Cancel | Point | Record] = TypeAdapter(Message)


def send(pipe: PipeEnd, message: Train | Cancel | Point | Record) -> None:
    """Send a message. Raises OSError if the other end is closed."""
    pipe.send_bytes(message.model_dump_json().encode())


def receive(pipe: PipeEnd) -> Train | Cancel | Point | Record:
    """Wait for a message.

    Raises EOFError or OSError if the other end is closed or announces more bytes than a record may have, and
    pydantic's ValidationError, a ValueError, if the bytes are no valid message.
    """
    return _MESSAGES.validate_json(pipe.recv_bytes(MAX_RECORD_BYTES))


def main(pipe: PipeEnd, setup_json: str) -> None:
    """Run a worker process: make runs until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _exit_with_parent()
    setup = WorkerSetup.model_validate_json(setup_json)
    if setup.core is not None:
        pin_to_core(setup.core)
    trainer: Trainer | None = None
    try:
        while True:
            message = receive(pipe)
            if isinstance(message, Train):
                trainer, record = _make_run(trainer, setup, message, pipe)
                send(pipe, Record(record=record))
    except (EOFError, OSError):
        return


def _make_run(
    trainer: Trainer | None, setup: WorkerSetup, request: Train, pipe: PipeEnd
) -> tuple[Trainer | None, RunRecord]:
    """Make one run, and the trainer before the first one. An exception of either becomes the run's record."""
    cancelled: list[Cancel] = []

    def report(point: CurvePoint) -> bool:
        try:
            send(pipe, Point(digest=request.key.digest, point=point))
            while pipe.poll():
                message = receive(pipe)
                if isinstance(message, Cancel) and message.digest == request.key.digest:
                    cancelled.append(message)
        except (EOFError, OSError) as error:
            raise SystemExit from error  # the controller is gone
        return not cancelled

    try:
        trainer = trainer or make_trainer(setup)
        record = trainer(request.key, report, math.inf if request.deadline_s is None else request.deadline_s)
    except Exception as error:  # noqa: BLE001 - any exception of a candidate is its outcome
        return trainer, failure_record(request.key, error)
    if cancelled and record.outcome is Outcome.PRUNED:
        update = {"outcome": cancelled[0].outcome, "reason": cancelled[0].reason}
        record = record.model_copy(update=update)
    return trainer, record


def make_trainer(setup: WorkerSetup) -> Trainer:
    """Make the trainer that `setup` names. Raises ImportError or AttributeError if it does not exist."""
    module, _, name = setup.trainer.partition(":")
    return cast(TrainerFactory, getattr(importlib.import_module(module), name))(setup)


def failure_record(key: RunKey, error: Exception) -> RunRecord:
    """Return the record of a run whose trainer raised `error`."""
    return RunRecord(key=key, outcome=_outcome(error), reason=describe_error(error))


def describe_error(error: BaseException) -> str:
    """Describe an exception in one line: its type, the first line of its text, and where it was raised."""
    text = str(error).strip().splitlines()
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}{': ' + text[0][:1000] if text else ''}{where}"


def _outcome(error: Exception) -> Outcome:
    return Outcome.OUT_OF_MEMORY if out_of_memory(error) else Outcome.CRASHED


def _exit_with_parent() -> None:
    """End this process as soon as its controller ends, even during a long evaluation."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_when_ready, args=(parent.sentinel,), daemon=True).start()


def _exit_when_ready(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


def local_trainer(setup: WorkerSetup) -> Trainer:
    """Make the trainer that trains networks. The data is loaded once and stays on the worker's device."""
    import torch

    from vggsearch.data import Images, SearchData, load_search_data, load_test_images
    from vggsearch.training import Checkpoints, Weights, memory_policy, read_weights, train

    if setup.device == "cuda":
        device = torch.device("cuda", setup.index % max(1, torch.cuda.device_count()))
        torch.cuda.set_device(device)
        torch.backends.cudnn.benchmark = True  # a run's shapes never change
    else:
        device = torch.device("cpu")
        torch.set_num_threads(1)
    loaded: dict[DataKey, SearchData] = {}

    def load(key: DataKey) -> SearchData:
        if key not in loaded:
            loaded.clear()
            data = load_search_data(
                key.name, data_dir=setup.data_dir, val_fraction=key.val_fraction, split_seed=key.split_seed
            )
            if (data.key.digest, data.key.split_digest) != (key.digest, key.split_digest):
                raise DataError(
                    f"the data set of a study must not change, and {key.name} did: restore it, or "
                    "start another study with the new data"
                )
            loaded[key] = data.to(device)
        return loaded[key]

    def initial(digest: Digest) -> Weights:
        if setup.initial_weights is None:
            raise WeightsError(
                "runs that begin with weights need the store's: make them with `vggsearch train`"
            )
        weights = read_weights(weights_path(setup.initial_weights, digest))
        if weights.digest != digest:
            raise WeightsError(f"the weights {digest[:12]} are damaged: bring their file back")
        return weights

    def run(key: RunKey, report: Report, deadline_s: float) -> RunRecord:
        data, begun_with, kept = load(key.data), key.initial_weights, setup.checkpoints

        def test_images() -> Images:
            return load_test_images(key.data.name, data_dir=setup.data_dir).to(device)

        with memory_policy(key, data, device):
            return train(
                key,
                data,
                device,
                test_images=test_images if key.evaluate_on == "test" else None,
                report=report,
                deadline_s=deadline_s,
                checkpoints=Checkpoints(kept / key.digest) if kept else None,
                weights=(
                    handed_over(kept, key.digest) if kept and keeps_weights(setup.keep_weights, key) else None
                ),
                initial=None if begun_with is None else initial(begun_with).tensors,
            )

    return run
