import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from vggsearch.arch import Task, parse
from vggsearch.costs import cost
from vggsearch.errors import StoreError, StudyFileError, VggSearchError
from vggsearch.recipe import RECIPES, Budget
from vggsearch.runs import CurvePoint, DataKey, RunKey, RunRecord, TrialRecord
from vggsearch.runs.architecture_columns import ARCHITECTURE_COLUMNS
from vggsearch.runs.frames import OUTCOME_COLUMNS, RUN_COLUMNS
from vggsearch.study import Study, StudyResults
from vggsearch.study.data_folder import MAX_DATA_BYTES
from vggsearch.study.file.load import parse_study

SOURCE = """\
data: {name: fashion-mnist}
architectures: [1x8+gap, 1x16+gap]
recipe: fast
budget: {steps: 100}
sampler: grid
"""
PATH = Path("studies/pair.yaml")


def study() -> Study:
    return parse_study(SOURCE, PATH)


def record(seed: int = 0, architecture: str = "1x8+gap", **changes: object) -> RunRecord:
    key = RunKey(
        architecture=architecture,
        input_shape=(1, 28, 28),
        num_classes=10,
        data=DataKey(
            name="fashion-mnist", digest="a" * 64, val_fraction=0.1, split_seed=0, split_digest="b" * 64
        ),
        recipe=RECIPES["fast"],
        budget=Budget(steps=100),
        seed=seed,
        device="cpu",
        evaluate_on="test" if "test_accuracy" in changes else "validation",
    )
    return RunRecord.model_validate({"key": key, "outcome": "completed", "val_accuracy": 0.5} | changes)


def trial(number: int, run: RunRecord | None = None, **changes: object) -> TrialRecord:
    fields: dict[str, object] = {
        "study": "pair",
        "stage": "search",
        "number": number,
        "architecture": "1x8+gap" if run is None else run.key.architecture,
        "outcome": "completed",
        "run": None if run is None else run.key.digest,
        "asked_at": 1.5,
        "told_at": 2.5,
    }
    return TrialRecord.model_validate(fields | changes)


def results(*trials: TrialRecord, runs: tuple[RunRecord, ...] = ()) -> StudyResults:
    return StudyResults(study(), trials, {run.key.digest: run for run in runs})


def test_a_row_a_trial_with_the_columns_of_its_run():
    first, second = record(0), record(1, "1x16+gap", val_accuracy=0.75)
    frame = results(
        trial(0, first),
        trial(1, second),
        trial(2, first, cached=True, stage="baseline"),
        runs=(first, second),
    ).frame()
    assert list(frame) == ["study", "stage", "number", "cached", "asked_at", "told_at", *RUN_COLUMNS]
    assert frame["stage"].tolist() == ["search", "search", "baseline"]
    assert frame["number"].tolist() == [0, 1, 2]
    assert frame["cached"].tolist() == [False, False, True]
    assert frame["architecture"].tolist() == ["1x8+gap", "1x16+gap", "1x8+gap"]
    assert frame["val_accuracy"].tolist() == [0.5, 0.75, 0.5]
    assert frame["digest"].tolist() == [run.key.digest for run in (first, second, first)]
    assert set(frame["asked_at"]) == {1.5}


def test_a_trial_without_a_run_keeps_what_is_known_of_it():
    run = record()
    failed = trial(1, architecture="2x16k5+bn+gap", outcome="infeasible", reason="macs is 9")
    row = results(trial(0, run), failed, runs=(run,)).frame().iloc[1]
    costs = cost(parse("2x16k5+bn+gap"), Task((1, 28, 28), 10))
    assert (row["outcome"], row["reason"], row["kernel_size"]) == ("infeasible", "macs is 9", "5")
    assert (row["params"], row["macs"], row["receptive_field"]) == (
        costs.params,
        costs.macs,
        costs.receptive_field,
    )
    known = {"outcome", "reason", *ARCHITECTURE_COLUMNS}
    assert row[[name for name in RUN_COLUMNS if name not in known]].isna().all()
    assert row[list(known)].notna().all()


def test_costs_are_unknown_where_no_run_says_what_the_images_are_or_the_net_cannot_be():
    alone = results(trial(0, outcome="infeasible")).frame().iloc[0]
    assert (alone["architecture"], alone["kernel_size"], alone["num_convs"]) == ("1x8+gap", "3", 1)
    assert alone[["params", "macs"]].isna().all()
    run = record()
    deep = trial(1, architecture="-".join(["1x8"] * 9) + "+gap", outcome="infeasible")
    assert results(trial(0, run), deep, runs=(run,)).frame().iloc[1][["params", "macs"]].isna().all()


