"""The study's answer in plain words, its headline figures, and the three lines for the terminal."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from vggsearch.report.content import Code, Paragraph, Span, Strong, Tile, note, text
from vggsearch.report.findings import STAGES, Findings
from vggsearch.report.formats import (
    MISSING,
    NBSP,
    count,
    duration,
    interval,
    percent,
    plain,
    points,
    si,
    spread,
)
from vggsearch.report.spending import Spending


@dataclass(frozen=True, slots=True)
class ReportSummary:
    """The three lines a person wants."""

    best: str
    """The most accurate net, its accuracy, MACs and parameters."""
    cheapest: str
    """The net of fewest MACs within 1 pp of the best."""
    where: str
    """The report's page."""
    path: Path

    def __str__(self) -> str:
        return "\n".join((self.best, self.cheapest, self.where))


def summarize(findings: Findings, path: Path) -> ReportSummary:
    """The summary of a report whose page is `path`."""
    where = f"report: {path}"
    if findings.best is None or findings.cheapest is None:
        return ReportSummary(
            f"best: none, {_nothing(findings)}", "cheapest within 1 pp of the best: none", where, path
        )
    return ReportSummary(
        f"best: {_line(findings, findings.best)}",
        f"cheapest within 1 pp of the best: {_line(findings, findings.cheapest)}",
        where,
        path,
    )


def _line(findings: Findings, row: pd.Series) -> str:
    parts = [f"{percent(row['val_accuracy'])} validation"]
    tested = findings.finalist(str(row["architecture"]))
    if tested is not None:
        parts.append(
            f"{spread(tested['test_mean'], tested['test_sd'])} test over {int(tested['n'])} fresh seeds"
        )
    parts += [f"{si(row['macs'])} MACs", f"{si(row['params'])} parameters"]
    return f"{plain(row['architecture'])}: {', '.join(parts)}".replace(NBSP, " ")


def _nothing(findings: Findings) -> str:
    number = len(findings.trials)
    return f"as none of {number} trials completed" if number else "as the study has no trials yet"


def answer(findings: Findings, spent: Spending) -> tuple[Paragraph, ...]:
    """The first paragraph of the report, and what must be known to read it rightly."""
    top, low = findings.best, findings.cheapest
    if top is None or low is None:
        return (text(Strong("No answer yet"), f": {_nothing(findings)}."), *_effort(findings, spent))
    finder = ", found by the random baseline," if top["stage"] == "baseline" else " found"
    spans: list[Span] = [
        f"The most accurate net{finder} is ",
        Code(plain(top["architecture"])),
        ": ",
        Strong(f"{percent(top['val_accuracy'])} validation accuracy"),
        f" with one seed, at {si(top['macs'])} MACs per image and {si(top['params'])} parameters. ",
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
            Strong(f"{percent(low['val_accuracy'])} with {si(low['macs'])} MACs"),
            f" ({100 * saved:.0f} % fewer) and {si(low['params'])} parameters.",
        ]
        tested = findings.finalist(str(low["architecture"]))
        if tested is not None:
            spans.append(f" On the test set it reaches {spread(tested['test_mean'], tested['test_sd'])}.")
    return (Paragraph(tuple(spans), "lead"), *_effort(findings, spent))


def above(difference: float) -> str:
    """`0.32 pp above`."""
    size = points(abs(difference)).lstrip("+−")
    return f"{size} {'above' if difference >= 0 else 'below'}"


def _tested(findings: Findings, top: pd.Series) -> list[Span]:
    tested = findings.finalist(str(top["architecture"]))
    if tested is None:
        return ["It was trained once, and its test accuracy is not known. "]
    fresh: list[Span] = [
        "Trained again with ",
        f"{int(tested['n'])} fresh seed{'s' if tested['n'] > 1 else ''}, it reaches ",
        Strong(f"{spread(tested['test_mean'], tested['test_sd'])} on the test set"),
    ]
    if pd.notna(tested["test_low"]):
        fresh.append(f" (95 % interval of the mean {interval(tested['test_low'], tested['test_high'])})")
    if pd.isna(tested["optimism"]):
        return [*fresh, ". "]
    return [
        *fresh,
        f"; on validation, the value that selected it was {above(tested['optimism'])} the mean of fresh "
        "seeds. ",
    ]


def _effort(findings: Findings, spent: Spending) -> tuple[Paragraph, ...]:
    trials = findings.trials
    if trials.empty:
        return ()
    runs = trials["digest"].dropna().nunique()
    completed = trials.loc[trials["outcome"] == "completed", "digest"].nunique()
    whole = "all" if completed == runs else count(completed)
    spans: list[Span] = [
        f"{count(runs)} runs on {_data_names(findings)}, {whole} of them completed, took "
        f"{duration(trained_s(findings))} of training on {plain(_device(findings))}"
    ]
    if spent.elapsed_s > 0:
        spans.append(
            f" ({duration(spent.elapsed_s)} from start to end, {spent.workers} "
            f"worker{'s' if spent.workers > 1 else ''})"
        )
    return (text(*spans, "."), *(note(plain(one)) for one in findings.results.notes))


def trained_s(findings: Findings) -> float:
    """Training seconds of all distinct runs."""
    return float(
        findings.trials[findings.trials["digest"].notna()].drop_duplicates("digest")["train_s"].sum()
    )


def _data_names(findings: Findings) -> str:
    names = list(dict.fromkeys(run.key.data.name for run in findings.results.runs.values()))
    return plain(", ".join(names) or findings.study.data.name, limit=120)


def _device(findings: Findings) -> str:
    names = [
        run.provenance.gpu or run.provenance.processor
        for run in findings.results.runs.values()
        if run.provenance is not None
    ]
    return ", ".join(dict.fromkeys(names)) or "a machine that is not recorded"


def tiles(findings: Findings, spent: Spending) -> tuple[Tile, ...]:
    """The headline figures."""
    trials = findings.trials
    shown = _found(findings)
    runs = int(trials["digest"].dropna().nunique())
    numbers = [
        f"{count(len(findings.stage(stage)))} {stage}" for stage in STAGES if len(findings.stage(stage))
    ]
    shown.append(Tile(count(runs), "distinct runs", "trials: " + ", ".join(numbers) if numbers else ""))
    shown.append(
        Tile(
            duration(trained_s(findings)), "training time", plain(_device(findings), limit=60) if runs else ""
        )
    )
    if spent.elapsed_s > 0:
        workers = f"{spent.workers} worker{'s' if spent.workers > 1 else ''}"
        shown.append(Tile(duration(spent.elapsed_s), "from start to end", workers))
    return tuple(shown)


def _found(findings: Findings) -> list[Tile]:
    top, low = findings.best, findings.cheapest
    if top is None or low is None:
        return []
    best = Tile(percent(top["val_accuracy"]), "best validation accuracy", _price(top))
    tested = findings.finalist(str(top["architecture"]))
    if tested is None:
        test = Tile(MISSING, "its test accuracy", "not measured")
    else:
        seeds = f"n = {int(tested['n'])}"
        if pd.notna(tested["test_low"]):
            seeds += f", 95 % interval {interval(tested['test_low'], tested['test_high'])}"
        test = Tile(spread(tested["test_mean"], tested["test_sd"]), "its test accuracy, fresh seeds", seeds)
    cheap = Tile(
        f"{si(low['macs'])}{NBSP}MACs",
        "cheapest within 1 pp",
        f"{percent(low['val_accuracy'])}, {si(low['params'])} parameters",
    )
    return [best, test, cheap]


def _price(row: pd.Series) -> str:
    return f"{si(row['macs'])} MACs, {si(row['params'])} parameters"
