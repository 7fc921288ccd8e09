"""The answer of a search in words, its headline figures, and its lines for the terminal."""

from pathlib import Path

import pandas as pd

from vggsearch.analysis import Spending
from vggsearch.report.document import (
    MISSING,
    NBSP,
    Code,
    Paragraph,
    Span,
    Strong,
    Tile,
    interval,
    paragraph,
    percent,
    plain,
    points,
    si,
    spread,
)
from vggsearch.report.search.certainty import certainty, doubts
from vggsearch.report.search.search_findings import SearchFindings
from vggsearch.report.shared import ReportSummary, beside, effort_paragraphs, effort_tiles
from vggsearch.runs import METRICS


def summarize_search(findings: SearchFindings, path: Path) -> ReportSummary:
    """The summary of a report whose page is `path`: the most accurate net, and the cheapest near it."""
    top, low = findings.best, findings.cheapest
    best = f"none, {_nothing(findings)}" if top is None else _line(findings, top)
    cheapest = "none" if low is None else _line(findings, low)
    lines = (f"best: {best}", f"cheapest within 1 pp of the best: {cheapest}")
    doubt = doubts(findings)
    return ReportSummary((*lines, *([doubt.replace(NBSP, " ")] if doubt else [])), path)


def _line(findings: SearchFindings, row: pd.Series) -> str:
    parts = [f"{percent(row[findings.by])} {findings.measured}{_beside(findings, row)}"]
    tested = findings.finalist(str(row["architecture"]))
    if tested is not None:
        parts.append(
            f"{spread(tested['test_mean'], tested['test_sd'])} {findings.balanced}test over "
            f"{int(tested['n'])} fresh seeds{beside(findings.trials, 'test')}"
        )
    parts += [_price(row)]
    return f"{plain(row['architecture'])}: {', '.join(parts)}".replace(NBSP, " ")


def _nothing(findings: SearchFindings) -> str:
    number = len(findings.trials)
    return f"as none of {number} trials completed" if number else "as the study has no trials yet"


def search_answer(findings: SearchFindings, spent: Spending) -> tuple[Paragraph, ...]:
    """The best net and the cheapest near it, then the training that this answer took."""
    top, low = findings.best, findings.cheapest
    if top is None or low is None:
        nothing = paragraph(Strong("No answer yet"), f": {_nothing(findings)}.")
        return (nothing, *effort_paragraphs(findings.results, findings.trials, spent))
    finder = ", found by the random baseline," if top["stage"] == "baseline" else " found"
    spans: list[Span] = [
        f"{'The net with the best balanced accuracy' if findings.balanced else 'The most accurate net'}"
        f"{finder} is ",
        Code(plain(top["architecture"])),
        ": ",
        Strong(f"{percent(top[findings.by])} {findings.accuracy}"),
        f"{_beside(findings, top)} with one seed, at {si(top['macs'])} MACs per image and "
        f"{si(top['params'])} parameters. ",
    ]
    spans += _tested(findings, top)
    if low["architecture"] == top["architecture"]:
        spans.append("No cheaper net comes within one percentage point of it.")
    else:
        saved = 1 - float(low["macs"]) / float(top["macs"])
        spans += [
            "The cheapest within one percentage point of it is ",
            Code(plain(low["architecture"])),
            ": ",
            Strong(f"{percent(low[findings.by])} with {si(low['macs'])} MACs"),
            f" ({100 * saved:.0f} % fewer) and {si(low['params'])} parameters.",
        ]
        tested = findings.finalist(str(low["architecture"]))
        if tested is not None:
            spans.append(f" On the test set it reaches {spread(tested['test_mean'], tested['test_sd'])}.")
    certain = [paragraph(text) for text in certainty(findings)]
    if findings.results.stopped_early:
        study = findings.study
        certain.append(paragraph(f"The search stopped before its {study.trials} runs, at {study.stop}."))
    return (
        Paragraph(tuple(spans), "lead"),
        *certain,
        *effort_paragraphs(findings.results, findings.trials, spent),
    )


def above_or_below(difference: float) -> str:
    """`0.32 pp above`."""
    size = points(abs(difference)).lstrip("+−")
    return f"{size} {'above' if difference >= 0 else 'below'}"


def _tested(findings: SearchFindings, top: pd.Series) -> list[Span]:
    tested = findings.finalist(str(top["architecture"]))
    if tested is None:
        return ["It was trained once, and its test accuracy is not known. "]
    fresh: list[Span] = [
        "Trained again with ",
        f"{int(tested['n'])} fresh seed{'s' if tested['n'] > 1 else ''}, it reaches ",
        Strong(f"{spread(tested['test_mean'], tested['test_sd'])} on the test set"),
        beside(findings.trials, "test"),
    ]
    if pd.notna(tested["test_low"]):
        fresh.append(f" (95 % interval of the mean {interval(tested['test_low'], tested['test_high'])})")
    if pd.isna(tested["optimism"]):
        return [*fresh, ". "]
    optimism = above_or_below(tested["optimism"])
    return [*fresh, f"; on validation, the value that selected it was {optimism} the mean of fresh seeds. "]


def search_tiles(findings: SearchFindings, spent: Spending) -> tuple[Tile, ...]:
    """The headline figures."""
    stages = {"short": "short", "search": "search", "baseline": "baseline", "finalists": "finalists"}
    return (*_found(findings), *effort_tiles(findings.results, findings.trials, spent, stages))


def _found(findings: SearchFindings) -> list[Tile]:
    top, low = findings.best, findings.cheapest
    if top is None or low is None:
        return []
    best = Tile(percent(top[findings.by]), f"best {findings.accuracy}", _price(top) + _beside(findings, top))
    tested = findings.finalist(str(top["architecture"]))
    if tested is None:
        test = Tile(MISSING, "its test accuracy", "not measured")
    else:
        seeds = f"n = {int(tested['n'])}{beside(findings.trials, 'test')}"
        if pd.notna(tested["test_low"]):
            seeds += f", 95 % interval {interval(tested['test_low'], tested['test_high'])}"
        test = Tile(spread(tested["test_mean"], tested["test_sd"]), "its test accuracy, fresh seeds", seeds)
    cheap = Tile(
        f"{si(low['macs'])}{NBSP}MACs",
        "cheapest within 1 pp",
        f"{percent(low[findings.by])}, {si(low['params'])} parameters",
    )
    return [best, test, cheap]


def _beside(findings: SearchFindings, row: pd.Series) -> str:
    """What must stand beside a validation accuracy where classes are uneven."""
    other = "val_accuracy" if findings.by == "val_balanced_accuracy" else "val_balanced_accuracy"
    known = {"largest class": row["val_majority"], METRICS[other].label: row[other]}
    told = [f"{name} {percent(value)}" for name, value in known.items() if pd.notna(value)]
    return f" ({', '.join(told)})" if pd.notna(row["val_majority"]) else ""


def _price(row: pd.Series) -> str:
    return f"{si(row['macs'])} MACs, {si(row['params'])} parameters"
