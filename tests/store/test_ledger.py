"""What a ledger in a folder does besides: its layout, every kind of damage, writes cut short anywhere.

What every ledger does is tested in `test_ledger_conformance`.
"""

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

import vggsearch.store.ledger as ledger_module
from vggsearch.errors import StoreError
from vggsearch.recipe import RECIPES, Budget
from vggsearch.runs import FINAL, DataKey, Outcome, RunKey, RunRecord
from vggsearch.runs.checksums import add_checksum
from vggsearch.store.ledger import Ledger

DATA = DataKey(name="fashion-mnist", digest="a" * 64, val_fraction=0.1, split_seed=0, split_digest="b" * 64)
RECORD = RunRecord(
    key=RunKey(
        architecture="1x8+gap",
        input_shape=(1, 28, 28),
        num_classes=10,
        data=DATA,
        recipe=RECIPES["fast"],
        budget=Budget(steps=100),
        seed=0,
        device="cpu",
    ),
    outcome=Outcome.COMPLETED,
    val_accuracy=0.9,
)


def record(seed: int = 0, outcome: Outcome = Outcome.COMPLETED, **changes: object) -> RunRecord:
    key = RunKey.model_validate(RECORD.key.model_dump() | {"seed": seed})
    return RECORD.model_copy(update={"key": key, "outcome": outcome, **changes})


def test_a_ledger_that_is_not_there_is_empty_and_reading_makes_none(tmp_path):
    ledger = Ledger(tmp_path / "none")
    assert (list(ledger), len(ledger), ledger.damaged(), ledger.sweep()) == ([], 0, [], 0)
    assert ledger.get("0" * 64) is None
    assert not (tmp_path / "none").exists()


def test_the_layout_is_two_digits_then_all(tmp_path):
    Ledger(tmp_path).put(RECORD)
    digest = RECORD.key.digest
    (path,) = tmp_path.glob("*/*")
    assert path == tmp_path / digest[:2] / f"{digest}.json"
    sealed = json.loads(path.read_text())
    assert sealed["record"]["key"]["architecture"] == "1x8+gap"


def test_only_what_a_machine_did_to_a_run_is_made_good_by_making_it_again():
    assert set(Outcome) - FINAL == {
        Outcome.CRASHED,
        Outcome.PREEMPTED,
        Outcome.OUT_OF_MEMORY,
        Outcome.INFEASIBLE,
        Outcome.TIMED_OUT,
        Outcome.PRUNED,
    }


def put_and_find(tmp_path: Path) -> tuple[Ledger, Path]:
    ledger = Ledger(tmp_path)
    ledger.put(RECORD)
    (path,) = tmp_path.glob("*/*.json")
    return ledger, path


def test_every_cut_and_every_flipped_bit_is_found(tmp_path):
    ledger, path = put_and_find(tmp_path)
    whole = path.read_bytes()
    spoiled = [whole[:size] for size in (0, 1, 50, 100, len(whole) // 2, len(whole) - 2, len(whole) - 1)]
    spoiled += [whole + b"\n", whole[:200] + whole]
    for position in range(0, len(whole), 7):
        spoiled.append(
            whole[:position] + bytes([whole[position] ^ 1 << position % 8]) + whole[position + 1 :]
        )
    for data in spoiled:
        path.write_bytes(data)
        assert ledger.get(RECORD.key.digest) is None
        assert list(ledger) == []
        (damaged,) = ledger.damaged()
        assert damaged.path == path
        assert damaged.reason
    ledger.put(RECORD)
    assert list(ledger) == [RECORD]


def forged(**changes: object) -> bytes:
    return add_checksum(json.dumps(json.loads(RECORD.model_dump_json()) | changes).encode())


KEY = json.loads(RECORD.key.model_dump_json())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"{}", "cut short, or not a record with its checksum"),
        (RECORD.model_dump_json().encode(), "cut short, or not a record with its checksum"),
        (add_checksum(b"[]").replace(b"[]", b"{}"), "its checksum does not match its content"),
        (add_checksum(b"not JSON"), "record: Invalid JSON: expected ident at line 1 column 2"),
        (forged(key=KEY | {"seed": 1}), "holds another run than its name says"),
        (forged(schema_version=2), "written in schema version 2, and this is 1"),
        (forged(extra=1), "extra: Extra inputs are not permitted"),
        (forged(val_accuracy=1.5), "val_accuracy: Input should be less than or equal to 1"),
        (forged(steps=10**30), "steps: Input should be less than 9223372036854775808"),
        (forged(key=KEY | {"architecture": "1x08+gap"}), "key.architecture: canonical text is 1x8+gap"),
        (
            forged(key=KEY | {"input_shape": [1, 1, 1]}),
            "key.architecture: 1 blocks halve a side of 1 pixels 1 times, and only 0 fit: use an input "
            "of at least 2 pixels",
        ),
    ],
)
def test_a_forged_record_is_refused_and_named(tmp_path, data, reason):
    ledger, path = put_and_find(tmp_path)
    path.write_bytes(data)
    assert [damaged.reason for damaged in ledger.damaged()] == [reason]
    assert ledger.get(RECORD.key.digest) is None


