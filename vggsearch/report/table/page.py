"""The page of a table, section by section."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vggsearch.analysis import spending
from vggsearch.report.document import (
    Block,
    Figures,
    Paragraph,
    Report,
    Table,
    Tile,
    count,
    duration,
    fixed,
    number_column,
    paragraph,
    plain,
    section,
    text_column,
)
from vggsearch.report.shared import ReportSummary, outcome_table, provenance_section
from vggsearch.report.table.figures import fidelity_figure, shares_figure
from vggsearch.study import StudyResults
from vggsearch.tables import Description, Table as RunTable, build_table, describe_table, table_sentences


@dataclass(frozen=True)
class TableFindings:
    """What a store holds of a table."""

    results: StudyResults
    table: RunTable
    found: Description


def find_table(results: StudyResults) -> TableFindings:
    """The findings of a table's runs. Raises `StoreError` where there is none."""
    table = build_table(results)
    return TableFindings(results, table, describe_table(table))


def table_report(findings: TableFindings, command: str) -> Report:
    """The whole report, before it takes any format. Call it inside `theme`."""
    results, found = findings.results, findings.found
    frame = results.frame()
    sections = (
        size_section(findings),
        fidelity_section(findings),
        noise_section(findings),
        shares_section(findings),
        predictor_section(findings),
        provenance_section(results, spending(frame), command),
    )
    lines = table_sentences(findings.table, found)
    answer = tuple(Paragraph((line,), "lead" if number == 0 else "text") for number, line in enumerate(lines))
    tiles = (
        Tile(count(len(findings.table.members)), "networks"),
        Tile(count(len(findings.table.rows)), "runs"),
        Tile(count(len(findings.table.fidelities)), "budgets"),
    )
    return Report(
        results.study.name, plain(results.study.question, limit=2000), answer, tiles, sections, "table"
    )


def summarize_table(findings: TableFindings, page: Path) -> ReportSummary:
    """What the terminal says of the report."""
    return ReportSummary(table_sentences(findings.table, findings.found), page)


@section("size", "What was trained")
def size_section(findings: TableFindings) -> Iterator[Block]:
    """Members, seeds and runs of each budget."""
    columns = [
        text_column("budget", "budget"),
        number_column("networks", "members", count),
        number_column("seeds, at most", "seeds", count),
        number_column("runs", "runs", count),
        number_column("completed", "completed", count),
        number_column("a run", "mean_s", duration),
    ]
    yield Table("fidelities", "Runs by budget", columns, findings.found.sizes)
    yield outcome_table(findings.results.frame(), {"table": "table"})
    for note in findings.table.header.notes:
        yield paragraph(note)


@section("fidelities", "Do short runs stand for long ones?")
def fidelity_section(findings: TableFindings) -> Iterator[Block]:
    """Rank correlations between budgets."""
    found = findings.found.correlations
    yield paragraph(
        "Rank correlations over networks, between a run at one budget and a run of the same network at "
        "another, with another seed. The last column is the share of the best tenth at the lower budget that "
        "is in the best tenth at the higher one."
    )
    columns = [
        number_column("lower budget", "low", lambda value: f"{value:g}"),
        number_column("higher budget", "high", lambda value: f"{value:g}"),
        number_column("networks", "members", count),
        number_column("Spearman", "spearman", _two),
        number_column("Kendall", "kendall", _two),
        number_column("best tenth kept", "top", _two),
    ]
    yield Table("correlations", "Rank correlations between budgets", columns, found)
    drawing = fidelity_figure(findings.table)
    if drawing is not None:
        yield Figures((drawing,))


@section("noise", "How much is chance?")
def noise_section(findings: TableFindings) -> Iterator[Block]:
    """Spread over seeds against spread over members."""
    columns = [
        number_column("budget", "amount", lambda value: f"{value:g}"),
        number_column("networks", "members", count),
        number_column("seeds", "seeds", lambda value: f"{value:.1f}"),
        number_column("mean accuracy, %", "mean", _points),
        number_column("SD over seeds, pp", "sd_seed", _points),
        number_column("SD over networks, pp", "sd_member", _points),
        number_column("reliability", "reliability", _two),
    ]
    yield paragraph(
        "Reliability is the correlation between two seeds: no predictor of a single run can be better than "
        "its square root."
    )
    yield Table("noise", "Spread over seeds and over networks", columns, findings.found.noise)


@section("shares", "What explains the accuracies?")
def shares_section(findings: TableFindings) -> Iterator[Block]:
    """Shares of variance at the full budget."""
    columns = [
        text_column("factor", "factor"),
        number_column("alone, %", "alone", _points),
        number_column("added to all others, %", "added", _points),
    ]
    yield Table(
        "shares", f"Shares of variance at {findings.table.header.full}", columns, findings.found.shares
    )
    if len(findings.found.shares):
        yield Figures((shares_figure(findings.found.shares),))


@section("predictors", "What predicts without training?")
def predictor_section(findings: TableFindings) -> Iterator[Block]:
    """Rank correlations of costs with accuracy."""
    columns = [
        text_column("predictor", "predictor"),
        number_column("networks", "members", count),
        number_column("Spearman", "spearman", _two),
        number_column("Kendall", "kendall", _two),
        number_column("best tenth found", "top", _two),
    ]
    yield Table("predictors", "Rank correlation with accuracy", columns, findings.found.predictors)


def _two(value: float) -> str:
    return fixed(value, 2)


def _points(value: float) -> str:
    return fixed(100 * value, 2)
