"""The tables of a report as files: CSV with the numbers themselves, LaTeX as printed."""

import gzip
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from vggsearch.report.document.content import Report
from vggsearch.report.document.formats import csv_cell, latex
from vggsearch.report.document.table import Table
from vggsearch.runs import METRICS, UNEVEN_COLUMNS

MAX_CSV_BYTES = 256 * 1024
"""A larger CSV file is written as `.csv.gz`."""

OWNED = {"figures": (".svg", ".png"), "tables": (".csv", ".gz", ".tex")}
"""A report's own folders, and the suffixes of the files that a new report removes from them."""


def table_files(report: Report) -> dict[str, bytes]:
    """The files of all tables and of the numbers in all figures, by path; one explains the columns."""
    files: dict[str, bytes] = {}
    for table in report.tables():
        files |= _csv_file(table.name, table.data)
        if table.latex and table.rows:
            files[f"tables/{table.name}.tex"] = _latex(table).encode()
    for drawing in report.drawings():
        files |= _csv_file(f"figure_{drawing.name}", drawing.data)
    tables = [*(table.data for table in report.tables()), *(one.data for one in report.drawings())]
    told = {name for frame in tables for name in frame} | METRICS.keys() - set(UNEVEN_COLUMNS)
    rows = [
        (name, metric.label, metric.unit, metric.better or "")
        for name, metric in METRICS.items()
        if name in told
    ]
    meanings = pd.DataFrame(rows, columns=["column", "meaning", "printed unit", "better"])
    return files | _csv_file("columns", meanings)


def csv_links(files: Mapping[str, bytes]) -> dict[str, str]:
    """The path of each CSV file, by the name of its table."""
    return {Path(path).name.partition(".")[0]: path for path in files if ".csv" in path}


def _csv_file(name: str, frame: pd.DataFrame) -> dict[str, bytes]:
    """The frame under its file's path; a large file is compressed, which pandas and R can read."""
    content = _csv(frame)
    if len(content) <= MAX_CSV_BYTES:
        return {f"tables/{name}.csv": content}
    return {f"tables/{name}.csv.gz": gzip.compress(content, mtime=0)}


def _csv(frame: pd.DataFrame) -> bytes:
    """The frame in its own units (fractions, seconds, counts), with texts made harmless for spreadsheets."""
    texts = [name for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])]
    wholes = [name for name in frame.columns if name not in texts and _whole(frame[name])]
    safe = frame.copy()
    for name in texts:
        safe[name] = pd.Series(map(_harmless, frame[name]), index=frame.index, dtype=object)
    safe = safe.astype(dict.fromkeys(wholes, "Int64"))
    return safe.to_csv(index=False, lineterminator="\n", float_format="%.6g").encode()


def _whole(column: pd.Series) -> bool:
    """Whether a column of floats holds counts, some of them missing; all digits of counts are written."""
    if not pd.api.types.is_float_dtype(column):
        return False
    known = column.dropna()
    return len(known) > 0 and bool(((known % 1 == 0) & (known.abs() < 2**53)).all())


def _harmless(value: object) -> object:
    return csv_cell(value) if isinstance(value, str) else value


def _latex(table: Table) -> str:
    """A booktabs table with all texts escaped."""
    headings = [latex(column.heading) for column in table.columns]
    frame = pd.DataFrame(table.rows, columns=pd.RangeIndex(len(headings)))
    style = frame.style.format(lambda cell: latex(str(cell))).hide(axis="index")
    style = style.format_index(lambda i: headings[int(str(i))], axis=1)
    letters = "".join("l" if column.align == "left" else "r" for column in table.columns)
    caption = latex(f"{table.title}. {table.caption}".strip())
    return style.to_latex(hrules=True, column_format=letters, caption=caption, label=f"tab:{table.name}")


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write all `files` under `folder`, and remove figures and tables that are not among them.

    An existing file is removed first, as it may be a link that came with somebody else's report.
    Raises OSError.
    """
    for part, suffixes in OWNED.items():
        (folder / part).mkdir(parents=True, exist_ok=True)
        for old in sorted((folder / part).iterdir()):
            if old.suffix in suffixes and old.is_file() and f"{part}/{old.name}" not in files:
                old.unlink()
    for path, content in files.items():
        (folder / path).unlink(missing_ok=True)
        (folder / path).write_bytes(content)
