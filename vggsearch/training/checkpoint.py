"""Checkpoints: what an interrupted run goes on from as if nothing had been.

    FOLDER/000000001200.safetensors  weights, batch statistics, momentum, generators, sum of losses
    FOLDER/000000001200.json         its own checksum, whose they are, counters, the SHA-256 of the tensors

The tensors are written first: a checkpoint exists once its JSON does. It is trusted only where its checksums
hold and where it is of this very run: the same key, the same torch, every tensor of the expected shape and
type. One that is not is passed over for the one before it, and nothing of it reaches the run. No file is
read that is larger than this run's own could be, and none is named by what stands in another.
"""

import contextlib
import hashlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor
from torch.nn import Parameter

from vggsearch.runs import (
    Count,
    CurvePoint,
    Damage,
    Digest,
    Duration,
    add_checksum,
    read_bounded,
    sweep,
    verify_checksum,
    write_atomically,
)
from vggsearch.schema import Frozen
from vggsearch.training.optimizer import set_state, state_of
from vggsearch.training.setup import Training

INTERVAL_S = 30.0
"""Wall seconds between two checkpoints, at least."""

MAX_SHARE = 0.02
"""Largest fraction of a run's time that writing checkpoints may take: slow writes come less often."""

KEEP = 2
"""The last so many are kept, so that a damaged one costs an interval and not the run."""

MAX_COUNTERS_BYTES = 64 * 1024
HEADER_BYTES = 512
"""Of a safetensors file, for each tensor and once more, at most: names and shapes are short."""

_NAME = re.compile(r"[0-9]{12}\.(json|safetensors)", re.ASCII)


class Counters(Frozen):
    """All of a run's state that is no tensor."""

    version: Literal[1] = 1
    key: Digest
    """Of the run, its training revision included."""
    torch: str = Field(max_length=200)
    """Another version may compute other bits and draw other numbers."""
    tensors: Digest
    """SHA-256 of the file of tensors."""
    steps: Count = Field(ge=1)
    cpu_s: Duration
    wall_s: Duration
    eval_s: Duration
    loss_steps: Count
    point_loss: float
    point_steps: Count
    curve: tuple[CurvePoint, ...] = Field(max_length=100)


@dataclass
class Checkpoints:
    """The checkpoints of one run, in a folder that only this run writes to while it goes on.

    The folder is made when it is needed; whoever handed it out removes it once the run's record is kept. A
    folder that is a link is not used.
    """

    folder: Path
    interval_s: float = INTERVAL_S
    clock: Callable[[], float] = time.monotonic
    _since_s: float | None = None
    _write_s: float = 0.0
    _kept: list[str] = field(default_factory=list)
    """Those known to be good, oldest first."""

    def due(self) -> bool:
        """Whether it is time for the next one."""
        if self._since_s is None:
            self._since_s = self.clock()
        return self.clock() - self._since_s >= max(self.interval_s, self._write_s / MAX_SHARE)

    def save(self, run: Training) -> None:
        """Write where `run` is, training time standing still.

        Where that cannot be done, for want of space, say, the run goes on without.
        """
        run.meter.pause()
        begun_s = self.clock()
        if not self.folder.is_symlink():
            with contextlib.suppress(OSError):
                self._write(run)
        self._since_s = self.clock()
        self._write_s = self._since_s - begun_s
        run.meter.resume()

    def restore(self, run: Training) -> bool:
        """Put `run`, just set up, where its newest sound checkpoint was; False leaves it at its beginning."""
        for name in self._names():
            try:
                counters, tensors = _read(self.folder / name, run)
            except (FileNotFoundError, Damage):
                continue
            _apply(run, counters, tensors)
            self._kept = [name]
            return True
        return False

    def _names(self) -> list[str]:
        """Newest first."""
        return sorted((name for name in self._files() if name.endswith(".json")), reverse=True)

    def _files(self) -> list[str]:
        if self.folder.is_symlink():
            return []
        with contextlib.suppress(OSError):
            return [path.name for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        return []

    def _write(self, run: Training) -> None:
        path = self.folder / f"{run.meter.steps:012d}.json"
        data = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors_of(run).items()})
        counters = Counters(
            key=run.key.digest,
            torch=torch.__version__,
            tensors=hashlib.sha256(data).hexdigest(),
            steps=run.meter.steps,
            cpu_s=run.meter.cpu_s,
            wall_s=run.meter.wall_s,
            eval_s=run.eval_s,
            loss_steps=run.curve.unread_steps,
            point_loss=run.curve.read_loss,
            point_steps=run.curve.read_steps,
            curve=tuple(run.curve.points),
        )
        write_atomically(path.with_suffix(".safetensors"), data)
        write_atomically(path, add_checksum(counters.model_dump_json().encode()))
        self._kept = [*self._kept, path.name][-KEEP:]
        self._clear()

    def _clear(self) -> None:
        """Remove all but what is kept: older ones, damaged ones, and what a kill left half-written."""
        kept = {name.removesuffix(".json") for name in self._kept}
        # The JSON of each first: tensors without it are no checkpoint, it without them is a damaged one.
        for name in sorted(self._files(), key=lambda name: name.endswith(".safetensors")):
            if name.partition(".")[0] not in kept:
                (self.folder / name).unlink(missing_ok=True)
        sweep(self.folder)


