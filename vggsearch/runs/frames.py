"""Run records as tables.

Every table of the project has these columns, under these names. `vggsearch.runs.metrics.METRICS` has the
labels and units of the numbers.
"""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from types import MappingProxyType

import pandas as pd

from vggsearch.arch import Architecture, Task
from vggsearch.errors import ArchitectureError
from vggsearch.runs.architecture_columns import (
    ARCHITECTURE_COLUMNS,
    Column,
    Kind,
    Scalar,
    architecture_row,
    kinds,
    row_without_cost,
    values,
)
from vggsearch.runs.record import CurvePoint, Digest, Provenance, RunRecord, TrialRecord


def _made(name: str) -> Callable[[RunRecord], Scalar]:
    """A field of the run's provenance; None where the run has none."""
    read: Callable[[Provenance], Scalar] = attrgetter(name)
    return lambda run: None if run.provenance is None else read(run.provenance)


_OUTCOME: Mapping[str, Column[RunRecord]] = {
    "seed": Column("int", attrgetter("key.seed")),
    "evaluate_on": Column("text", attrgetter("key.evaluate_on")),
    "outcome": Column("text", attrgetter("outcome.value")),
    "reason": Column("text", attrgetter("reason")),
    "val_accuracy": Column("float", attrgetter("val_accuracy")),
    "val_loss": Column("float", attrgetter("val_loss")),
    "val_balanced_accuracy": Column("float", attrgetter("val_balanced_accuracy")),
    "val_majority": Column("float", attrgetter("val_majority")),
    "test_accuracy": Column("float", attrgetter("test_accuracy")),
    "test_loss": Column("float", attrgetter("test_loss")),
    "test_balanced_accuracy": Column("float", attrgetter("test_balanced_accuracy")),
    "test_majority": Column("float", attrgetter("test_majority")),
    "steps": Column("int", attrgetter("steps")),
    "images": Column("int", attrgetter("images")),
    "train_s": Column("float", attrgetter("train_s")),
    "train_wall_s": Column("float", attrgetter("train_wall_s")),
    "train_cpu_s": Column("float", attrgetter("train_cpu_s")),
    "eval_s": Column("float", attrgetter("eval_s")),
    "setup_s": Column("float", attrgetter("setup_s")),
    "images_per_s": Column("float", lambda run: run.images / run.train_s if run.train_s > 0 else None),
    "latency_ms": Column("float", attrgetter("latency_ms")),
    "peak_memory_bytes": Column("float", attrgetter("peak_memory_bytes")),
    "contended": Column("flag", attrgetter("contended")),
    "budget": Column("text", lambda run: str(run.key.budget)),
    "device": Column("text", attrgetter("key.device")),
    "started_at": Column("float", _made("started_at")),  # seconds since the epoch, UTC
    "finished_at": Column("float", _made("finished_at")),
    "dataset": Column("text", attrgetter("key.data.name")),
}

_TRIAL: Mapping[str, Column[TrialRecord]] = {
    "study": Column("text", attrgetter("study")),
    "stage": Column("text", attrgetter("stage")),
    "number": Column("int", attrgetter("number")),
    "cached": Column("flag", attrgetter("cached")),
    "asked_at": Column("float", attrgetter("asked_at")),
    "told_at": Column("float", attrgetter("told_at")),
}

_CURVE: Mapping[str, Column[CurvePoint]] = {
    "step": Column("int", attrgetter("step")),
    "images": Column("int", attrgetter("images")),
    "fraction": Column("float", attrgetter("fraction")),
    "train_s": Column("float", attrgetter("train_s")),
    "train_loss": Column("float", attrgetter("train_loss")),
    "val_accuracy": Column("float", attrgetter("val_accuracy")),
    "val_loss": Column("float", attrgetter("val_loss")),
}