def test_a_run_that_was_lost_leaves_the_trial():
    run = record()
    row = results(trial(0, run, outcome="pruned")).frame().iloc[0]
    assert (row["digest"], row["outcome"], row["architecture"]) == (run.key.digest, "pruned", "1x8+gap")
    assert row["val_accuracy"] != row["val_accuracy"]


def test_nothing_answered_yet_is_an_empty_table_with_all_columns():
    frame = results().frame()
    assert len(frame) == 0
    assert set(OUTCOME_COLUMNS) < set(frame)


def test_a_data_folder_gives_the_same_results_again(tmp_path):
    runs = tuple(record(seed, val_correct="QUJD", reason="ä\n\u2028<b>") for seed in range(3))
    trials = [trial(i, run, params={"ratio": 8, "bn": True}) for i, run in enumerate(runs)]
    given = results(*trials, trial(3, outcome="infeasible"), runs=runs)
    given.write(tmp_path / "data")
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        "runs.jsonl",
        "study.json",
        "study.yaml",
        "trials.jsonl",
    ]
    again = StudyResults.read(tmp_path / "data")
    assert (again.study, again.trials, again.runs, again.notes) == (given.study, given.trials, given.runs, ())
    assert (again.study.name, again.study.path, again.study.source) == ("pair", PATH, SOURCE)
    assert again.frame().equals(given.frame())
    again.write(tmp_path / "again")
    for path in (tmp_path / "data").iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_options_and_notes_travel_with_the_data_and_absolute_paths_do_not(tmp_path):
    options = parse_study(SOURCE, Path("/home/someone/pair.yaml")).with_options(trials=1, time_limit_s=9)
    StudyResults(options, (), {}, ("a note",)).write(tmp_path)
    again = StudyResults.read(tmp_path)
    assert (again.study.trials, again.study.time_limit_s, again.notes) == (1, 9.0, ("a note",))
    assert again.study.path == Path("pair.yaml")
    assert "someone" not in "".join(path.read_text() for path in tmp_path.iterdir())


def many(count: int) -> StudyResults:
    point = CurvePoint(
        step=1,
        images=128,
        fraction=1,
        train_s=1,
        train_loss=1 / 3,
        val_accuracy=1 / 3,
        val_loss=1 / 7,
        val_images=9,
    )
    runs = tuple(
        record(seed, val_accuracy=seed / count, val_correct="QUJD" * 250, curve=(point,) * 30)
        for seed in range(count)
    )
    tested = record(count, test_accuracy=0.5, test_correct="QUJD", val_correct="QUJD")
    trials = [trial(i, run) for i, run in enumerate(runs)]
    return results(*trials, trial(0, tested, stage="finalists"), runs=(*runs, tested))


def test_large_data_are_compressed_and_read_again(tmp_path):
    results(runs=(record(),)).write(tmp_path)
    given = many(700)
    given.write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "runs.jsonl.gz",
        "study.json",
        "study.yaml",
        "trials.jsonl.gz",
    ]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < MAX_DATA_BYTES
    again = StudyResults.read(tmp_path)
    assert (again.trials, again.runs) == (given.trials, given.runs)
    results(runs=(record(),)).write(tmp_path)
    assert len(StudyResults.read(tmp_path).runs) == 1
    assert len(list(tmp_path.iterdir())) == 4


def test_trimming_takes_no_more_than_it_must_and_says_what():
    given = many(200)
    assert given.trimmed() is given
    size = sum(len(item.model_dump_json()) + 1 for item in (*given.trials, *given.runs.values()))
    assert given.trimmed(max_bytes=size) is given
    less = given.trimmed(max_bytes=size - 1)
    least = given.trimmed(max_bytes=1)
    correctness = "validation correctness of single images is left out of these data, to keep them small"
    curves = "learning curves of all but the 100 most accurate runs are left out, to keep data small"
    assert less.notes == (correctness,)
    assert least.notes == (correctness, curves)
    assert {run.val_correct for run in less.runs.values()} == {None, "QUJD"}
    assert [run.curve for run in less.runs.values()] == [run.curve for run in given.runs.values()]
    kept = [run.val_accuracy for run in least.runs.values() if run.curve]
    assert len(kept) == 100
    assert min(kept) == 0.5
    assert least.trials == given.trials
    assert least.frame().equals(given.frame())


def write_small(folder: Path) -> None:
    run = record()
    results(trial(0, run), trial(1, run), runs=(run,)).write(folder)


