"""Stores and checkpoints from strangers: records that lie, links that lead out, files that are none."""

import hashlib
import json
import os
import pickle
import shutil
import sqlite3
import struct
from pathlib import Path

import pytest
from place import Place

from vggsearch.runs.checksums import add_checksum
from vggsearch.runs.record import RunRecord

STUDY = """\
data: {name: folder:images, val_fraction: 0.25}
architectures: [1x1+gap, 1x2+gap, 1x3+gap, 1x4+gap, 1x5+gap, 1x6+gap, 1x7+gap, 1x8+gap]
recipe: {base: fast, batch_size: 2}
budget: {steps: 8}
sampler: grid
finalists: null
"""
ESCAPES = "\x1b]0;STRANGER\x07\x1b[31m\x9b2J\u202e\r\n[red][link=http://evil]x[/]<script>"


@pytest.fixture(scope="module")
def honest(watched, tmp_path_factory):
    """The store of a study that ran to its end, its images beside it."""
    place = Place(tmp_path_factory.mktemp("honest"), watched)
    place.images(count=4)
    place.text("study.yaml", STUDY)
    assert place.run("run", "study.yaml", "--device", "cpu", "--workers", "1").status == 0
    return place.given


@pytest.fixture
def store(place, honest):
    """The same, in the hands of a stranger."""
    shutil.copytree(honest, place.given, dirs_exist_ok=True)
    return place.given / ".vggsearch"


def records(store: Path) -> list[Path]:
    return sorted((store / "ledger").glob("*/*.json"))


def content(path: Path) -> dict:
    return json.loads(path.read_bytes())["record"]


def put(path: Path, record: object) -> None:
    path.write_bytes(add_checksum(json.dumps(record).encode()))


def shown(place, store: Path, *, report: bool = True) -> list:
    """What the commands that read a store say of it."""
    digest = records(store)[-1].stem[:12]
    told = [
        place.run("status", "study.yaml"),
        place.run("status", "study.yaml", "--json"),
        place.run("runs", "show", digest),
        place.run("runs", "show", digest, "--json"),
        place.run("doctor"),
    ]
    if report:
        told.append(place.run("report", "study.yaml", "--out", str(place.out)))
    assert all(one.status in (0, 1, 2) for one in told)
    return told


def test_texts_of_a_stranger_move_no_cursor(place, store):
    for path in records(store):
        record = content(path)
        record["provenance"] |= dict.fromkeys(("vggsearch", "commit", "python", "torch", "platform"), ESCAPES)
        record["provenance"] |= {"processor": ESCAPES, "gpu": ESCAPES}
        record["key"]["data"]["name"] = record["reason"] = ESCAPES
        assert RunRecord.model_validate(record).key.digest == path.stem
        put(path, record)
    for path in (store / "studies" / "study" / "trials").iterdir():
        put(path, content(path) | {"reason": ESCAPES, "params": {ESCAPES: ESCAPES}})
    shown(place, store)


def test_names_of_files_move_no_cursor(place, store):
    (store / "studies" / "study" / "trials" / f"{ESCAPES.replace('/', '')}.json").write_text("x")
    (store / "ledger" / "00").mkdir(exist_ok=True)
    (store / "ledger" / "00" / f"{ESCAPES.replace('/', '')}.json").write_text("x")
    shown(place, store)


LIES = {
    "numbers without end": {"val_loss": 1e308, "train_s": 1e308, "latency_ms": 1e308, "eval_s": 1e308},
    "counts without end": {"steps": 2**63 - 1, "images": 2**63 - 1, "peak_memory_bytes": 2**63 - 1},
    "an accuracy above one": {"val_accuracy": 1e9},
    "a negative time": {"train_s": -1e9},
    "a curve of too many points": {"curve": [{"step": 1}] * 20_000},
    "answers to images that are none": {"val_correct": "A" * 100_000},
    "no base64": {"val_correct": "=" * 7},
    "a time before all time": {"provenance": {"started_at": -1e300}},
}


def test_records_that_lie_are_left_out_or_told(place, store):
    for path, lies in zip(records(store), LIES.values(), strict=True):
        record = content(path)
        if "provenance" in lies:
            lies = {"provenance": record["provenance"] | lies["provenance"]}
        put(path, record | lies)
    told = shown(place, store)
    assert told[0].out.count("absent or damaged") == 5


def test_a_record_of_another_run_is_left_out(place, store):
    first, second = records(store)[:2]
    first.write_bytes(second.read_bytes())
    told = shown(place, store, report=False)
    assert "absent or damaged" in told[0].out


def test_a_trial_with_the_run_of_another_names_no_file_outside(place, store):
    path = sorted((store / "studies" / "study" / "trials").iterdir())[0]
    put(path, content(path) | {"run": "../../../../own/" + "0" * 64})
    assert "left out" in shown(place, store, report=False)[0].out


