"""How much training the answer took, and on what: in words and as headline figures."""

from collections.abc import Iterator, Mapping

import pandas as pd

from vggsearch.analysis import Spending
from vggsearch.report.document import Paragraph, Span, Tile, count, duration, paragraph, plain, remark
from vggsearch.study import StudyResults


def effort_paragraphs(results: StudyResults, trials: pd.DataFrame, spent: Spending) -> tuple[Paragraph, ...]:
    """Runs, data, training time and machine of `trials`, the frame of `results`; then notes of `results`."""
    notes = tuple(remark(plain(one)) for one in results.notes)
    if trials.empty:
        return notes
    runs = trials["digest"].dropna().nunique()
    completed = trials.loc[trials["outcome"] == "completed", "digest"].nunique()
    whole = "all" if completed == runs else count(completed)
    spans: list[Span] = [
        f"{count(runs)} runs on {data_names(results)}, {whole} of them completed, took "
        f"{duration(trained_s(trials))} of training on {plain(device(results))}"
    ]
    if spent.elapsed_s > 0:
        spans.append(f" ({duration(spent.elapsed_s)} from start to end, {workers(spent)})")
    return (paragraph(*spans, "."), *notes)


def effort_tiles(
    results: StudyResults, trials: pd.DataFrame, spent: Spending, stages: Mapping[str, str]
) -> Iterator[Tile]:
    """Runs, training time and elapsed time. `stages` names the stages, in their order."""
    runs = int(trials["digest"].dropna().nunique())
    numbers = {name: int((trials["stage"] == stage).sum()) for stage, name in stages.items()}
    counted = ", ".join(f"{count(number)} {name}" for name, number in numbers.items() if number)
    yield Tile(count(runs), "distinct runs", f"trials: {counted}" if counted else "")
    machine = plain(device(results), limit=60) if runs else ""
    yield Tile(duration(trained_s(trials)), "training time", machine)
    if spent.elapsed_s > 0:
        yield Tile(duration(spent.elapsed_s), "from start to end", workers(spent))


def workers(spent: Spending) -> str:
    """The number of workers: `2 workers`."""
    return f"{spent.workers} worker{'s' if spent.workers > 1 else ''}"


def trained_s(trials: pd.DataFrame) -> float:
    """Training seconds of all distinct runs."""
    return float(trials[trials["digest"].notna()].drop_duplicates("digest")["train_s"].sum())


def data_names(results: StudyResults) -> str:
    """Names of the data sets of all runs; that of the study file where there is no run."""
    names = list(dict.fromkeys(run.key.data.name for run in results.runs.values()))
    return plain(", ".join(names) or results.study.data.name, limit=120)


def device(results: StudyResults) -> str:
    """Processors or GPUs of the runs."""
    names = [
        run.provenance.gpu or run.provenance.processor
        for run in results.runs.values()
        if run.provenance is not None
    ]
    return ", ".join(dict.fromkeys(names)) or "a machine that is not recorded"