def tensors_of(run: Training) -> dict[str, Tensor]:
    """Every tensor that the rest of `run` depends on, by name; they are the run's own, not copies.

    State of the optimiser that no step has made yet is represented by a tensor of its shape.
    """
    order, augment = run.batches.epoch_states
    found = {f"model.{name}": tensor for name, tensor in run.model.state_dict().items()}
    for name, weight in trained_parameters(run):
        for kind, tensor in state_of(run.optimizer, weight, run.key.recipe).items():
            found[f"{kind}.{name}"] = tensor
    return found | {
        "generator.order": order,
        "generator.augmentation": augment,
        "generator.dropout": run.dropout.get_state(),
        "loss": run.curve.loss,
    }


def trained_parameters(run: Training) -> Iterator[tuple[str, Parameter]]:
    """The parameters that steps change, by name."""
    return (named for named in run.model.named_parameters() if named[1].requires_grad)


def _read(path: Path, run: Training) -> tuple[Counters, dict[str, Tensor]]:
    """A checkpoint that fits `run`; raises FileNotFoundError or `Damage`, and has changed nothing then."""
    try:
        counters = Counters.model_validate_json(verify_checksum(read_bounded(path, MAX_COUNTERS_BYTES)))
    except ValidationError as error:
        raise Damage("not the counters of a run") from error
    of_this_run = counters.key == run.key.digest and counters.torch == torch.__version__
    if not of_this_run or path.name != f"{counters.steps:012d}.json":
        raise Damage("of another run, of another torch, or renamed")
    if run.meter.total_steps is not None and counters.steps > run.meter.total_steps:
        raise Damage("further than its budget")
    expected = tensors_of(run)
    limit = sum(tensor.nbytes for tensor in expected.values()) + HEADER_BYTES * (len(expected) + 1)
    data = read_bounded(path.with_suffix(".safetensors"), limit)
    if hashlib.sha256(data).hexdigest() != counters.tensors:
        raise Damage("its tensors' checksum does not match them")
    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise Damage("not safetensors") from error
    if {name: _form(tensor) for name, tensor in tensors.items()} != {
        name: _form(tensor) for name, tensor in expected.items()
    }:
        raise Damage("its tensors are those of another net")
    _try_states(run, tensors)
    return counters, tensors


def _form(tensor: Tensor) -> tuple[torch.Size, torch.dtype]:
    return tensor.shape, tensor.dtype


def _try_states(run: Training, tensors: dict[str, Tensor]) -> None:
    """Raise `Damage` where torch refuses the state of a generator."""
    for name in ("order", "augmentation", "dropout"):
        try:
            torch.Generator(run.device).set_state(tensors[f"generator.{name}"])
        except RuntimeError as error:
            raise Damage(f"no state of a generator: {name}") from error


def _apply(run: Training, counters: Counters, tensors: dict[str, Tensor]) -> None:
    run.model.load_state_dict(
        {name.removeprefix("model."): tensors[name] for name in tensors if name.startswith("model.")}
    )
    for name, weight in trained_parameters(run):
        kept = state_of(run.optimizer, weight, run.key.recipe)
        if kept:
            state = {kind: tensors[f"{kind}.{name}"] for kind in kept}
            set_state(run.optimizer, weight, state, run.key.recipe)
    run.batches.go_to(counters.steps, tensors["generator.order"], tensors["generator.augmentation"])
    run.dropout.set_state(tensors["generator.dropout"])
    run.curve.loss.copy_(tensors["loss"])
    run.meter.go_to(counters.steps, cpu_s=counters.cpu_s, wall_s=counters.wall_s)
    run.eval_s = counters.eval_s
    curve = run.curve
    curve.unread_steps, curve.read_steps = counters.loss_steps, counters.point_steps
    curve.read_loss = counters.point_loss
    curve.points[:] = counters.curve
