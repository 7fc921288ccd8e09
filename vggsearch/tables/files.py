"""A table as a file: gzip of CSV, whose first line is a comment that holds the header as JSON.

    # {"format":"vggsearch-table","version":1,"name":"vgg-table",…,"sha256":"…"}
    architecture,budget,seed,outcome,val_accuracy,…
    1x4-1x8-1x16+bn+gap,40 steps,0,completed,0.7123,…

`pandas.read_csv(path, comment="#")` reads it, too. The same rows give the same bytes. Files may come from
anyone: reading is bounded, and every value is checked.
"""

import csv
import gzip
import hashlib
import io
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from vggsearch.arch import Architecture
from vggsearch.costs import cost
from vggsearch.errors import ArchitectureError, StoreError
from vggsearch.recipe import Budget
from vggsearch.runs import Damage, Outcome, first_error, read_bounded, write_atomically
from vggsearch.tables.table import Row, Table, TableHeader

MAX_BYTES = 5 * 2**20
"""Largest file that is written or read."""

MAX_TEXT = 64 * 2**20
"""Most bytes after decompression."""

_MARK = b"# "


def write_table(table: Table, path: Path) -> None:
    """Write `table` to `path`, whole or not at all. Raises `StoreError`."""
    body = _body(table.rows)
    header = table.header.model_copy(
        update={"rows": len(table.rows), "sha256": hashlib.sha256(body).hexdigest()}
    )
    text = _MARK + header.model_dump_json().encode() + b"\n" + body
    packed = gzip.compress(text, 9, mtime=0)
    if len(packed) > MAX_BYTES or len(text) > MAX_TEXT:
        rule = f"a table is a file of at most {MAX_BYTES} bytes, not {len(packed)}"
        raise StoreError(f"{path}: {rule}: use fewer members or seeds")
    try:
        write_atomically(path, packed)
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}): name another file with --out"
        ) from error


def load_table(path: Path | str) -> Table:
    """Read a table that `vggsearch table build` wrote. Raises `StoreError` where it is damaged or absent."""
    path = Path(path)
    try:
        text = _decompressed(read_bounded(path, MAX_BYTES, follow=True))
        first, _, body = text.partition(b"\n")
        if not first.startswith(_MARK):
            raise Damage("its first line is no header of a table")
        header = TableHeader.model_validate_json(first[len(_MARK) :])
        if hashlib.sha256(body).hexdigest() != header.sha256:
            raise Damage("its checksum does not match its content")
        return Table(header, _rows(body, header))
    except FileNotFoundError as error:
        raise StoreError(
            f"{path}: no such table: write it with `vggsearch table build STUDY`, or name another file"
        ) from error
    except ValidationError as error:
        raise _unusable(path, first_error(error)) from error
    except Damage as damage:
        raise _unusable(path, str(damage)) from damage


def _body(rows: Sequence[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Row._fields)
    for row in rows:
        writer.writerow(["" if value is None else _text(value) for value in row])
    return text.getvalue().encode()


def _text(value: object) -> str:
    if isinstance(value, Outcome):
        return value.value
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _decompressed(packed: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            text = file.read(MAX_TEXT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Damage("not whole gzip data") from error
    if len(text) > MAX_TEXT:
        raise Damage(f"more than {MAX_TEXT} bytes when decompressed")
    return text


def _rows(body: bytes, header: TableHeader) -> tuple[Row, ...]:
    try:
        lines = list(csv.reader(io.StringIO(body.decode("ascii")), strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise Damage("not a table of values") from error
    if not lines or tuple(lines[0]) != Row._fields:
        raise Damage("other columns than a table has")
    if len(lines) - 1 != header.rows:
        raise Damage(f"{len(lines) - 1} rows, and its header counts {header.rows}")
    budgets = {str(budget): budget for budget in header.budgets}
    known: dict[str, None] = {}
    rows: list[Row] = []
    for number, values in enumerate(lines[1:], start=1):
        try:
            rows.append(_row(values, budgets, header, known))
        except (ValueError, KeyError, ArchitectureError) as error:
            raise Damage(f"row {number}: {str(error)[:200]}") from error
    if len({row[:3] for row in rows}) < len(rows):
        raise Damage("a run that stands twice")
    return tuple(rows)


def _row(
    values: Sequence[str], budgets: Mapping[str, Budget], header: TableHeader, known: dict[str, None]
) -> Row:
    architecture, budget, seed, outcome, *numbers, steps = values
    if architecture not in known:
        net = Architecture.parse(architecture)
        cost(net, header.task)  # raises where it does not fit the images
        if str(net) != architecture:
            raise ValueError(f"{architecture} is not in its canonical text")
        known[architecture] = None
    if budget not in budgets:
        raise ValueError(f"budget {budget} is not in the header")
    accuracy, balanced, train_s, eval_s, setup_s, latency_ms = numbers
    return Row(
        architecture,
        budgets[budget],
        _whole(seed),
        Outcome(outcome),
        _optional(accuracy, _fraction),
        _optional(balanced, _fraction),
        _number(train_s),
        _number(eval_s),
        _number(setup_s),
        _optional(latency_ms, _number),
        _whole(steps),
    )


def _optional(text: str, read: Callable[[str], float]) -> float | None:
    return read(text) if text else None


def _number(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise ValueError(f"{value} is no duration")
    return value


def _fraction(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError(f"{value} is no fraction")
    return value


def _whole(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**63:
        raise ValueError(f"{value} is no count")
    return value


def _unusable(path: Path, reason: str) -> StoreError:
    return StoreError(
        f"{path}: a table must be whole and unchanged, and here is {reason}: copy it again, or build it with "
        "`vggsearch table build STUDY`"
    )
