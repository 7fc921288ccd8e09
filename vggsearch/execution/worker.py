"""What runs inside a worker process: take a run's key from the pipe, train it, send back its record.

Messages are JSON in both directions; no object of ours is pickled. A worker opens no store: of a run that
goes on it writes checkpoints, into the folder that it was given for them, and nothing else. It lives until
its pipe closes or its controller dies, and ignores SIGINT, so that Ctrl-C reaches the controller alone.
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

from vggsearch.errors import DataError
from vggsearch.memory import out_of_memory
from vggsearch.recipe import Frozen
from vggsearch.runs import MAX_RECORD_BYTES, CurvePoint, DataKey, Digest, Outcome, RunKey, RunRecord

Report = Callable[[CurvePoint], bool]
"""Takes a point of the learning curve; False asks the trainer to end the run as `pruned`."""


class WorkerSetup(Frozen):
    """What a worker is told once, when it starts."""

    trainer: str
    """`module:function` of a `TrainerFactory`, importable in the worker."""
    device: Literal["cpu", "cuda"]
    index: int
    """Of the worker, from 0. Worker i uses GPU i modulo the number of GPUs."""
    data_dir: Path | None
    core: int | None
    """The processor that the worker is pinned to, or None."""
    checkpoints: Path | None = None
    """Where each run has a folder for its checkpoints, named by its digest; None for no checkpoints."""


class Trainer(Protocol):
    """Makes one run, for `deadline_s` seconds at most. What it raises becomes a `crashed` record."""

    def __call__(self, key: RunKey, report: Report, deadline_s: float) -> RunRecord:
        """Make the run `key`, calling `report` at every point of its curve."""


TrainerFactory = Callable[[WorkerSetup], Trainer]
"""Called once in each worker, before its first run."""


class Train(Frozen):
    """To a worker: make this run."""

    kind: Literal["train"] = "train"
    key: RunKey
    deadline_s: float | None


class Cancel(Frozen):
    """To a worker: end this run at its next report, with that outcome."""

    kind: Literal["cancel"] = "cancel"
    digest: Digest
    outcome: Outcome
    reason: str


class Point(Frozen):
    """From a worker: its run reached a point of its learning curve."""

    kind: Literal["point"] = "point"
    digest: Digest
    point: CurvePoint


class Record(Frozen):
    """From a worker: its run ended."""

    kind: Literal["record"] = "record"
    record: RunRecord


Message = Annotated[Train | Cancel | Point | Record, Field(discriminator="kind")]
_MESSAGES: TypeAdapter[Train | Cancel | Point | Record] = TypeAdapter(Message)


def send(pipe: "connection.Connection[bytes, bytes]", message: Train | Cancel | Point | Record) -> None:
    """Send a message; raises OSError where the other end is gone."""
    pipe.send_bytes(message.model_dump_json().encode())


def receive(pipe: "connection.Connection[bytes, bytes]") -> Train | Cancel | Point | Record:
    """Wait for a message.

    Raises EOFError or OSError where the other end is gone, or announces more bytes than a record may have,
    and pydantic's ValidationError, a ValueError, where what it says is no message.
    """
    return _MESSAGES.validate_json(pipe.recv_bytes(MAX_RECORD_BYTES))


def main(pipe: "connection.Connection[bytes, bytes]", setup_json: str) -> None:
    """A worker's life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _exit_with_parent()
    setup = WorkerSetup.model_validate_json(setup_json)
    if setup.core is not None:
        os.sched_setaffinity(0, {setup.core})
    trainer: Trainer | None = None
    try:
        while True:
            message = receive(pipe)
            if isinstance(message, Train):
                trainer, record = _answer(trainer, setup, message, pipe)
                send(pipe, Record(record=record))
    except (EOFError, OSError):
        return


def _answer(
    trainer: Trainer | None, setup: WorkerSetup, order: Train, pipe: "connection.Connection[bytes, bytes]"
) -> tuple[Trainer | None, RunRecord]:
    """Make the run that was ordered; where the trainer raises, or cannot be made, that is its record."""
    cancelled: list[Cancel] = []

    def report(point: CurvePoint) -> bool:
        try:
            send(pipe, Point(digest=order.key.digest, point=point))
            while pipe.poll():
                message = receive(pipe)
                if isinstance(message, Cancel) and message.digest == order.key.digest:
                    cancelled.append(message)
        except (EOFError, OSError) as error:
            raise SystemExit from error  # nobody is left to train for
        return not cancelled

    try:
        trainer = trainer or make_trainer(setup)
        record = trainer(order.key, report, math.inf if order.deadline_s is None else order.deadline_s)
    except Exception as error:  # noqa: BLE001 - a candidate's exception is its outcome, whatever it is
        return trainer, RunRecord(key=order.key, outcome=_outcome(error), reason=describe(error))
    if cancelled and record.outcome is Outcome.PRUNED:
        update = {"outcome": cancelled[0].outcome, "reason": cancelled[0].reason}
        record = record.model_copy(update=update)
    return trainer, record


def make_trainer(setup: WorkerSetup) -> Trainer:
    """The trainer that `setup` names; raises ImportError or AttributeError where there is none."""
    module, _, name = setup.trainer.partition(":")
    return cast(TrainerFactory, getattr(importlib.import_module(module), name))(setup)


def describe(error: BaseException) -> str:
    """An exception in one line: its type, its first line, and the place that raised it."""
    text = str(error).strip().splitlines()
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}{': ' + text[0][:1000] if text else ''}{where}"


def _outcome(error: Exception) -> Outcome:
    return Outcome.OUT_OF_MEMORY if out_of_memory(error) else Outcome.CRASHED


def _exit_with_parent() -> None:
    """End this process as soon as its controller is gone, even in the middle of a long evaluation."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


def local_trainer(setup: WorkerSetup) -> Trainer:
    """Trains for real. Data is loaded once and stays on the worker's device."""
    import torch

    from vggsearch.data import Images, SearchData, load_search_data, load_test_images
    from vggsearch.training import Checkpoints, memory_policy, train

    if setup.device == "cuda":
        device = torch.device("cuda", setup.index % max(1, torch.cuda.device_count()))
        torch.cuda.set_device(device)
        torch.backends.cudnn.benchmark = True  # a run's shapes never change
    else:
        device = torch.device("cpu")
        torch.set_num_threads(1)
    held: dict[DataKey, SearchData] = {}

    def load(key: DataKey) -> SearchData:
        if key not in held:
            held.clear()
            data = load_search_data(
                key.name, data_dir=setup.data_dir, val_fraction=key.val_fraction, split_seed=key.split_seed
            )
            if (data.key.digest, data.key.split_digest) != (key.digest, key.split_digest):
                raise DataError(
                    f"data set {key.name} changed while its study ran: restore it, or begin another study "
                    "with the new data"
                )
            held[key] = data.to(device)
        return held[key]

    def run(key: RunKey, report: Report, deadline_s: float) -> RunRecord:
        data = load(key.data)

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
                checkpoints=Checkpoints(setup.checkpoints / key.digest) if setup.checkpoints else None,
            )

    return run
