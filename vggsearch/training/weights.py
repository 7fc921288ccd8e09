"""The weights of a trained net as a file: safetensors of the `state_dict` of the net with torch's own layers.

The header's metadata hold one key, `vggsearch`, with a `WeightsInfo` as JSON: safetensors writes several keys
in no fixed order, and equal weights of one run are to be equal bytes. A file may come from anyone. It is read
only where its size is that of the net that it names, and refused where a tensor is not one of that net's.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NoReturn

import torch
from pydantic import Field, ValidationError
from pydantic_core import from_json
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from vggsearch.arch import Architecture, Task
from vggsearch.errors import ArchitectureError, WeightsError
from vggsearch.model import outline
from vggsearch.runs import Damage, Digest, RunKey, first_error, open_bounded, write_atomically
from vggsearch.schema import Frozen
from vggsearch.text import shape_text

VERSION: Final = 1

MAX_BYTES = 4 * 2**30
"""Largest file that is read; VGG-19 takes 575 MB."""

MAX_HEADER_BYTES = 2**20
"""Largest header; that of VGG-19 with batch norm has 9 kB."""

_METADATA = "vggsearch"


class WeightsInfo(Frozen):
    """What a weights file says of itself."""

    version: Literal[1] = VERSION
    run: Digest = Field(pattern=r"^[0-9a-f]{64}$")
    """Digest of the key of the run that trained the weights."""
    architecture: str = Field(max_length=2000)
    """Canonical text."""
    input_shape: tuple[int, int, int]
    num_classes: int


@dataclass(frozen=True, slots=True)
class Weights:
    """A weights file that was read."""

    digest: Digest
    """SHA-256 of its bytes."""
    run: Digest
    """Digest of the key of the run that trained them, as the file says."""
    architecture: Architecture
    task: Task
    tensors: Mapping[str, Tensor]
    """The `state_dict` of `vggsearch.model.outline(architecture, task)`, on the CPU."""

    def check_fit(self, task: Task) -> None:
        """Raise `WeightsError` where a net for `task` cannot begin with them; see `begin_with`."""
        _fitting(outline(self.architecture, task).state_dict(), self.tensors)


def write_weights(path: Path, key: RunKey, model: nn.Module) -> Digest:
    """Write the weights of `model`, trained as `key` says, whole or not at all; the SHA-256 of the file.

    Raises OSError.
    """
    info = WeightsInfo(
        run=key.digest,
        architecture=key.architecture,
        input_shape=key.input_shape,
        num_classes=key.num_classes,
    )
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    data = save(tensors, metadata={_METADATA: info.model_dump_json()})
    write_atomically(path, data)
    return hashlib.sha256(data).hexdigest()


def read_weights(path: Path) -> Weights:
    """Read a weights file, which may come from anyone. Raises `WeightsError` where it cannot be used."""
    try:
        return _read(path)
    except OSError as error:
        _refuse(path, error.strerror or "unreadable", error)
    except ArchitectureError as error:
        _refuse(path, f"no net of this family ({error})", error)
    except ValidationError as error:
        _refuse(path, first_error(error), error)
    except Damage as damage:
        _refuse(path, str(damage), damage)


def begin_with(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Set the weights of `model`, which is new, to `tensors`, those of a net of the same architecture.

    A last layer of another number of classes stays as it was drawn. Raises `WeightsError` where anything else
    does not fit.
    """
    model.load_state_dict(_fitting(model.state_dict(), tensors))


def _fitting(own: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`tensors`, but the last layer of `own` where it has another number of classes; see `begin_with`."""
    *_, last = (name.removesuffix("weight") for name in own if name.endswith(".weight"))
    ours, theirs = own[f"{last}weight"], tensors.get(f"{last}weight")
    new_classes = theirs is not None and ours.shape[0] != theirs.shape[0]
    fitting = {
        name: tensor if new_classes and name.startswith(last) else tensors.get(name, tensor)
        for name, tensor in own.items()
    }
    for name, tensor in own.items():
        if fitting[name].shape != tensor.shape:
            there, here = shape_text(fitting[name].shape), shape_text(tensor.shape)
            raise WeightsError(
                f"a net goes on with images of as many channels, and an fc head of the same size: {name} "
                f"is {there} in the weights and would be {here}: choose other data, or another --resize"
            )
    if tensors.keys() != own.keys():
        raise WeightsError("a net goes on with its own architecture, and these weights are of another")
    return fitting


def _refuse(path: Path, reason: str, cause: Exception) -> NoReturn:
    reason = " ".join(reason.split())[:300]
    shown = reason if reason.isprintable() else ascii(reason)
    raise WeightsError(
        f"{str(path)!r} is no weights file of vggsearch, or is damaged ({shown}): copy or make it again"
    ) from cause


def _read(path: Path) -> Weights:
    with open_bounded(path, MAX_BYTES, follow=True) as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(8)
        length = int.from_bytes(head, "little")
        if len(head) < 8 or length > min(MAX_HEADER_BYTES, size):
            raise Damage("not safetensors")
        header = file.read(length)
        info = _info(header, path)
        architecture = Architecture.parse(info.architecture)
        task = Task(info.input_shape, info.num_classes)
        expected = outline(architecture, task).state_dict()
        if size != 8 + length + sum(tensor.nbytes for tensor in expected.values()):
            raise Damage(f"{size} bytes are not those of a net {info.architecture[:80]}")
        data = head + header + file.read()
    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise Damage("not safetensors") from error
    if _shapes_and_types(tensors) != _shapes_and_types(expected):
        raise Damage(f"its tensors are not those of a net {info.architecture[:80]}")
    if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise Damage("a weight is not a finite number")
    ordered = {name: tensors[name] for name in expected}
    return Weights(hashlib.sha256(data).hexdigest(), info.run, architecture, task, ordered)


def _info(header: bytes, path: Path) -> WeightsInfo:
    """What the header says; raises `Damage`, ValidationError, and `WeightsError` where it is newer."""
    try:
        fields = from_json(header)
    except ValueError as error:
        raise Damage("not safetensors") from error
    metadata = fields.get("__metadata__") if isinstance(fields, dict) else None
    text = metadata.get(_METADATA) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise Damage("written by another program")
    try:
        told = from_json(text)
    except ValueError as error:
        raise Damage("its metadata are not JSON") from error
    version = told.get("version") if isinstance(told, dict) else None
    if type(version) is int and version > VERSION:
        raise WeightsError(
            f"{str(path)!r} is a weights file of version {str(version)[:20]}, and this vggsearch reads "
            f"version {VERSION}: install a newer vggsearch"
        )
    return WeightsInfo.model_validate_json(text)


def _shapes_and_types(tensors: Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}
