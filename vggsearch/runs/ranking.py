"""Which of several nets is best: the one order that searches, reports and displays share."""

from collections.abc import Iterable
from typing import Literal

from vggsearch.runs.architecture_columns import ARCHITECTURE_COLUMNS, architecture_row
from vggsearch.runs.record import Outcome, RunRecord

Criterion = Literal["val_accuracy", "val_balanced_accuracy"]
"""The column by which nets are ranked."""

Standing = tuple[float, float, float, str]


def standing(value: float, macs: float, params: float, architecture: str) -> Standing:
    """Sort key of a net, the best first: highest `value`, fewest MACs, fewest parameters, then by text."""
    return -value, macs, params, architecture


def best_run(runs: Iterable[RunRecord | None], by: Criterion = "val_accuracy") -> RunRecord | None:
    """The completed run that comes first by `standing`; None where none completed."""
    completed = [
        (_standing(run, value), run)
        for run in runs
        if run is not None and run.outcome is Outcome.COMPLETED and (value := getattr(run, by)) is not None
    ]
    return min(completed, key=lambda pair: pair[0], default=(None, None))[1]


def _standing(run: RunRecord, value: float) -> Standing:
    text = run.key.architecture
    columns = dict(zip(ARCHITECTURE_COLUMNS, architecture_row(text, run.key.task), strict=True))
    return standing(value, float(columns["macs"] or 0), float(columns["params"] or 0), text)
