"""A report as files: an HTML page that needs no other file, Markdown, figures, tables and their data."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from vggsearch.errors import StoreError
from vggsearch.report.ablation import ablation_report, find_ablation, summarize_ablation
from vggsearch.report.document import (
    OWNED,
    Report,
    csv_links,
    html,
    inline,
    markdown_page,
    table_files,
    write_files,
)
from vggsearch.report.figures import png, svg, theme
from vggsearch.report.search import find_search, search_report, summarize_search
from vggsearch.report.shared import ReportSummary
from vggsearch.report.table import find_table, summarize_table, table_report
from vggsearch.study import AblationStudy, SearchStudy, StudyResults, TableStudy


class _Kind(NamedTuple):
    """How results of one kind of study become findings, and findings a report and a summary."""

    find: Callable[[StudyResults], Any]
    compose: Callable[[Any, str], Report]
    summarize: Callable[[Any, Path], ReportSummary]


_KINDS: Mapping[type[object], _Kind] = {
    SearchStudy: _Kind(find_search, search_report, summarize_search),
    AblationStudy: _Kind(find_ablation, ablation_report, summarize_ablation),
    TableStudy: _Kind(find_table, table_report, summarize_table),
}


def write_report(results: StudyResults, folder: Path, *, command: str) -> ReportSummary:
    """Write `folder/index.html`, `report.md`, `figures/`, `tables/` and `data/`.

    The same results and command give the same bytes. `StudyResults.read(folder / "data")` gives the same
    results.

    Args:
        results: The results so far; any part of them may be missing.
        folder: It is created where it is absent. Figures and tables of an earlier report are removed from it.
        command: Printed as the command that makes this report.

    Raises:
        StoreError: The folder cannot be written.
    """
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for part in ("data", *OWNED):
        if (folder / part).is_symlink():
            raise StoreError(
                f"report {folder}: {part} must be a folder, and is a link: remove the link, or "
                "name another folder with --out"
            )
    results = results.trimmed()
    with theme():
        kind = _KINDS[type(results.study)]
        findings = kind.find(results)
        report = kind.compose(findings, command)
        vectors = {drawing.name: svg(drawing.figure) for drawing in report.drawings()}
        rasters = {drawing.name: png(drawing.figure) for drawing in report.drawings()}
    drawn = {
        drawing.name: inline(vectors[drawing.name], drawing.name, f"{drawing.title}. {drawing.caption}")
        for drawing in report.drawings()
    }
    files = table_files(report)
    links = csv_links(files)
    files["index.html"] = html(report, drawn, links).encode()
    files["report.md"] = markdown_page(report, links).encode()
    files |= {f"figures/{name}.svg": vector.encode() for name, vector in vectors.items()}
    files |= {f"figures/{name}.png": raster for name, raster in rasters.items()}
    with _writing(folder):
        write_files(folder, files)
    results.write(folder / "data")
    return kind.summarize(findings, folder / "index.html")


def summarize_results(results: StudyResults, page: Path) -> ReportSummary:
    """What the terminal says of the report of `results`, whose page is `page`. Nothing is written."""
    kind = _KINDS[type(results.study)]
    return kind.summarize(kind.find(results), page)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"report {folder} cannot be written ({error.strerror}): free space or correct its permissions, "
            "or name another folder"
        ) from error
