"""Single runs: everything that is known of one, and the same one again."""

import json
import re
from pathlib import Path

import pytest
from workplace import answer, make_images, run

from vggsearch.commands.lookup import correct_count, not_reproducible
from vggsearch.commands.runs.compare import compare
from vggsearch.recipe import RECIPES, TRAINING_REVISION, Budget
from vggsearch.runs.record import CurvePoint, Outcome, Provenance, RunKey, RunRecord, TrialRecord, unpack_bits
from vggsearch.store import Store
from vggsearch.study import StudyResults
from vggsearch.testing.fake import artificial_record, run_key

REPORT = Path(__file__).parents[2] / "reports" / "quickstart"
TRAIN = ("train", "2x4-1x8+bn+gap", "--data", "folder:images", "--device", "cpu")

MADE = Provenance(
    vggsearch="0",
    commit="c" * 40 + "+",
    python="3",
    torch="2",
    platform="Linux",
    processor="a processor",
    gpu=None,
    threads=1,
    cpu_count=2,
    started_at=0,
    finished_at=1,
    bit_reproducible=True,
)


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A working directory with images."""
    monkeypatch.chdir(tmp_path)
    for name in ("VGGSEARCH_STORE", "VGGSEARCH_DATA"):
        monkeypatch.delenv(name, raising=False)
    make_images(tmp_path / "images")
    return tmp_path


def trained(capsys, budget="6steps") -> RunRecord:
    """A run made by `vggsearch train`, from its store."""
    code, out, _ = run(capsys, *TRAIN, "--budget", budget, "--json")
    assert code == 0
    record = Store.open(Path(".vggsearch"), create=True).ledger.get(json.loads(out)["run"])
    assert record is not None
    return record


def kept_instead(record: RunRecord, **changes: object) -> str:
    """Another store that holds `record` with changes; its key's first digits."""
    changed = record.model_copy(update=changes)
    Store.open(Path("other"), create=True).ledger.put(changed)
    return changed.key.digest[:10]


@pytest.mark.usefixtures("workplace")
class TestShow:
    def test_everything_a_doubter_asks(self, capsys):
        record = trained(capsys)
        digest, store = record.key.digest, Store.open(Path(".vggsearch"), create=True)
        for name, number in (("one", 3), ("two", 0)):
            store.put_trial(
                TrialRecord(
                    study=name,
                    stage="pairs",
                    number=number,
                    architecture=record.key.architecture,
                    params={"arm": "control", "pair": 2, "lr": 0.2},
                    run=digest,
                    outcome=Outcome.COMPLETED,
                    cached=name == "two",
                    asked_at=0,
                    told_at=1,
                )
            )
        text = answer(capsys, "runs", "show", digest[:6])
        right = round(record.val_accuracy * 10)
        for part in (
            digest,
            "2x4-1x8+bn+gap",
            "1×8×8 images, 2 classes",
            "completed",
            f"{100 * record.val_accuracy:.2f} %, {right} of 10 right, loss {record.val_loss:.4f}",
            "lr 0.2, momentum 0.9",
            f"6 steps; 6 steps, {6 * 64} images",
            f"folder:images, images {record.key.data.digest[:12]}; 10 % for validation",
            f"torch {record.provenance.torch}",
            record.provenance.processor,
            "same bits",
            "yes, on the same processor model and torch",
            "one, pairs 3: arm control, pair 2, lr 0.2",
            "two, pairs 0: arm control, pair 2, lr 0.2, already made then",
            f"to repeat: vggsearch runs repeat {digest[:12]}",
        ):
            assert part in text, part
        points = re.findall(r"^ *(\d+) +([\d.]+)% ", text, flags=re.MULTILINE)
        assert [int(step) for step, _ in points] == [point.step for point in record.curve]
        assert points[-1] == ("6", "100.0")

    def test_json(self, capsys):
        record = trained(capsys)
        found = json.loads(answer(capsys, "runs", "show", record.key.digest, "--json"))
        assert found["run"] == record.key.digest
        assert found["key"] == record.key.model_dump(mode="json")
        assert found["correct"] == {"val": [round(record.val_accuracy * 10), 10], "test": None}
        assert found["not_reproducible"] is None
        assert found["used_by"] == []

    def test_from_a_report_alone(self, capsys):
        results = StudyResults.read(REPORT / "data")
        trial = next(trial for trial in results.trials if trial.stage == "finalists")
        record = results.runs[trial.run]
        text = answer(capsys, "runs", "show", trial.run[:12], "--from", str(REPORT))
        right = int(unpack_bits(record.test_correct, 10_000).sum())
        assert f"{100 * record.test_accuracy:.2f} %, {right:,} of 10,000 right" in text
        assert f"quickstart, finalists {trial.number}" in text
        assert "not promised: its budget is in seconds" in text
        assert f"vggsearch runs repeat {trial.run[:12]} --from {REPORT}" in text


