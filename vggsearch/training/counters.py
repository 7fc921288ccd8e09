"""The JSON file of a checkpoint: the state of a run, except for its tensors."""

from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field, ValidationError

from vggsearch.runs import (
    Count,
    CurvePoint,
    Damage,
    Digest,
    Duration,
    RunKey,
    read_bounded,
    verify_checksum,
)
from vggsearch.schema import ADDED, Frozen
from vggsearch.training.choices import Choice

MAX_COUNTERS_BYTES = 64 * 1024


class Counters(Frozen):
    """The state of a run, except for its tensors."""

    version: Literal[1] = 1
    key: Digest
    """Digest of the run's key, which includes the training revision."""
    torch: str = Field(max_length=200)
    """Version of torch; another may compute other bits and draw other random numbers."""
    tensors: Digest
    """SHA-256 of the safetensors file."""
    steps: Count = Field(ge=1)
    cpu_s: Duration
    wall_s: Duration
    eval_s: Duration
    loss_steps: Count
    point_loss: float
    point_steps: Count
    curve: tuple[CurvePoint, ...] = Field(max_length=100)
    choice: Annotated[Choice | None, ADDED] = None
    """What the run trains with; None in checkpoints from before this was kept."""


def read_counters(path: Path, key: RunKey) -> Counters:
    """Read the JSON of a checkpoint of `key`'s run; raises FileNotFoundError or `Damage`."""
    try:
        counters = Counters.model_validate_json(verify_checksum(read_bounded(path, MAX_COUNTERS_BYTES)))
    except ValidationError as error:
        raise Damage("not the counters of a run") from error
    of_this_run = counters.key == key.digest and counters.torch == torch.__version__
    if not of_this_run or path.name != f"{counters.steps:012d}.json":
        raise Damage("of another run, of another version of torch, or renamed")
    return counters
