"""A report as files: an HTML page that needs no other file, Markdown, figures, tables and their data."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from vggsearch.errors import StoreError
from vggsearch.report.ablation import ablation_report, arm_answers, find_ablation, summarize_ablation
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
from vggsearch.report.place import keep_from_git
from vggsearch.report.search import finalist_answers, find_search, search_report, summarize_search
from vggsearch.report.shared import Answers, ReportSummary, kept_images
from vggsearch.report.table import find_table, summarize_table, table_report
from vggsearch.study import AblationStudy, SearchStudy, StudyResults, TableStudy


class _Kind(NamedTuple):
    """How results of one kind of study become findings, and findings a report and a summary."""

    find: Callable[[StudyResults], Any]
    answers: Callable[[Any], Answers | None]
    compose: Callable[[Any, str], Report]
    summarize: Callable[[Any, Path], ReportSummary]


def _no_answers(findings: object) -> None:
    """A table tests nothing."""
    del findings


_KINDS: Mapping[type[object], _Kind] = {
    SearchStudy: _Kind(find_search, finalist_answers, search_report, summarize_search),
    AblationStudy: _Kind(find_ablation, arm_answers, ablation_report, summarize_ablation),
    TableStudy: _Kind(find_table, _no_answers, table_report, summarize_table),
}


def write_report(results: StudyResults, folder: Path, *, command: str) -> ReportSummary:
    """Write `folder/index.html`, `report.md`, `figures/`, `tables/` and `data/`.

    The same results and command give the same bytes. `StudyResults.read(folder / "data")` gives the same
    results.

    Args:
        results: The results so far; any part of them may be missing.
        folder: It is created where it is absent. Figures and tables of an earlier report are removed from it.
        command: Printed as the command that makes this report from its own data:
            `vggsearch report --from FOLDER`.

    Raises:
        StoreError: The folder cannot be written.
    """
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        keep_from_git(folder)
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


def with_pictures(results: StudyResults, *, data_dir: Path | None = None) -> StudyResults:
    """The results, with class names and the pictures of test images that their report will show.

    Call it once, for results from a store: the report's data keep what was found. Results without predictions
    of test images stay as they are. Where the data set is absent, the report says so and has no pictures.
    """
    kind = _KINDS[type(results.study)]
    answers = kind.answers(kind.find(results))
    return results if answers is None else replace(results, images=kept_images(answers, data_dir))


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