@pytest.mark.usefixtures("workplace")
class TestRepeat:
    def test_run_of_this_machine_repeats_to_the_bit_and_leaves_no_trace(self, capsys):
        """In a worker of a study, though it was made by `vggsearch train`."""
        record = trained(capsys)
        files = sorted(Path(".vggsearch").rglob("*"))
        code, out, err = run(capsys, "runs", "repeat", record.key.digest[:8])
        assert (code, err) == (0, "")
        assert out.splitlines()[-1] == "the same, bit for bit"
        assert "differs" not in out
        assert sorted(Path(".vggsearch").rglob("*")) == files

    def test_result_that_cannot_be_repeated_is_an_error(self, capsys):
        record = trained(capsys)
        key = kept_instead(record, val_loss=record.val_loss + 1e-9)
        code, out, _ = run(capsys, "runs", "repeat", key, "--store", "other")
        assert code == 1
        assert out.splitlines()[-1].startswith("not the same (validation loss), and should be: ")

    def test_other_torch_may_give_other_bits(self, capsys):
        record = trained(capsys)
        made = record.provenance.model_copy(update={"torch": "2.0"})
        key = kept_instead(record, val_loss=record.val_loss + 1e-9, provenance=made)
        found = json.loads(answer(capsys, "runs", "repeat", key, "--store", "other", "--json"))
        assert (found["same"], found["should_be_same"]) == (False, False)
        assert found["differing"] == ["validation loss"]
        assert found["may_differ"] == [f"torch was 2.0 and is {record.provenance.torch}"]

    def test_data_that_changed(self, capsys):
        record = trained(capsys)
        (Path("images/above/0.png")).write_bytes(Path("images/below/0.png").read_bytes())
        code, out, err = run(capsys, "runs", "repeat", record.key.digest)
        assert (code, out) == (2, "")
        then = f"images {record.key.data.digest[:12]} of folder:images"
        assert err.startswith(
            f"vggsearch: error: run {record.key.digest[:12]} was trained with {then}, and here is "
        )
        assert err.endswith(": bring back the data of then, or name their folder with --data-dir\n")

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            (
                {"training_revision": TRAINING_REVISION + 1},
                f"was made by training revision {TRAINING_REVISION + 1}, and this version trains by revision "
                f"{TRAINING_REVISION}: install the version that `vggsearch runs show` names",
            ),
            (
                {"device": "cuda"},
                "was made on cuda, and would be another one on cpu: repeat it with --device cuda, where "
                "torch sees one",
            ),
        ],
    )
    def test_run_that_cannot_be_made_here(self, capsys, changes, message):
        record = trained(capsys)
        key = kept_instead(record, key=RunKey.model_validate(record.key.model_dump() | changes))
        code, out, err = run(capsys, "runs", "repeat", key, "--store", "other", "--device", "cpu")
        assert (code, out) == (2, "")
        assert re.fullmatch(rf"vggsearch: error: run [0-9a-f]{{12}} {re.escape(message)}\n", err), err


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (
            "12345",
            (),
            "a run is named by the first 6 to 64 hexadecimal digits of its key, not '12345': copy ",
        ),
        (
            "12345G",
            (),
            "a run is named by the first 6 to 64 hexadecimal digits of its key, not '12345G': copy ",
        ),
        (
            "../../etc",
            (),
            "a run is named by the first 6 to 64 hexadecimal digits of its key, not '../../etc': ",
        ),
        ("0" * 6, (), "store .vggsearch: no run's key begins with 000000: copy digits from "),
        ("0" * 6, ("--store", "none"), "store none: holds no runs yet: "),
        ("0" * 6, ("--from", str(REPORT)), f"report {REPORT}: no run's key begins with 000000: "),
        ("0" * 6, ("--from", "none"), "none/data/study.json: "),
        (
            "abcdef",
            (),
            "store .vggsearch: 2 runs' keys begin with abcdef: add digits, as in abcdef1111, abcdef2222\n",
        ),
        ("abcdef1", (), "store .vggsearch: run abcdef111111 is damaged: run `vggsearch doctor --repair`"),
    ],
)
def test_key_that_names_no_run(capsys, text, place, message):
    folder = Store.open(Path(".vggsearch"), create=True).ledger.path / "ab"
    folder.mkdir()
    for digit in "12":
        (folder / f"abcdef{digit * 58}.json").write_text("no record")
    for command in ("show", "repeat"):
        code, out, err = run(capsys, "runs", command, text, *place)
        assert (code, out) == (2, "")
        assert err.startswith(f"vggsearch: error: {message}"), err
        assert err.count("\n") == 1


