"""Run records as tables.

Every table of the project has these columns, under these names. What their numbers are called on paper, and
their units, stands in `METRICS`.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import pandas as pd

from vggsearch.runs.architecture_columns import (
    ARCHITECTURE_COLUMNS,
    Kind,
    Scalar,
    architecture_row,
)
from vggsearch.runs.record import RunRecord

OUTCOME_COLUMNS: Mapping[str, Kind] = MappingProxyType(
    {
        "seed": "int",
        "evaluate_on": "text",
        "outcome": "text",
        "reason": "text",
        "val_accuracy": "float",
        "val_loss": "float",
        "test_accuracy": "float",
        "test_loss": "float",
        "steps": "int",
        "images": "int",
        "train_s": "float",
        "train_wall_s": "float",
        "train_cpu_s": "float",
        "eval_s": "float",
        "setup_s": "float",
        "images_per_s": "float",  # of training, by the budget's clock
        "latency_ms": "float",
        "peak_memory_bytes": "float",
        "contended": "flag",
        "budget": "text",
        "device": "text",
        "started_at": "float",  # seconds since the epoch, UTC
        "finished_at": "float",
        "dataset": "text",
    }
)
"""What came of training it."""

RUN_COLUMNS: Mapping[str, Kind] = MappingProxyType(
    {"run": "text", "digest": "text", **ARCHITECTURE_COLUMNS, **OUTCOME_COLUMNS}
)

CURVE_COLUMNS: Mapping[str, Kind] = MappingProxyType(
    {
        "run": "text",
        "architecture": "text",
        "step": "int",
        "images": "int",
        "fraction": "float",
        "train_s": "float",
        "train_loss": "float",
        "val_accuracy": "float",
        "val_loss": "float",
    }
)


def runs_frame(records: Iterable[RunRecord]) -> pd.DataFrame:
    """One row a run, with `RUN_COLUMNS`, in the order given. What a run did not measure is NaN.

    A `Ledger` can be passed as it is: its records are read one by one, and none is kept.
    """
    return table((run_row(record) for record in records), RUN_COLUMNS)


def curves_frame(records: Iterable[RunRecord]) -> pd.DataFrame:
    """One row a point of a learning curve, with `CURVE_COLUMNS`, in the order given and along each curve."""
    rows = (
        (
            short(record.key.digest),
            record.key.architecture,
            point.step,
            point.images,
            point.fraction,
            point.train_s,
            point.train_loss,
            point.val_accuracy,
            point.val_loss,
        )
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
    made = record.provenance
    return (
        short(key.digest),
        key.digest,
        *architecture_row(key.architecture, key.task),
        key.seed,
        key.evaluate_on,
        record.outcome.value,
        record.reason,
        record.val_accuracy,
        record.val_loss,
        record.test_accuracy,
        record.test_loss,
        record.steps,
        record.images,
        record.train_s,
        record.train_wall_s,
        record.train_cpu_s,
        record.eval_s,
        record.setup_s,
        record.images / record.train_s if record.train_s > 0 else None,
        record.latency_ms,
        record.peak_memory_bytes,
        record.contended,
        str(key.budget),
        key.device,
        made.started_at if made else None,
        made.finished_at if made else None,
        key.data.name,
    )


def table(rows: Iterable[tuple[Scalar, ...]], columns: Mapping[str, Kind]) -> pd.DataFrame:
    """Rows as a frame whose column types do not depend on which values happen to be there.

    `float` columns are float64; `int` columns int64, or float64 where a value is missing or beyond 64 bits;
    `flag` columns bool, or object where a value is missing.
    """
    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    return pd.DataFrame(
        {name: _series(column, kind) for (name, kind), column in zip(columns.items(), values, strict=True)}
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
