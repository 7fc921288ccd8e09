"""Records from JSON that may come from anyone: validated, or refused as `Damage`."""

import contextlib
import gc
from collections.abc import Iterator

from pydantic import ValidationError

from vggsearch.arch import Architecture
from vggsearch.errors import ArchitectureError
from vggsearch.runs.architecture_columns import architecture_row
from vggsearch.runs.checksums import Damage
from vggsearch.runs.record import SCHEMA_VERSION, RunKey, RunRecord, TrialRecord

MAX_RECORD_BYTES = 16 * 2**20
"""Largest file that is read as a record; the longest curve and correctness that are allowed fit."""


def validated(data: bytes) -> RunRecord:
    """A record from JSON that may come from anyone; raises `Damage` where it cannot be understood."""
    try:
        record = RunRecord.model_validate_json(data)
    except ValidationError as error:
        raise Damage(first_error(error)) from error
    if record.schema_version != SCHEMA_VERSION:
        raise Damage(f"written in schema version {record.schema_version}, and this is {SCHEMA_VERSION}")
    fault = _architecture_fault(record.key)
    if fault is not None:
        raise Damage(fault)
    return record


def valid_trial(data: bytes) -> TrialRecord:
    """A trial from JSON that may come from anyone; raises `Damage` where this version cannot read it."""
    try:
        trial = TrialRecord.model_validate_json(data)
        if str(Architecture.parse(trial.architecture)) != trial.architecture:
            raise Damage("architecture: not in its canonical text")
    except ValidationError as error:
        raise Damage(first_error(error)) from error
    except ArchitectureError as error:
        raise Damage(str(error)) from error
    if trial.stage in ("pairs", "rates", "calibration"):
        _check_params(trial)
    if trial.schema_version != SCHEMA_VERSION:
        raise Damage(f"written in schema version {trial.schema_version}, and this is {SCHEMA_VERSION}")
    return trial


def first_error(error: ValidationError) -> str:
    """pydantic's first complaint in a few words, without the value, which may be long."""
    details = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part)[:40] for part in details["loc"]) or "record"
    text = f"{where}: {details['msg']}".replace("\n", " ")[:200]
    return text if text.isprintable() else ascii(text)  # a key may be anything


@contextlib.contextmanager
def many_records() -> Iterator[None]:
    """Switch the garbage collector off while many records are read and kept, as they hold no cycles.

    10 000 runs take 1.7 s of CPU instead of 2.8 s.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _check_params(trial: TrialRecord) -> None:
    """Raise `Damage` where a trial of an ablation does not name its arm and the number of its run."""
    kinds = {"arm": str, "lr": float, "pair" if trial.stage == "pairs" else "repeat": int}
    if trial.stage == "calibration":
        del kinds["lr"]
    for name, kind in kinds.items():
        if type(trial.params.get(name)) is not kind:
            raise Damage(f"params: {name} is absent, or of another kind")


def _architecture_fault(key: RunKey) -> str | None:
    """Why the key's architecture is invalid for its input; None where it is valid."""
    try:
        text = architecture_row(key.architecture, key.task)[0]
    except ArchitectureError as error:
        return f"key.architecture: {error}"
    return None if text == key.architecture else f"key.architecture: canonical text is {text}"
