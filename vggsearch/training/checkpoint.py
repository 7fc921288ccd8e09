"""Checkpoints, from which an interrupted run resumes with the same result as without the interruption.

    FOLDER/000000001200.safetensors  weights, batch statistics, momentum, generators, sum of losses
    FOLDER/000000001200.json         its own checksum, the run's key, counters, the SHA-256 of the tensors

The tensors are written first: a checkpoint exists once its JSON does. It is used only if its checksums match
and it belongs to this very run: the same key, the same torch, every tensor of the expected shape and type.
Otherwise the one before it is tried, and none of its values reach the run. No file larger than this run's own
could be is read, and no file name is taken from the contents of another file.
"""

import contextlib
import hashlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor
from torch.nn import Parameter

from vggsearch.runs import (
    Damage,
    RunKey,
    add_checksum,
    read_bounded,
    sweep,
    write_atomically,
)
from vggsearch.training.choices import Choice
from vggsearch.training.counters import Counters, read_counters
from vggsearch.training.optimizer import set_state, state_of
from vggsearch.training.setup import Training

INTERVAL_S = 30.0
"""Fewest wall seconds between two checkpoints."""

MAX_SHARE = 0.02
"""Largest fraction of a run's time spent writing checkpoints; where writes are slow, there are fewer."""

KEEP = 2
"""Number of latest checkpoints that are kept, so that a damaged one costs an interval and not the run."""

HEADER_BYTES = 512
"""Largest header of a safetensors file for each tensor, plus the same once; names and shapes are short."""

_NAME = re.compile(r"[0-9]{12}\.(json|safetensors)", re.ASCII)


@dataclass
class Checkpoints:
    """The checkpoints of one run, in a folder that only this run writes to during training.

    The folder is created when it is needed. The caller that chose it removes it once the run's record is
    stored. A folder that is a link is not used.
    """

    folder: Path
    interval_s: float = INTERVAL_S
    clock: Callable[[], float] = time.monotonic
    _since_s: float | None = None
    _write_s: float = 0.0
    _kept: list[str] = field(default_factory=list)
    """Names of the valid checkpoints, oldest first."""

    def due(self) -> bool:
        """Whether it is time for the next checkpoint."""
        if self._since_s is None:
            self._since_s = self.clock()
        return self.clock() - self._since_s >= max(self.interval_s, self._write_s / MAX_SHARE)

    def save(self, run: Training) -> None:
        """Write a checkpoint of `run`; the time does not count as training time.

        Where writing fails, for example on a full disk, the run continues without it.
        """
        run.meter.pause()
        start_s = self.clock()
        if not self.folder.is_symlink():
            with contextlib.suppress(OSError):
                self._write(run)
        self._since_s = self.clock()
        self._write_s = self._since_s - start_s
        run.meter.resume()

    def choice(self, key: RunKey) -> Choice | None:
        """What the run of `key` trained with until its newest checkpoint; None without one that says so."""
        for name in self._names():
            with contextlib.suppress(FileNotFoundError, Damage):
                return read_counters(self.folder / name, key).choice
        return None

    def restore(self, run: Training) -> bool:
        """Set `run`, which is new, to its latest valid checkpoint; return False if it has none."""
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
        """Names of the JSON files, newest first."""
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
            choice=run.choice,
        )
        write_atomically(path.with_suffix(".safetensors"), data)
        write_atomically(path, add_checksum(counters.model_dump_json().encode()))
        self._kept = [*self._kept, path.name][-KEEP:]
        self._clear()

    def _clear(self) -> None:
        """Remove all checkpoints but the kept ones: older, damaged and half-written ones."""
        kept = {name.removesuffix(".json") for name in self._kept}
        # JSON first: tensors without their JSON are no checkpoint, JSON without its tensors is a damaged one.
        for name in sorted(self._files(), key=lambda name: name.endswith(".safetensors")):
            if name.partition(".")[0] not in kept:
                (self.folder / name).unlink(missing_ok=True)
        sweep(self.folder)


def tensors_of(run: Training) -> dict[str, Tensor]:
    """Every tensor that the rest of `run` depends on, by name; the run's own tensors, not copies.

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
    """Read a checkpoint of `run` without changing it; raises FileNotFoundError or `Damage`."""
    counters = read_counters(path, run.key)
    if counters.choice not in (None, run.choice):
        raise Damage("of a run with another precision or other layers")
    if run.meter.total_steps is not None and counters.steps > run.meter.total_steps:
        raise Damage("more steps than its budget")
    expected = tensors_of(run)
    limit = sum(tensor.nbytes for tensor in expected.values()) + HEADER_BYTES * (len(expected) + 1)
    data = read_bounded(path.with_suffix(".safetensors"), limit)
    if hashlib.sha256(data).hexdigest() != counters.tensors:
        raise Damage("its tensors' checksum does not match them")
    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise Damage("not safetensors") from error
    if _shapes_and_types(tensors) != _shapes_and_types(expected):
        raise Damage("its tensors are those of another net")
    _check_generator_states(run, tensors)
    return counters, tensors


def _shapes_and_types(tensors: dict[str, Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}


def _check_generator_states(run: Training, tensors: dict[str, Tensor]) -> None:
    """Raise `Damage` where torch refuses the state of a generator."""
    for name in ("order", "augmentation", "dropout"):
        try:
            torch.Generator(run.device).set_state(tensors[f"generator.{name}"])
        except RuntimeError as error:
            raise Damage(f"not the state of a generator: {name}") from error


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
