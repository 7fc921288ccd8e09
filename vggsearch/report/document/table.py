"""Tables: a list of column specifications over records is what is printed, a frame is what the CSV holds."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import pandas as pd

from vggsearch.report.document.formats import plain

Record = Mapping[Hashable, Any]
"""One row of a frame: values by name."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a printed table. `text_column` and `number_column` make it."""

    heading: str
    fields: tuple[str, ...]
    """The values of a record that `show` takes."""
    show: Callable[..., str]
    align: Literal["left", "right"] = "right"
    code: bool = False
    """Whether its cells are set in typewriter letters."""
    when: bool = True
    """Whether the table has this column."""

    def cell(self, record: Record) -> str:
        """The printed text."""
        return self.show(*self._values(record))

    def is_blank(self, record: Record) -> bool:
        """Whether a value is missing."""
        return any(value is None or value is pd.NA or value != value for value in self._values(record))

    def sort_key(self, record: Record) -> str | None:
        """The number itself; None for a text, which sorts as printed, and for a missing value."""
        if self.align == "left" or self.is_blank(record):
            return None
        return f"{float(record[self.fields[0]]):.9g}"

    def _values(self, record: Record) -> list[Any]:
        return [record[name] for name in self.fields]


def text_column(
    heading: str, field: str, show: Callable[..., str] = plain, *, code: bool = False, when: bool = True
) -> Column:
    """A column of texts, which `show` makes fit for print."""
    return Column(heading, (field,), show, "left", code, when)


def number_column(
    heading: str, fields: str | tuple[str, ...], show: Callable[..., str], *, when: bool = True
) -> Column:
    """A column of numbers, printed by `show`, which takes the values of `fields`."""
    return Column(heading, (fields,) if isinstance(fields, str) else fields, show, when=when)


@dataclass(frozen=True)
class Table:
    """A table as printed, and the numbers behind it."""

    name: str
    """Name of its files, without a suffix."""
    title: str
    specification: Sequence[Column]
    data: pd.DataFrame
    """What the CSV file holds: the frame's own columns and units."""
    caption: str = ""
    records: Sequence[Record] | None = None
    """The printed records; None for the rows of `data`."""
    interactive: bool = False
    """Whether a reader may sort and filter it. Missing values are then blank."""
    latex: bool = True
    """Whether there is a LaTeX file of it."""

    @cached_property
    def columns(self) -> list[Column]:
        """The columns that are printed."""
        return [column for column in self.specification if column.when]

    @cached_property
    def rows(self) -> list[list[str]]:
        """The printed texts, one list a record."""
        return [
            ["" if self.interactive and column.is_blank(one) else column.cell(one) for column in self.columns]
            for one in self._printed
        ]

    @cached_property
    def keys(self) -> list[list[str | None]]:
        """The numbers to sort by, one list for each record; empty where the table is not interactive."""
        if not self.interactive:
            return []
        return [[column.sort_key(one) for column in self.columns] for one in self._printed]

    @property
    def _printed(self) -> Sequence[Record]:
        return self.data.to_dict("records") if self.records is None else self.records
