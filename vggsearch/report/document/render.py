"""A report as HTML and as Markdown: the templates' environments and escapes."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import assert_never

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from vggsearch.report.document.content import Code, Figures, Listing, Paragraph, Report, Span, Strong
from vggsearch.report.document.formats import markdown
from vggsearch.report.document.table import Table

TEMPLATES = Path(__file__).parent / "templates"

MOST_ROWS = 25
"""Rows of a table in Markdown, which can neither sort nor scroll."""

_KINDS = {
    Paragraph: "paragraph",
    Table: "table",
    Figures: "figures",
    Listing: "listing",
    Code: "code",
    Strong: "strong",
}
_SAFE_CODE = re.compile(r"[\w+,./:=<> -]+")


def html(report: Report, drawn: Mapping[str, Markup], csv: Mapping[str, str]) -> str:
    """The HTML page. `drawn` has the inline SVG of each figure, `csv` the path of each CSV file, by name.

    Everything but `drawn` and the page's own style and script is escaped.
    """
    environment = _environment(autoescape=True)
    script = (TEMPLATES / "table.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    template = environment.get_template("index.html.j2")
    return template.render(
        report=report, drawn=drawn, csv=csv, style=style, script=script, script_digest=digest
    )


def markdown_page(report: Report, csv: Mapping[str, str]) -> str:
    """The same report in Markdown. Every expression of the template is escaped unless a filter made it
    `_Ready`."""
    environment = _environment(
        autoescape=False,
        keep_trailing_newline=True,
        finalize=lambda value: value if isinstance(value, _Ready) else markdown(str(value)),
    )
    environment.filters.update(spans=_spans, table=_table, tiles=_tiles, fence=_fence, ready=_Ready)
    return environment.get_template("report.md.j2").render(
        report=report, csv={name: _Ready(path) for name, path in csv.items()}
    )


def _environment(
    *,
    autoescape: bool,
    keep_trailing_newline: bool = False,
    finalize: Callable[[object], object] | None = None,
) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=autoescape,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=keep_trailing_newline,
        undefined=StrictUndefined,
        finalize=finalize,
    )
    environment.globals.update(kind=_kind, most_rows=MOST_ROWS)
    return environment


def _kind(block: object) -> str:
    """The name by which a template knows the type of a block or a span."""
    return _KINDS.get(type(block), "text")


class _Ready(str):
    """Markdown that is escaped already."""

    __slots__ = ()


def _code(text: str) -> str:
    return f"`{text}`" if _SAFE_CODE.fullmatch(text) else markdown(text)


def _span(span: Span) -> str:
    match span:
        case Code(text):
            return _code(text)
        case Strong(text):
            return f"**{markdown(text)}**"
        case str(text):
            return markdown(text)
        case unknown:
            assert_never(unknown)


def _spans(block: Paragraph) -> _Ready:
    line = "".join(map(_span, block.spans))
    return _Ready(f"> {line}" if block.tone == "note" else line)


def _table(table: Table) -> _Ready:
    headings = [markdown(column.heading) for column in table.columns]
    rules = ["---:" if column.align == "right" else ":---" for column in table.columns]
    rows = [
        [
            _code(cell) if column.code and cell else markdown(cell)
            for cell, column in zip(row, table.columns, strict=True)
        ]
        for row in table.rows[:MOST_ROWS]
    ]
    return _Ready("\n".join(f"| {' | '.join(cells)} |" for cells in (headings, rules, *rows)))


def _tiles(report: Report) -> _Ready:
    rows = []
    for tile in report.tiles:
        value = f"**{markdown(tile.value)}**" if tile.bold else markdown(tile.value)
        rows.append(f"| {markdown(tile.name)} | {value} | {markdown(tile.detail)} |")
    return _Ready("\n".join(["| | | |", "| :--- | ---: | :--- |", *rows]))


def _fence(text: str) -> _Ready:
    """A block of code whose fence is longer than any in the text."""
    longest = max((len(found) for found in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return _Ready(f"{fence}text\n{text}\n{fence}")
