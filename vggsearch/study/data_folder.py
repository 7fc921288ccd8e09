"""The data folder of a report: everything needed to make the report again without training.

    study.yaml       the study file, unchanged
    study.json       its name, the options of the command, the numbers of records, what is missing
    trials.jsonl     one `TrialRecord` a line, in the order asked
    runs.jsonl       one `RunRecord` a line, in the order in which trials first name them
    images.json      what is kept of the test images; only where runs hold predictions

Trials and runs are compressed, as `.jsonl.gz`, where they would be large. Files may come from anyone, so
reading is bounded and validated.
"""

import gzip
import io
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, ValidationError

from vggsearch.designs import Registration
from vggsearch.errors import StoreError
from vggsearch.runs import SCHEMA_VERSION, Damage, first_error, read_bounded, write_atomically
from vggsearch.schema import ADDED, Frozen
from vggsearch.study.kept_images import KeptImages

MAX_DATA_BYTES = 2 * 2**20
"""Largest data folder of a report, so that the whole report stays under 5 MB."""

MAX_READ_BYTES = 256 * 2**20
"""Most that is read from one file, after decompression."""

_LEVEL = 6

T = TypeVar("T")


class Contents(Frozen):
    """`study.json`."""

    schema_version: int = SCHEMA_VERSION
    path: str = Field(max_length=4096)
    """The path of the study file as it was given, or its name alone where the path was absolute."""
    trials: int | None = Field(default=None, ge=1)
    time_limit_s: float | None = Field(default=None, gt=0)
    trial_records: int = Field(ge=0)
    run_records: int = Field(ge=0)
    compressed: bool = False
    notes: tuple[str, ...] = Field(default=(), max_length=1_000_000)
    plans: tuple[Registration, ...] = Field(default=(), max_length=1000)
    """The registered plans of an ablation, in order."""
    data: Annotated[tuple[Annotated[str, Field(max_length=8192)], ...], ADDED] = ()
    """What was understood of a folder of images."""
    images: Annotated[bool, ADDED] = False
    """Whether there is an `images.json`."""


def packed_bytes(lines: Iterable[str]) -> int:
    """Bytes that `lines` take in a folder, compressed where they are large."""
    text = _joined(lines)
    return len(text) if len(text) <= MAX_DATA_BYTES else len(_compressed(text))


def write_folder(
    folder: Path,
    contents: Contents,
    source: str,
    trials: list[str],
    runs: list[str],
    images: KeptImages | None,
) -> None:
    """Write the files, each completely or not at all; raises `StoreError` where that fails."""
    texts = {"trials": _joined(trials), "runs": _joined(runs)}
    compressed = sum(map(len, texts.values())) > MAX_DATA_BYTES
    contents = contents.model_copy(update={"compressed": compressed, "images": images is not None})
    try:
        for name, text in texts.items():
            plain, packed = folder / f"{name}.jsonl", folder / f"{name}.jsonl.gz"
            write_atomically(packed if compressed else plain, _compressed(text) if compressed else text)
            (plain if compressed else packed).unlink(missing_ok=True)
        if images is None:
            (folder / "images.json").unlink(missing_ok=True)
        else:
            write_atomically(folder / "images.json", images.model_dump_json().encode() + b"\n")
        write_atomically(folder / "study.yaml", source.encode())
        write_atomically(folder / "study.json", contents.model_dump_json(indent=2).encode() + b"\n")
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot be written ({error.strerror}): free space, fix its permissions, or name "
            "another folder"
        ) from error


def read_contents(folder: Path) -> tuple[Contents, str]:
    """`study.json`, and the text of the study file. Raises `StoreError`."""
    try:
        contents = Contents.model_validate_json(_bytes(folder / "study.json"))
        if contents.schema_version != SCHEMA_VERSION:
            raise unusable(
                folder / "study.json", f"schema version {contents.schema_version}, not {SCHEMA_VERSION}"
            )
        return contents, _bytes(folder / "study.yaml").decode()
    except ValidationError as error:
        raise unusable(folder / "study.json", first_error(error)) from error
    except UnicodeDecodeError as error:
        raise unusable(folder / "study.yaml", "not UTF-8") from error


def read_images(folder: Path) -> KeptImages:
    """`images.json`. Raises `StoreError`."""
    try:
        return KeptImages.model_validate_json(_bytes(folder / "images.json"))
    except ValidationError as error:
        raise unusable(folder / "images.json", first_error(error)) from error


def read_lines(
    folder: Path, name: str, *, compressed: bool, count: int, parse: Callable[[bytes], T]
) -> list[T]:
    """The `count` records of `trials` or `runs`. Raises `StoreError`, which names the faulty line."""
    path = folder / (f"{name}.jsonl.gz" if compressed else f"{name}.jsonl")
    text = _decompressed(path) if compressed else _bytes(path)
    found: list[T] = []
    # One line at a time: a list of many empty lines takes far more memory than their bytes.
    for number, line in enumerate(io.BytesIO(text), start=1):
        try:
            found.append(parse(line.rstrip(b"\n")))
        except Damage as damage:
            raise unusable(path, f"line {number}: {damage}") from damage
    if len(found) != count:
        raise unusable(path, f"{len(found)} records, and study.json counts {count}")
    return found


def _decompressed(path: Path) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(_bytes(path))) as file:
            text = file.read(MAX_READ_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise unusable(path, "not whole gzip data") from error
    if len(text) > MAX_READ_BYTES:
        raise unusable(path, f"more than {MAX_READ_BYTES} bytes when decompressed")
    return text


def _bytes(path: Path) -> bytes:
    try:
        return read_bounded(path, MAX_READ_BYTES)
    except FileNotFoundError as error:
        raise unusable(path, "absent") from error
    except Damage as damage:
        raise unusable(path, str(damage)) from damage


def unusable(path: Path, reason: str) -> StoreError:
    """The error for a file of a report's data that cannot be used."""
    return StoreError(
        f"{path}: a report's data must be whole and unchanged, and here is {reason}: copy the report again"
    )


def _joined(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _compressed(text: bytes) -> bytes:
    return gzip.compress(text, _LEVEL, mtime=0)