def test_records_that_are_no_files_are_left_out(place, store):
    pipe, link, device, folder, sparse, *_ = records(store)
    for path in (pipe, link, device, folder):
        path.unlink()
    os.mkfifo(pipe)
    link.symlink_to(place.own / "diary.txt")
    device.symlink_to("/dev/zero")
    folder.mkdir()
    os.truncate(sparse, 1 << 34)
    assert shown(place, store, report=False)[0].out.count("absent or damaged") == 5


def test_a_run_writes_through_no_link_to_a_file(place, store):
    study = store / "studies" / "study"
    for number, name in enumerate(
        ("asked.json", "trials/search-000000.json", "trials/.tmp-x", ".tmp-asked.json")
    ):
        (study / name).unlink(missing_ok=True)
        (study / name).symlink_to(place.own / ("new" if number % 2 else "diary.txt"))
    assert place.run("run", "study.yaml", "--device", "cpu", "--workers", "1").status == 0


@pytest.mark.parametrize("name", ["lock", "studies/study/study.json"])
def test_a_link_where_the_store_has_a_file_is_refused(place, store, name):
    (store / name).unlink()
    (store / name).symlink_to(place.own / "diary.txt")
    assert Path(name).name in place.refused("run", "study.yaml", "--device", "cpu", "--workers", "1")


def test_a_link_where_the_store_has_a_folder_is_refused(place, store):
    for name in ("ledger", "studies", "studies/study", "studies/study/trials", "checkpoints"):
        path = store / name
        kept = path.rename(place.given / "kept") if path.exists() else None
        path.symlink_to(place.own)
        assert "link" in place.refused("run", "study.yaml", "--device", "cpu", "--workers", "1")
        path.unlink()
        if kept is not None:
            kept.rename(path)


class Call:
    def __reduce__(self):
        return os.system, ("echo ran STRANGER",)


def test_a_database_with_pickles_runs_nothing(place, store):
    """Optuna's CMA-ES sampler would unpickle these; no sampler of ours does."""
    with sqlite3.connect(store / "optuna.db") as base:
        text = pickle.dumps(Call()).hex()
        studies = [row[0] for row in base.execute("select study_id from studies")]
        trials = [row[0] for row in base.execute("select trial_id from trials")]
        for number, study in enumerate(studies):
            row = (10_000 + number, study, "cma:optimizer", json.dumps(text))
            base.execute("insert into study_system_attributes values (?, ?, ?, ?)", row)
        for number, trial in enumerate(trials):
            row = (10_000 + number, trial, "cma:optimizer:0", json.dumps(text))
            base.execute("insert into trial_system_attributes values (?, ?, ?, ?)", row)
    base.close()
    study = (place.given / "study.yaml").read_text()
    place.text("study.yaml", study.replace("[1x1+gap, ", "[1x9+gap, "))
    place.run("run", "study.yaml", "--device", "cpu", "--workers", "1")
    shown(place, store, report=False)


def test_a_store_full_of_rubbish_takes_no_time(place, store, long):
    for number in range(100_000 if long else 1000):
        folder = store / "ledger" / f"{number % 256:02x}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.json").write_bytes(b"x")
    assert max(one.cpu_s for one in shown(place, store, report=False)) < 10


def tensors(header: bytes, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header


BIG = b'{"model.0.weight":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}'
CHECKPOINTS = {
    "a pickle": pickle.dumps(Call()),
    "a header of eight exabytes": tensors(b"{}", 2**63 - 1),
    "a header beyond the file": tensors(b"{}", 10_000),
    "tensors larger than all": tensors(BIG),
    "a header that nests": tensors(b'{"a":' * 50_000),
    "nothing": b"",
}


def test_checkpoints_that_are_none_are_passed_over(place, store):
    """Their checksums are right: it is the tensors that lie."""
    path = records(store)[0]
    digest, version = path.stem, content(path)["provenance"]["torch"]
    path.unlink()
    folder = store / "checkpoints" / digest
    folder.mkdir(parents=True)
    for step, data in enumerate(CHECKPOINTS.values(), start=1):
        (folder / f"{step:012d}.safetensors").write_bytes(data)
        counters = dict.fromkeys(("cpu_s", "wall_s", "eval_s", "point_loss"), 0.0)
        counters |= {"loss_steps": 1, "point_steps": 1, "curve": [], "steps": step, "torch": version}
        counters |= {"key": digest, "tensors": hashlib.sha256(data).hexdigest()}
        put(folder / f"{step:012d}.json", counters)
    assert place.run("run", "study.yaml", "--device", "cpu", "--workers", "1").status == 0
    assert content(path)["steps"] == 8
