"""A console and tables for people, on a terminal or in a file."""

import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table

PLAIN_WIDTH = 240
"""Columns of output that is not on a terminal: wide enough that no cell is wrapped or cut."""


class _Console(Console):
    """Prints no control characters from texts, because texts of a store may come from a stranger."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            plain = segment.control or segment.text.isprintable()
            yield segment if plain else Segment(harmless(segment.text), segment.style)


def harmless(text: str) -> str:
    """`text` with U+FFFD for control and direction characters, except ends of lines."""
    unsafe = ("Cc", "Cf", "Cs", "Co")
    return "".join("\ufffd" if c != "\n" and unicodedata.category(c) in unsafe else c for c in text)


def make_console(file: TextIO | None = None) -> Console:
    """A console on standard output, or `file`: coloured on a terminal, plain and wide elsewhere."""
    file = file or sys.stdout
    width = None if file.isatty() else PLAIN_WIDTH
    return _Console(file=file, width=width, highlight=False, emoji=False, markup=False)


def table(*columns: str, right: Sequence[str] = ()) -> Table:
    """An empty table without lines; the columns named in `right` hold numbers."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return made
