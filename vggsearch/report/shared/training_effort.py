"""How much training the answer took, on what, in words."""

import pandas as pd

from vggsearch.analysis import Spending
from vggsearch.report.document import Paragraph, Span, count, duration, note, plain, text
from vggsearch.study import StudyResults


def effort(results: StudyResults, trials: pd.DataFrame, spent: Spending) -> tuple[Paragraph, ...]:
    """Runs, data, training time and machine; then what is missing from the results. `trials` is their
    frame."""
    notes = tuple(note(plain(one)) for one in results.notes)
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
    return (text(*spans, "."), *notes)


def workers(spent: Spending) -> str:
    """`2 workers`."""
    return f"{spent.workers} worker{'s' if spent.workers > 1 else ''}"


def trained_s(trials: pd.DataFrame) -> float:
    """Training seconds of all distinct runs."""
    return float(trials[trials["digest"].notna()].drop_duplicates("digest")["train_s"].sum())


def data_names(results: StudyResults) -> str:
    """The data set that the runs saw, or the study file names."""
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
