"""A report as files: one HTML page that needs nothing else, Markdown, figures, tables, and the data behind them."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from vggsearch.errors import StoreError
from vggsearch.report import sections
from vggsearch.report.answer import ReportSummary, answer, summarize, tiles
from vggsearch.report.content import Report, Table
from vggsearch.report.figures.style import png, svg, theme
from vggsearch.report.findings import Findings, find
from vggsearch.report.formats import csv_cell, latex, plain
from vggsearch.report.inline import inline
from vggsearch.report.render import html, markdown_page
from vggsearch.report.spending import spending
from vggsearch.runs.frames import METRICS
from vggsearch.study.results import StudyResults


def write_report(results: StudyResults, folder: Path, *, command: str) -> ReportSummary:
    """Write `folder/index.html`, `report.md`, `figures/`, `tables/` and `data/`.

    The same results and command give the same bytes; those of `StudyResults.read(folder / "data")` are the same results.

    Args:
        results: What the study has so far; any part of it may be missing.
        folder: Made where it is absent. Figures and tables that an earlier report left in it are removed.
        command: Printed as the one that makes this report.

    Raises:
        StoreError: The folder cannot be written.
    """
    results = results.trimmed()
    findings = find(results)
    with theme():
        report = compose(findings, command)
        pictures = {drawing.name: (svg(drawing.figure), png(drawing.figure)) for drawing in report.drawings()}
    drawn = {
        drawing.name: inline(pictures[drawing.name][0], drawing.name, f"{drawing.title}. {drawing.caption}")
        for drawing in report.drawings()
    }
    files: dict[str, bytes] = {
        "index.html": html(report, drawn).encode(),
        "report.md": markdown_page(report).encode(),
    }
    for name, (vector, raster) in pictures.items():
        files[f"figures/{name}.svg"], files[f"figures/{name}.png"] = vector.encode(), raster
    files |= _table_files(report)
    try:
        _write(folder, files)
    except OSError as error:
        raise StoreError(
            f"report {folder} cannot be written ({error.strerror}): free space or mend its permissions, or name another folder"
        ) from error
    results.write(folder / "data")
    return summarize(findings, folder / "index.html")


def compose(findings: Findings, command: str) -> Report:
    """The report of what was found, before it takes any format. Call it inside `theme`."""
    spent = spending(findings.trials)
    study = findings.study
    return Report(
        study.name,
        plain(study.question, limit=2000),
        answer(findings, spent),
        tiles(findings, spent),
        (
            sections.tradeoff(findings),
            sections.finalists(findings),
            sections.against_random(findings),
            sections.kernels(findings),
            sections.learning(findings),
            sections.time_and_outcomes(findings, spent),
            sections.all_trials(findings),
            sections.provenance(findings, spent, command),
            sections.practices(findings, spent),
        ),
    )


def _table_files(report: Report) -> dict[str, bytes]:
    files = {}
    for table in report.tables():
        files[f"tables/{table.name}.csv"] = _csv(table.data)
        if table.latex and table.rows:
            files[f"tables/{table.name}.tex"] = _latex(table).encode()
    for drawing in report.drawings():
        files[f"tables/figure_{drawing.name}.csv"] = _csv(drawing.data)
    rows = [(name, metric.label, metric.unit, metric.better or "") for name, metric in METRICS.items()]
    files["tables/columns.csv"] = _csv(pd.DataFrame(rows, columns=["column", "meaning", "printed unit", "better"]))
    return files


def _csv(frame: pd.DataFrame) -> bytes:
    """The frame's own units (fractions, seconds, counts); texts made harmless for spreadsheets."""
    texts = [name for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])]
    safe = frame.assign(**{name: frame[name].map(_csv_value) for name in texts})
    return safe.to_csv(index=False, lineterminator="\n", float_format="%.12g").encode()


def _csv_value(value: object) -> object:
    return csv_cell(value) if isinstance(value, str) else value


def _latex(table: Table) -> str:
    """A booktabs table, all texts escaped."""
    headings = [latex(column.heading) for column in table.columns]
    frame = pd.DataFrame(table.rows, columns=pd.RangeIndex(len(headings)))
    style = frame.style.format(lambda cell: latex(str(cell))).format_index(lambda i: headings[i], axis=1).hide(axis="index")
    letters = "".join("l" if column.align == "left" else "r" for column in table.columns)
    return style.to_latex(hrules=True, column_format=letters, caption=latex(table.caption) or None, label=f"tab:{table.name}")


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for part, suffixes in (("figures", (".svg", ".png")), ("tables", (".csv", ".tex"))):
        (folder / part).mkdir(parents=True, exist_ok=True)
        for old in _left(folder / part, suffixes):
            if f"{part}/{old.name}" not in files:
                old.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _left(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.suffix in suffixes and path.is_file()]