def test_what_is_no_record_at_all_is_named_and_does_not_stop_reading(tmp_path):
    ledger, path = put_and_find(tmp_path)
    folder = path.parent
    (folder / "notes.txt").write_text("mine")
    (folder / ("0" * 64 + ".json")).symlink_to(path)
    (folder / "inner").mkdir()
    os.mkfifo(folder / "pipe.json")
    with (folder / "large.json").open("wb") as file:
        file.truncate(2**40)
    assert list(ledger) == [RECORD]
    assert {(damaged.path.name, damaged.reason) for damaged in ledger.damaged()} == {
        ("notes.txt", "cut short, or not a record with its checksum"),
        ("0" * 64 + ".json", "cannot be read: Too many levels of symbolic links"),
        ("inner", "not a regular file"),
        ("pipe.json", "not a regular file"),
        ("large.json", f"{2**40} bytes, more than {16 * 2**20}"),
    }


def test_a_record_too_long_to_read_again_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr("vggsearch.store.ledger.MAX_RECORD_BYTES", 100)
    with pytest.raises(StoreError, match="a run's record has at most 100 bytes"):
        Ledger(tmp_path).put(RECORD)
    assert list(tmp_path.iterdir()) == []


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it and goes on."""


def at_step(monkeypatch: pytest.MonkeyPatch, step: int, error: BaseException) -> Iterator[int]:
    """Raise `error` at the `step`-th boundary, before or after a call that reaches the disk; count them."""
    steps = count()

    def pass_boundary():
        if next(steps) == step:
            raise error

    def bounded(real):
        def call(*args, **kwargs):
            pass_boundary()
            result = real(*args, **kwargs)
            pass_boundary()
            return result

        return call

    for name in ("open", "mkdir", "fsync", "replace"):
        monkeypatch.setattr(os, name, bounded(getattr(os, name)))
    return steps


@pytest.mark.parametrize("before", [None, record(outcome=Outcome.CRASHED, steps=1)])
@pytest.mark.parametrize("error", [Killed(), OSError(28, "No space left on device")])
def test_a_put_cut_short_anywhere_leaves_the_old_record_or_the_new(tmp_path, monkeypatch, before, error):
    new = record(steps=2)
    found = []
    for step in count():
        ledger = Ledger(tmp_path / str(step) / "ledger")
        if before is not None:
            ledger.put(before)
        with monkeypatch.context() as patch, contextlib.suppress(Killed, StoreError):
            steps = at_step(patch, step, error)
            ledger.put(new)
        again = Ledger(ledger.path)
        assert again.get(new.key.digest) in (before, new)
        assert again.damaged() == []
        found.append(again.get(new.key.digest))
        again.sweep()
        assert not list(ledger.path.glob("*/.tmp-*"))
        again.put(new)
        assert list(again) == [new]
        if next(steps) <= step:
            break
    assert found.count(before) >= 3
    assert found.count(new) > 1


def test_a_killed_writer_leaves_whole_records_only(tmp_path):
    ledger = Ledger(tmp_path)
    child = os.fork()
    if child == 0:
        for seed in count():
            ledger.put(record(seed))
    while len(list(tmp_path.glob("*/*.json"))) < 20:
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    seeds = sorted(found.key.seed for found in ledger)
    assert seeds == list(range(len(seeds)))
    assert ledger.damaged() == []


def test_a_full_disk_is_one_line_and_leaves_no_rest(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path / "ledger")
    ledger.put(record(outcome=Outcome.PREEMPTED))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError) as error:
        ledger.put(record())
    digest = RECORD.key.digest
    path = tmp_path / "ledger" / digest[:2] / f"{digest}.json"
    assert str(error.value) == (
        f"{path} cannot be written (No space left on device): free space or fix "
        "permissions, and run the same command again"
    )
    assert len(list(ledger.path.glob("*/*"))) == 1
    assert ledger.get(RECORD.key.digest).outcome is Outcome.PREEMPTED


def test_leftovers_of_interrupted_writes_are_no_records_and_only_sweeping_removes_them(tmp_path):
    ledger, path = put_and_find(tmp_path)
    left = path.parent / ".tmp-1-left.json"
    left.write_bytes(b'{"sha256')
    assert list(ledger) == [RECORD]
    assert ledger.damaged() == []
    assert left.exists()
    assert ledger.sweep() == 1
    assert not left.exists()
    assert list(ledger) == [RECORD]


def test_each_file_is_read_once(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path)
    for seed in range(20):
        ledger.put(record(seed))
    reads = []
    real = ledger_module.read_bounded
    monkeypatch.setattr(ledger_module, "read_bounded", lambda *args: reads.append(args) or real(*args))
    assert len(ledger) == 20
    assert len(reads) == 0
    assert len(list(ledger)) == 20
    assert len(reads) == 20
