"""A report as files: an HTML page that needs nothing else, Markdown, figures, tables, the data behind
them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vggsearch.analysis import spending
from vggsearch.errors import StoreError
from vggsearch.report.ablation import (
    compose as compose_ablation,
    find as find_ablation,
    summarize as summarize_ablation,
)
from vggsearch.report.document import (
    OWNED,
    Report,
    csv_links,
    html,
    inline,
    markdown_page,
    plain,
    table_files,
    write_files,
)
from vggsearch.report.figures import png, svg, theme
from vggsearch.report.search import Findings, answer, comparisons, find, sections, summarize, tiles
from vggsearch.report.shared import ReportSummary, provenance
from vggsearch.study import AblationStudy, StudyResults


def write_report(results: StudyResults, folder: Path, *, command: str) -> ReportSummary:
    """Write `folder/index.html`, `report.md`, `figures/`, `tables/` and `data/`.

    The same results and command give the same bytes; `StudyResults.read(folder / "data")` are the same
    results.

    Args:
        results: What the study has so far; any part of it may be missing.
        folder: Made where it is absent. Figures and tables that an earlier report left in it are removed.
        command: Printed as the one that makes this report.

    Raises:
        StoreError: The folder cannot be written.
    """
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for part in ("data", *OWNED):
        if (folder / part).is_symlink():
            raise StoreError(
                f"report {folder}: {part} is a folder of its own, and here is a link: remove the link, or "
                "name another folder with --out"
            )
    results = results.trimmed()
    with theme():
        report, summary = _composed(results, command, folder / "index.html")
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
    return summary


def summarize_results(results: StudyResults, page: Path) -> ReportSummary:
    """What the report of `results`, whose page is `page`, says on the terminal; nothing is written."""
    if isinstance(results.study, AblationStudy):
        return summarize_ablation(find_ablation(results), page)
    return summarize(find(results), page)


def _composed(results: StudyResults, command: str, page: Path) -> tuple[Report, ReportSummary]:
    if isinstance(results.study, AblationStudy):
        found = find_ablation(results)
        return compose_ablation(found, command), summarize_ablation(found, page)
    findings = find(results)
    return compose(findings, command), summarize(findings, page)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"report {folder} cannot be written ({error.strerror}): free space or mend its permissions, "
            "or name another folder"
        ) from error


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
            comparisons.against_random(findings),
            comparisons.kernels(findings),
            sections.learning(findings),
            sections.time_and_outcomes(findings, spent),
            sections.all_trials(findings),
            provenance(findings.results, spent, command),
            sections.practices(findings, spent),
        ),
    )
