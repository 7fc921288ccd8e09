"""Run records as tables.

Every table of the project has these columns, under these names. `vggsearch.runs.metrics.METRICS` has the
labels and units of the numbers.
"""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from types import MappingProxyType

import pandas as pd

from vggsearch.runs.architecture_columns import (
    ARCHITECTURE_COLUMNS,
    Column,
    Kind,
    Scalar,
    architecture_row,
    kinds,
    values,
)
from vggsearch.runs.record import CurvePoint, Provenance, RunRecord


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
    "test_accuracy": Column("float", attrgetter("test_accuracy")),
    "test_loss": Column("float", attrgetter("test_loss")),
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
