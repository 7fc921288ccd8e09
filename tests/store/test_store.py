import errno
import fcntl
import json
import os
import signal
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

import vggsearch.store.store as store_module
from vggsearch.errors import StoreError, StudyFileError
from vggsearch.recipe import RECIPES, Budget
from vggsearch.runs import DataKey, Outcome, RunKey, RunRecord, TrialRecord
from vggsearch.runs.checksums import add_checksum
from vggsearch.store import MemoryLedger, Store
from vggsearch.study.file.load import parse_study
from vggsearch.study.results import read_results

SOURCE = """\
question: Does it last?
data: {name: fashion-mnist}
space:
  num_blocks: [1, 2]
  convs_per_block: [1]
  ratio: [8]
  kernel_size: [3, 5]
recipe: fast
budget: {steps: 100}
sampler: random
trials: 20
"""
STUDY = parse_study(SOURCE, Path("studies/lasting.yaml"))


def record(seed: int = 0) -> RunRecord:
    key = RunKey(
        architecture="1x8+bn+gap",
        input_shape=(1, 28, 28),
        num_classes=10,
        data=DataKey(
            name="fashion-mnist", digest="a" * 64, val_fraction=0.1, split_seed=0, split_digest="b" * 64
        ),
        recipe=RECIPES["fast"],
        budget=Budget(steps=100),
        seed=seed,
        device="cpu",
    )
    return RunRecord(key=key, outcome=Outcome.COMPLETED, val_accuracy=0.9)


def trial(number: int = 0, stage: str = "search", **changes: object) -> TrialRecord:
    fields = {
        "study": "lasting",
        "stage": stage,
        "number": number,
        "architecture": "1x8+bn+gap",
        "params": {"num_blocks": 1, "kernel": 3, "head": "gap", "batch_norm": True},
        "outcome": Outcome.COMPLETED,
        "asked_at": 1.0,
        "told_at": 2.0,
    }
    return TrialRecord.model_validate(fields | changes)


def message(error: pytest.ExceptionInfo[Exception]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_store_is_made_where_there_is_none_and_found_again(tmp_path):
    path = tmp_path / "deep" / "store"
    store = Store.open(path, create=True)
    store.ledger.put(record())
    store.put_trial(trial())
    again = Store.open(path)
    assert list(again.ledger) == [record()]
    assert again.trials("lasting") == [trial()]
    assert sorted(item.name for item in path.iterdir()) == ["ledger", "studies"]


def test_reading_makes_no_store(tmp_path):
    with pytest.raises(StoreError) as error:
        Store.open(tmp_path / "none")
    assert message(error) == (
        f"store {tmp_path}/none: holds no runs yet: run a study first, or name another --store"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_cannot_hold_a_store_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    remedy = "name a folder you may write to with --store"
    with pytest.raises(StoreError) as error:
        Store.open(tmp_path / "file", create=True)
    assert message(error) == f"store {tmp_path}/file: cannot be written (Not a directory): {remedy}"
    with pytest.raises(StoreError) as error:
        Store.open(Path("/proc/store"), create=True)
    assert message(error) == f"store /proc/store: cannot be written (No such file or directory): {remedy}"
    with pytest.raises(StoreError) as error:
        Store.open(tmp_path / ("x" * 300), create=True)
    assert "File name too long" in message(error)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EROFS, "Read-only file system"),
        (errno.EACCES, "Permission denied"),
        (errno.ENOSPC, "No space left"),
    ],
)
def test_a_store_that_cannot_be_written_is_one_line_when_opened(tmp_path, monkeypatch, number, words):
    Store.open(tmp_path, create=True)

    def refuse(**_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(store_module.tempfile, "TemporaryFile", refuse)
    with pytest.raises(StoreError, match=words) as error:
        Store.open(tmp_path, create=True)
    message(error)
    assert Store.open(tmp_path).root == tmp_path


def test_a_disk_that_fills_up_is_one_line_and_loses_nothing(tmp_path, monkeypatch):
    store = Store.open(tmp_path, create=True)
    store.put_trial(trial(told_at=2.0))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError) as error:
        store.put_trial(trial(told_at=3.0))
    assert message(error) == (
        f"{tmp_path}/studies/lasting/trials/search-000000.json cannot be written (No space left on device): "
        "free space or fix permissions, and run the same command again"
    )
    assert store.trials("lasting") == [trial(told_at=2.0)]


@pytest.mark.parametrize(
    "name", ["plain", "with space", "ä", "a@b", "a:b", "a&b=c", "a+b", "a#b", "50%", "why?"]
)
def test_the_database_is_in_the_store_whatever_the_store_is_called(tmp_path, name):
    url = Store.open(tmp_path / name, create=True).optuna_url
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("create table t (x integer)"))
    engine.dispose()
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob("*.db")] == [Path(name) / "optuna.db"]


