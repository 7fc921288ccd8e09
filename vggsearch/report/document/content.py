"""The parts of a report, before they become HTML or Markdown."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Literal, ParamSpec

from vggsearch.report.document.drawing import Drawing
from vggsearch.report.document.table import Table

P = ParamSpec("P")

Tone = Literal["text", "lead", "verdict", "finding", "note"]
"""How a paragraph is set: `verdict` is the answer itself, in the largest letters."""


@dataclass(frozen=True, slots=True)
class Code:
    """An architecture's text, a command or a digest, set in typewriter letters."""

    text: str


@dataclass(frozen=True, slots=True)
class Strong:
    """Bold text."""

    text: str


Span = str | Code | Strong


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    spans: tuple[Span, ...]
    tone: Tone = "text"


def paragraph(*spans: Span) -> Paragraph:
    """Plain running text."""
    return Paragraph(spans)


def remark(*spans: Span) -> Paragraph:
    """A remark, set apart from the text."""
    return Paragraph(spans, "note")


@dataclass(frozen=True, slots=True)
class Tile:
    """A headline figure."""

    value: str
    name: str
    detail: str = ""
    bold: bool = True
    """False where the figure may be chance."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures side by side where there is room."""

    drawings: tuple[Drawing, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """A file's text, or commands, set line by line."""

    text: str
    title: str = ""


Block = Paragraph | Table | Figures | Listing


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and the blocks under it."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


def section(anchor: str, title: str) -> Callable[[Callable[P, Iterable[Block]]], Callable[P, Section]]:
    """Make a function that yields blocks one that returns the section of these blocks."""

    def decorate(blocks: Callable[P, Iterable[Block]]) -> Callable[P, Section]:
        @wraps(blocks)
        def build(*args: P.args, **kwargs: P.kwargs) -> Section:
            return Section(anchor, title, tuple(blocks(*args, **kwargs)))

        return build

    return decorate


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
        return [block for block in self._blocks() if isinstance(block, Table)]

    def drawings(self) -> list[Drawing]:
        """All figures, in order."""
        return [one for block in self._blocks() if isinstance(block, Figures) for one in block.drawings]

    def _blocks(self) -> Iterator[Block]:
        return (block for section in self.sections for block in section.blocks)