OUTCOME_COLUMNS: Mapping[str, Kind] = MappingProxyType(kinds(_OUTCOME))
RUN_COLUMNS: Mapping[str, Kind] = MappingProxyType(
    {"run": "text", "digest": "text", **ARCHITECTURE_COLUMNS, **OUTCOME_COLUMNS}
)
TRIAL_COLUMNS: Mapping[str, Kind] = MappingProxyType({**kinds(_TRIAL), **RUN_COLUMNS})
CURVE_COLUMNS: Mapping[str, Kind] = MappingProxyType({"run": "text", "architecture": "text", **kinds(_CURVE)})


def runs_frame(records: Iterable[RunRecord]) -> pd.DataFrame:
    """One row a run, with `RUN_COLUMNS`, in the order given. What a run did not measure is NaN.

    A `Ledger` can be passed as it is: its records are read one by one, and none is kept.
    """
    return table((run_row(record) for record in records), RUN_COLUMNS)


def curves_frame(records: Iterable[RunRecord]) -> pd.DataFrame:
    """One row a point of a learning curve, with `CURVE_COLUMNS`, in the order given and along each curve."""
    rows = (
        (short(record.key.digest), record.key.architecture, *values(_CURVE, point))
        for record in records
        for point in record.curve
    )
    return table(rows, CURVE_COLUMNS)


def trials_frame(trials: Iterable[TrialRecord], runs: Mapping[Digest, RunRecord]) -> pd.DataFrame:
    """One row a trial, with `TRIAL_COLUMNS`, in the order given.

    Where a trial has no run in `runs`, the columns that come from training are missing. Its costs are
    computed for the task of the other runs, and missing where there is no run at all.
    """
    some = next(iter(runs.values()), None)
    task = None if some is None else some.key.task
    return table((_trial_row(trial, runs, task) for trial in trials), TRIAL_COLUMNS)


def _trial_row(trial: TrialRecord, runs: Mapping[Digest, RunRecord], task: Task | None) -> tuple[Scalar, ...]:
    run = None if trial.run is None else runs.get(trial.run)
    if run is not None:
        return (*values(_TRIAL, trial), *run_row(run))
    known = {"outcome": trial.outcome.value, "reason": trial.reason}
    return (
        *values(_TRIAL, trial),
        None if trial.run is None else short(trial.run),
        trial.run,
        *_architecture_or_structure(trial.architecture, task),
        *(known.get(column) for column in OUTCOME_COLUMNS),
    )


def _architecture_or_structure(text: str, task: Task | None) -> tuple[Scalar, ...]:
    if task is not None:
        try:
            return architecture_row(text, task)
        except ArchitectureError:
            pass  # infeasible because it cannot be built: its structure is known, its costs are not
    return row_without_cost(Architecture.parse(text))


def short(digest: str) -> str:
    """A run's name in tables: the first 12 digits of its digest."""
    return digest[:12]


def run_row(record: RunRecord) -> tuple[Scalar, ...]:
    """A run as the values of `RUN_COLUMNS`."""
    key = record.key
    return (
        short(key.digest),
        key.digest,
        *architecture_row(key.architecture, key.task),
        *values(_OUTCOME, record),
    )


def table(rows: Iterable[tuple[Scalar, ...]], columns: Mapping[str, Kind]) -> pd.DataFrame:
    """Rows as a frame whose column types do not depend on which values happen to be there.

    `float` columns are float64; `int` columns int64, or float64 where a value is missing or beyond 64 bits;
    `flag` columns bool, or object where a value is missing.
    """
    by_column = list(zip(*rows, strict=True)) or [()] * len(columns)
    return pd.DataFrame(
        {name: _series(column, kind) for (name, kind), column in zip(columns.items(), by_column, strict=True)}
    )


def _series(values: tuple[Scalar, ...], kind: Kind) -> pd.Series:
    if kind == "text":
        return pd.Series(
            values, dtype=object if not values or all(value is None for value in values) else None
        )
    if kind == "flag":
        return pd.Series(values, dtype=object if None in values else bool)
    fits = kind == "int" and all(isinstance(value, int) and abs(value) < 2**63 for value in values)
    return pd.Series(values, dtype="int64" if fits else "float64")
