"""The pieces of which a report is composed, before they become HTML or Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from vggsearch.report.document.drawing import Drawing

Tone = Literal["text", "lead", "verdict", "finding", "note"]
"""How much a paragraph weighs: `verdict` is the answer itself, in the largest letters."""


@dataclass(frozen=True, slots=True)
class Code:
    """An architecture's text, a command, a digest: printed in the typewriter's letters."""

    text: str


@dataclass(frozen=True, slots=True)
class Strong:
    """What must not be overlooked."""

    text: str


Span = str | Code | Strong


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    spans: tuple[Span, ...]
    tone: Tone = "text"


def text(*spans: Span) -> Paragraph:
    """A paragraph."""
    return Paragraph(spans)


def note(*spans: Span) -> Paragraph:
    """A remark, set apart."""
    return Paragraph(spans, "note")


@dataclass(frozen=True, slots=True)
class Tile:
    """A headline figure."""

    value: str
    name: str
    detail: str = ""
    bold: bool = True
    """Not where it might be chance."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a printed table."""

    heading: str
    align: Literal["left", "right"] = "right"
    code: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table as printed, and the numbers behind it."""

    name: str
    """Of its files."""
    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[str]]
    """Texts, one for each column."""
    data: pd.DataFrame
    """What the CSV file holds: the frame's own columns and units."""
    caption: str = ""
    keys: Sequence[Sequence[str | None]] = ()
    """Numbers to sort by, one for each column, where that is not the text itself."""
    interactive: bool = False
    """Whether a reader may sort and filter it."""
    latex: bool = True
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures side by side where there is room."""

    drawings: tuple[Drawing, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """A file's text or commands."""

    text: str
    title: str = ""


Block = Paragraph | Table | Figures | Listing


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report."""

    name: str
    question: str
    answer: tuple[Paragraph, ...]
    tiles: tuple[Tile, ...]
    sections: tuple[Section, ...]
    kind: str = "architecture search"

    def tables(self) -> list[Table]:
        """All tables, in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Table)]

    def drawings(self) -> list[Drawing]:
        """All figures, in order."""
        blocks = [
            block for section in self.sections for block in section.blocks if isinstance(block, Figures)
        ]
        return [drawing for block in blocks for drawing in block.drawings]
