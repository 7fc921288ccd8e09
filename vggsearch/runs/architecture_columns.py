"""Columns of tables that follow from an architecture and its task alone. No pandas."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from types import MappingProxyType
from typing import Generic, Literal, TypeVar

from vggsearch.arch import Architecture, Task
from vggsearch.costs import Cost, cost

Scalar = bool | int | float | str | None

Kind = Literal["text", "flag", "int", "float"]
"""Type of a column; `vggsearch.runs.frames.table` says what each becomes in a frame."""

Row = TypeVar("Row", contravariant=True)


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """One column of a table: its type, and its value of a row."""

    kind: Kind
    value: Callable[[Row], Scalar]


def kinds(*tables: Mapping[str, Column[Row]]) -> dict[str, Kind]:
    """The type of each column of `tables`, in order."""
    return {name: column.kind for table in tables for name, column in table.items()}


def values(columns: Mapping[str, Column[Row]], row: Row) -> tuple[Scalar, ...]:
    """The values of `row`, one for each of `columns`."""
    return tuple(column.value(row) for column in columns.values())


def _kernel_size(net: Architecture) -> str:
    return "mixed" if net.kernel_size is None else str(net.kernel_size)


_STRUCTURE: Mapping[str, Column[Architecture]] = {
    "architecture": Column("text", str),
    "num_blocks": Column("int", lambda net: len(net.blocks)),
    "num_convs": Column("int", lambda net: net.num_convs),
    "kernel_size": Column("text", _kernel_size),  # the one size of all convolutions, or "mixed"
    "batch_norm": Column("flag", lambda net: net.batch_norm),
    "head": Column("text", lambda net: str(net.head)),
}

_COSTS: Mapping[str, Column[Cost]] = {
    name: Column("int", attrgetter(name))
    for name in (
        "params",
        "conv_params",
        "head_params",
        "macs",
        "conv_macs",
        "head_macs",
        "activation_bytes",
        "receptive_field",
    )
}

ARCHITECTURE_COLUMNS: Mapping[str, Kind] = MappingProxyType(kinds(_STRUCTURE) | kinds(_COSTS))


@lru_cache(maxsize=65536)
def architecture_row(text: str, task: Task) -> tuple[Scalar, ...]:
    """An architecture as the values of `ARCHITECTURE_COLUMNS`; may raise `ArchitectureError`."""
    architecture = Architecture.parse(text)
    return (*values(_STRUCTURE, architecture), *values(_COSTS, cost(architecture, task)))


def row_without_cost(architecture: Architecture) -> tuple[Scalar, ...]:
    """The same for an architecture that no task fits: its costs are None."""
    return (*values(_STRUCTURE, architecture), *[None] * len(_COSTS))