def finished(**changes: object) -> RunRecord:
    return artificial_record(run_key()).model_copy(update={"provenance": MADE, **changes})


def shifted(point: CurvePoint, **changes: object) -> tuple[CurvePoint, ...]:
    return (point.model_copy(update=changes),)


class TestCompare:
    def test_seconds_are_no_difference(self):
        point = finished().curve[0]
        found = compare(finished(), finished(train_s=9.0, curve=shifted(point, train_s=9.0), contended=True))
        assert (found.same, found.broken) == (True, False)

    @pytest.mark.parametrize(
        ("changes", "name"),
        [
            ({"val_loss": 0.3000000001}, "validation loss"),
            ({"val_accuracy": 0.5}, "validation accuracy"),
            ({"steps": 99}, "steps"),
            ({"outcome": Outcome.DIVERGED}, "outcome"),
            ({"curve": shifted(finished().curve[0], train_loss=1.0)}, "learning curve"),
            ({"curve": finished().curve * 2}, "learning curve"),
        ],
    )
    def test_whatever_training_computes_is_one(self, changes, name):
        found = compare(finished(), finished(**changes))
        assert found.broken
        assert [row.name for row in found.rows if row.same is False] == [name]

    def test_single_images_count_even_where_accuracies_agree(self):
        found = compare(finished(val_correct="gA=="), finished(val_correct="QA=="))
        row = next(row for row in found.rows if row.name == "validation images")
        assert (row.now, found.broken) == ("2 judged otherwise", True)

    def test_what_a_small_report_left_out_is_not_compared(self):
        found = compare(finished(curve=()), finished(val_correct="gA=="))
        assert found.same
        assert not {"learning curve", "validation images"} & {row.name for row in found.rows}

    def test_run_that_crashes_where_it_was_made_is_broken(self):
        crashed = RunRecord(key=run_key(), outcome=Outcome.CRASHED, reason="a bug")
        found = compare(finished(), crashed)
        assert found.broken
        assert any((row.name, row.now) == ("reason", "a bug") for row in found.rows)

    @pytest.mark.parametrize(
        ("key", "made", "why"),
        [
            ({}, {}, None),
            ({"budget": Budget(seconds=1)}, {"bit_reproducible": False}, "its budget is in seconds"),
            ({"device": "cuda"}, {"bit_reproducible": False}, "a GPU's kernels"),
            ({}, {"bit_reproducible": False, "threads": 4}, "4 threads"),
            (
                {"recipe": RECIPES["sprint"]},
                {"bit_reproducible": False},
                "its precision and layers were chosen by a measurement",
            ),
        ],
    )
    def test_why_bits_may_differ(self, key, made, why):
        record = finished(key=run_key(**key), provenance=MADE.model_copy(update=made))
        told = not_reproducible(record)
        assert told == why if why is None else told.startswith(why)
        assert compare(record, record.model_copy(update={"steps": 1})).broken is (why is None)

    @pytest.mark.parametrize(("name", "now"), [("processor", "another"), ("torch", "3")])
    def test_other_processor_and_torch_are_named(self, name, now):
        other = finished(steps=1, provenance=MADE.model_copy(update={name: now}))
        found = compare(finished(), other)
        assert not found.broken
        assert found.sentence.endswith(f"{name} was {getattr(MADE, name)} and is {now}")


@pytest.mark.parametrize(
    ("accuracy", "bits", "count"),
    [
        (0.75, "sA==", (3, 4)),
        (1.0, "/w==", (8, 8)),
        (0.0, "AA==", None),
        (None, None, None),
        (0.5, None, None),
    ],
)
def test_correct_images_are_counted_by_their_bits(accuracy, bits, count):
    assert correct_count(accuracy, bits) == count
