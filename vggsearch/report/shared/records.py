"""Tables of one row a run or trial, that a reader may sort and filter."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Literal

import pandas as pd

from vggsearch.report.document import (
    Column,
    Table,
    count,
    duration,
    milliseconds,
    missing,
    percent,
    plain,
    si,
)

Kind = Literal["text", "code", "count", "percent", "si", "ms", "s", "number"]

Spec = tuple[str, str, Kind]
"""Column of the records, heading, and how its values are printed and sorted."""


def number(value: float) -> str:
    """A learning rate or another setting: `0.05`; nothing where it is missing."""
    return "" if missing(value) else f"{value:g}"


_NUMBERS: Mapping[Kind, Callable[[float], str]] = {
    "count": count,
    "percent": percent,
    "si": si,
    "ms": milliseconds,
    "s": duration,
    "number": number,
}


def record_table(
    name: str,
    title: str,
    specs: Sequence[Spec],
    records: Sequence[Mapping[Hashable, object]],
    data: pd.DataFrame,
    caption: str,
) -> Table:
    """The table of `records` in their order; its CSV file holds `data`."""
    columns = tuple(
        Column(heading, "left" if kind in ("text", "code") else "right", code=kind == "code")
        for _, heading, kind in specs
    )
    printed = [[_cell(kind, row[column]) for column, _, kind in specs] for row in records]
    keys = [[_key(kind, row[column]) for column, _, kind in specs] for row in records]
    return Table(name, title, columns, printed, data, caption, keys, interactive=True, latex=False)


def outcome_name(outcome: str) -> str:
    """`out_of_memory` is `out of memory`."""
    return outcome.replace("_", " ")


def _cell(kind: Kind, value: object) -> str:
    if _absent(value):
        return ""
    return _NUMBERS[kind](float(str(value))) if kind in _NUMBERS else plain(value)


def _key(kind: Kind, value: object) -> str | None:
    return None if kind not in _NUMBERS or _absent(value) else f"{float(str(value)):.9g}"


def _absent(value: object) -> bool:
    return value is None or value is pd.NA or value != value  # NaN