def test_the_store_is_where_it_was_when_the_working_directory_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = Store.open(Path("store"), create=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.put_trial(trial())
    assert store.trials("lasting") == [trial()]
    assert store.optuna_url == f"sqlite:///{tmp_path}/store/optuna.db"


def test_one_controller_writes_at_a_time(tmp_path):
    store = Store.open(tmp_path, create=True)
    with store.lock():
        with pytest.raises(StoreError) as error, Store.open(tmp_path, create=True).lock():
            pass
        assert message(error) == (
            f"store {tmp_path}: one controller writes at a time, and process {os.getpid()} does: wait for "
            "it, stop it, or name another --store"
        )
    with store.lock():
        pass


def test_a_store_takes_another_ledger(tmp_path):
    kept = {}
    store = Store.open(tmp_path, ledger=MemoryLedger(kept), create=True)
    store.ledger.put(record())
    store.begin(STUDY)
    store.put_trial(trial(0, run=record().key.digest))
    folder = store.checkpoints / record().key.digest
    folder.mkdir(parents=True)
    with Store.open(tmp_path, ledger=MemoryLedger(kept), create=True).lock():
        assert not folder.exists()  # its run is finished, as the ledger says
    assert list(store.layout.ledger.iterdir()) == []
    assert list(read_results(store, STUDY).runs.values()) == [record()]
    assert store.studies() == ["lasting"]


def test_a_killed_controller_holds_no_lock(tmp_path):
    store = Store.open(tmp_path, create=True)
    child = os.fork()
    if child == 0:
        with store.lock():
            (tmp_path / "taken").touch()
            time.sleep(60)
    while not (tmp_path / "taken").exists():
        time.sleep(0.01)
    with pytest.raises(StoreError, match=f"process {child} does"), store.lock():
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with store.lock():
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_the_lock_is_given_back_when_the_work_fails(tmp_path):
    store = Store.open(tmp_path, create=True)
    with pytest.raises(KeyError), store.lock():
        raise KeyError
    with store.lock():
        pass


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.ENOLCK, errno.EINVAL])
def test_where_the_file_system_has_no_locks_nothing_is_written(tmp_path, monkeypatch, number):
    def no_locks(*_):
        raise OSError(number, os.strerror(number))

    store = Store.open(tmp_path, create=True)
    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(StoreError) as error, store.lock():
        raise AssertionError("the lock is not held")
    assert message(error) == (
        f"store {tmp_path}: its file system cannot lock files ({os.strerror(number)}): name a --store on a "
        "local disk"
    )
    assert (tmp_path / "lock").read_text() == ""


def test_taking_the_lock_clears_away_what_interrupted_writes_left(tmp_path):
    store = Store.open(tmp_path, create=True)
    store.ledger.put(record())
    store.begin(STUDY)
    store.put_trial(trial())
    (run,) = tmp_path.glob("ledger/*")
    folders = [tmp_path, run, tmp_path / "studies/lasting", tmp_path / "studies/lasting/trials"]
    for folder in folders:
        (folder / ".tmp-9-x.json").write_text("{")
    assert Store.open(tmp_path, create=True).trials("lasting") == [trial()]
    assert len(list(tmp_path.rglob(".tmp-*"))) == len(folders)
    with store.lock():
        assert list(tmp_path.rglob(".tmp-*")) == []
    assert read_results(store, STUDY).trials == (trial(),)


def test_a_study_may_be_begun_again_and_extended(tmp_path):
    store = Store.open(tmp_path, create=True)
    store.begin(STUDY)
    store.begin(STUDY)
    for old, new in [("Does it", "Will it"), ("trials: 20", "trials: 30\ntime_limit_s: 5\nbaseline: true")]:
        store.begin(parse_study(SOURCE.replace(old, new) + "finalists: null\n", STUDY.path))
    store.begin(parse_study(SOURCE.replace("lr: 0.2", ""), Path("elsewhere/lasting.yaml")))


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        (
            "{steps: 100}",
            "{steps: 200}",
            "budget.steps: must stay as the study began in {store}, 100, not 200",
        ),
        (
            "{steps: 100}",
            "{epochs: 1}",
            "budget.epochs: must stay as the study began in {store}, null, not 1.0",
        ),
        ("[3, 5]", "[3]", "space.kernel_size: must stay as the study began in {store}, [3, 5], not [3]"),
        (
            "recipe: fast",
            "recipe: {base: fast, momentum: 0.5}",
            "recipe.momentum: must stay as the study began in {store}, 0.9, not 0.5",
        ),
        (
            "sampler: random",
            "sampler: tpe",
            "sampler: must stay as the study began in {store}, 'random', not 'tpe'",
        ),
        (
            "fashion-mnist",
            "mnist",
            "data.name: must stay as the study began in {store}, 'fashion-mnist', not 'mnist'",
        ),
        ("trials: 20", "trials: 20\nseed: 1", "seed: must stay as the study began in {store}, 0, not 1"),
    ],
)
def test_a_study_that_changed_under_its_store_is_one_line(tmp_path, old, new, difference):
    store = Store.open(tmp_path, create=True)
    store.begin(STUDY)
    store.put_trial(trial())
    changed = parse_study(SOURCE.replace(old, new), STUDY.path)
    with pytest.raises(StudyFileError) as error:
        store.begin(changed)
    assert message(error) == (
        f"studies/lasting.yaml: {difference.format(store=tmp_path)}: change it back, or copy the file to a "
        "new name for a new study"
    )
    store.begin(STUDY)
    assert store.trials("lasting") == [trial()]