@pytest.mark.parametrize(
    ("name", "spoil", "found"),
    [
        ("runs.jsonl", None, "absent"),
        ("trials.jsonl", lambda text: text.splitlines()[0], "1 records, and study.json counts 2"),
        ("trials.jsonl", lambda text: text[:-20], "line 2: record: Invalid JSON: EOF while parsing"),
        (
            "runs.jsonl",
            lambda text: text.replace("1x8+gap", "1x8+gup"),
            "line 1: key.architecture: a head is",
        ),
        (
            "runs.jsonl",
            lambda text: text.replace('"steps":0', '"steps":-1'),
            "line 1: steps: Input should be",
        ),
        (
            "runs.jsonl",
            lambda text: text.replace(":1,", ":7,", 1),
            "line 1: written in schema version 7, and",
        ),
        ("study.json", lambda text: text.replace(": 1,", ": 7,", 1), "schema version 7, not 1"),
        ("study.json", lambda _: "[]", "record: Input should be an object"),
        ("study.json", lambda text: text.replace('"path"', '"pith"'), "path: Field required"),
    ],
)
def test_spoiled_data_are_refused_in_one_line(tmp_path, name, spoil, found):
    write_small(tmp_path)
    path = tmp_path / name
    if spoil is None:
        path.unlink()
    else:
        path.write_text(spoil(path.read_text()))
    with pytest.raises(StoreError) as error:
        StudyResults.read(tmp_path)
    said = str(error.value)
    assert said.startswith(f"{path}: a report's data must be whole and unchanged, and here is {found}")
    assert said.endswith(": copy the report again")
    assert "\n" not in said


def test_a_study_file_that_cannot_be_read_is_a_study_file_error(tmp_path):
    write_small(tmp_path)
    (tmp_path / "study.yaml").write_text("kind: [")
    with pytest.raises(StudyFileError, match=r"^studies/pair.yaml: line 1: not readable as YAML"):
        StudyResults.read(tmp_path)


def test_a_path_in_the_data_names_the_study_and_opens_nothing(tmp_path):
    write_small(tmp_path)
    contents = json.loads((tmp_path / "study.json").read_text())
    (tmp_path / "study.json").write_text(json.dumps(contents | {"path": "/etc/../../passwd"}))
    assert StudyResults.read(tmp_path).study.name == "passwd"
    (tmp_path / "study.json").write_text(json.dumps(contents | {"path": "../.."}))
    with pytest.raises(StudyFileError, match="a study is named after its file"):
        StudyResults.read(tmp_path)


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    write_small(tmp_path)
    contents = json.loads((tmp_path / "study.json").read_text())
    (tmp_path / "study.json").write_text(json.dumps(contents | {"compressed": True}))
    monkeypatch.setattr("vggsearch.study.data_folder.MAX_READ_BYTES", 10**6)
    (tmp_path / "trials.jsonl.gz").write_bytes(gzip.compress(bytes(10**7)))
    with pytest.raises(StoreError, match="more than 1000000 bytes when decompressed"):
        StudyResults.read(tmp_path)
    for damaged in (gzip.compress(b"{}")[:-3], gzip.compress(b"{}")[:10] + b"\xff" * 20):
        (tmp_path / "trials.jsonl.gz").write_bytes(damaged)
        with pytest.raises(StoreError, match="not whole gzip data"):
            StudyResults.read(tmp_path)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as error:
        write_small(tmp_path / "file")
    assert str(error.value) == (
        f"{tmp_path}/file: cannot be written (File exists): free space, fix its permissions, or name "
        "another folder"
    )


@given(
    name=st.sampled_from(["runs.jsonl", "trials.jsonl", "study.json", "study.yaml"]),
    position=st.floats(0, 1),
    removed=st.integers(0, 40),
    added=st.binary(max_size=20),
)
@settings(max_examples=150, deadline=None)
def test_whatever_happened_to_the_data_it_is_results_or_one_line(small, name, position, removed, added):
    folder, files = small
    at = int(position * len(files[name]))
    (folder / name).write_bytes(files[name][:at] + added + files[name][at + removed :])
    try:
        assert len(StudyResults.read(folder).frame()) == 2
    except VggSearchError as error:
        said = str(error)
    else:
        said = ""
    finally:
        (folder / name).write_bytes(files[name])
    assert "\n" not in said


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A data folder, and what its files hold."""
    folder = tmp_path_factory.mktemp("small")
    write_small(folder)
    return folder, {path.name: path.read_bytes() for path in folder.iterdir()}
