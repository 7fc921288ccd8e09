"""What a table says of an architecture: its structure and its costs. No pandas."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from vggsearch.arch import Architecture, Task
from vggsearch.cost import cost

Scalar = bool | int | float | str | None

Kind = Literal["text", "flag", "int", "float"]
"""Of a column: what `vggsearch.runs.frames.table` makes of it."""

ARCHITECTURE_COLUMNS: Mapping[str, Kind] = MappingProxyType(
    {
        "architecture": "text",
        "num_blocks": "int",
        "num_convs": "int",
        "kernel_size": "text",  # the one size of all convolutions, or "mixed"
        "batch_norm": "flag",
        "head": "text",
        "params": "int",
        "conv_params": "int",
        "head_params": "int",
        "macs": "int",
        "conv_macs": "int",
        "head_macs": "int",
        "activation_bytes": "int",
        "receptive_field": "int",
    }
)
"""What follows from the architecture and its input alone."""


@lru_cache(maxsize=65536)
def architecture_row(text: str, task: Task) -> tuple[Scalar, ...]:
    """An architecture as the values of `ARCHITECTURE_COLUMNS`; may raise `ArchitectureError`."""
    architecture = Architecture.parse(text)
    costs = cost(architecture, task)
    return (
        *structure(architecture),
        costs.params,
        costs.conv_params,
        costs.head_params,
        costs.macs,
        costs.conv_macs,
        costs.head_macs,
        costs.activation_bytes,
        costs.receptive_field,
    )


def structure(architecture: Architecture) -> tuple[Scalar, ...]:
    """The values of `ARCHITECTURE_COLUMNS` that need no input shape: up to `head`."""
    kernel_size = architecture.kernel_size
    return (
        str(architecture),
        len(architecture.blocks),
        architecture.num_convs,
        "mixed" if kernel_size is None else str(kernel_size),
        architecture.batch_norm,
        str(architecture.head),
    )