def test_a_damaged_identity_is_named(tmp_path):
    store = Store.open(tmp_path, create=True)
    store.begin(STUDY)
    path = tmp_path / "studies/lasting/study.json"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(StoreError) as error:
        store.begin(STUDY)
    assert message(error) == (
        f"{path}: cut short, or not a record with its checksum: run `vggsearch doctor --repair` if "
        "studies/lasting.yaml is what it was when the study began"
    )


def test_trials_come_by_stage_and_number(tmp_path):
    store = Store.open(tmp_path, create=True)
    given = [trial(n, stage) for stage in ("finalists", "baseline", "search") for n in (1_000_000, 10, 9)]
    for item in given:
        store.put_trial(item)
    assert store.trials("lasting") == given[::-1]
    assert store.trials("another") == []
    assert (tmp_path / "studies/lasting/trials/search-000009.json").exists()


def test_a_trial_is_replaced_by_its_later_answer(tmp_path):
    store = Store.open(tmp_path, create=True)
    store.put_trial(trial(outcome=Outcome.PREEMPTED))
    store.put_trial(trial(outcome=Outcome.COMPLETED, run="a" * 64))
    assert store.trials("lasting") == [trial(outcome=Outcome.COMPLETED, run="a" * 64)]


def changed(**changes: object) -> bytes:
    return add_checksum(json.dumps(json.loads(trial().model_dump_json()) | changes).encode())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (changed()[:-9], "cut short, or not a record with its checksum"),
        (changed().replace(b"1x8", b"1x9"), "its checksum does not match its content"),
        (changed(number=1), "holds another trial than its name says"),
        (changed(study="other"), "holds another trial than its name says"),
        (
            changed(stage="test"),
            "stage: Input should be 'short', 'search', 'baseline', 'finalists', ",
        ),
        (changed(run="x"), "run: String should match pattern '^[0-9a-f]{64}$'"),
        (changed(architecture="1x8 +gap"), "architecture '1x8 +gap', character 1: expected"),
        (changed(architecture="1x08+gap"), "architecture: not in its canonical text"),
        (changed(schema_version=9), "written in schema version 9, and this is 1"),
    ],
)
def test_a_damaged_trial_is_left_out_and_named(tmp_path, data, reason):
    store = Store.open(tmp_path, create=True)
    store.put_trial(trial(0))
    store.put_trial(trial(1))
    (tmp_path / "studies/lasting/trials/search-000000.json").write_bytes(data)
    assert store.trials("lasting") == [trial(1)]
    (found,) = store.damaged("lasting")
    assert found.path.name == "search-000000.json"
    assert found.reason.startswith(reason)
    assert (
        read_results(store, STUDY).notes[0].startswith(f"trial file search-000000.json is left out: {reason}")
    )


def test_results_hold_the_runs_of_the_trials_and_say_what_is_missing(tmp_path):
    store = Store.open(tmp_path, create=True)
    runs = [record(seed) for seed in range(3)]
    for run in runs:
        store.ledger.put(run)
    digests = [run.key.digest for run in runs]
    answered = [trial(0, run=digests[1]), trial(1, run=digests[0]), trial(2, run=digests[1], cached=True)]
    for item in [*answered, trial(3, run=None, outcome=Outcome.INFEASIBLE), trial(4, run="f" * 64)]:
        store.put_trial(item)
    results = read_results(store, STUDY)
    assert [item.number for item in results.trials] == [0, 1, 2, 3, 4]
    assert list(results.runs.items()) == [(digests[1], runs[1]), (digests[0], runs[0])]
    assert results.notes == ("search trial 4: its run ffffffffffff is absent or damaged",)


@pytest.mark.parametrize("record", [b"no JSON", b"[" * 10_000, b'{"a": '])
def test_a_forged_identity_is_named(tmp_path, record):
    store = Store.open(tmp_path, create=True)
    path = tmp_path / "studies/lasting/study.json"
    path.parent.mkdir()
    path.write_bytes(add_checksum(record))
    with pytest.raises(
        StoreError, match=r"study.json: .*: run `vggsearch doctor --repair` if studies/lasting.yaml is"
    ) as error:
        store.begin(STUDY)
    message(error)


def test_no_trial_leaves_its_folder():
    for name in ("../x", "/x", "", "a/b", ".x", "X"):
        with pytest.raises(ValueError, match="study"):
            trial(study=name)
