"""The weights of runs in a store: kept with their record or not at all; no loss of them costs a record."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest
from artificial_weights import run_with_weights
from damaged import HARMS, snapshot
from small_studies import Recorder, answers, conduct, make_ablation, make_study

from vggsearch.errors import StoreError
from vggsearch.runs import Outcome, RunRecord
from vggsearch.store import Store, handed_over, weights_path
from vggsearch.store.layout import MAX_WEIGHTS_BYTES, Layout
from vggsearch.store.upkeep.repairs import repair
from vggsearch.store.upkeep.walk import survey
from vggsearch.store.weights import WeightsFolder
from vggsearch.study.control.events import Notice
from vggsearch.study.status import weights_status
from vggsearch.testing.fake import FakeExecutor, artificial_record, run_key

KEY = run_key(evaluate_on="test")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store", create=True)


def ended(store: Store) -> RunRecord:
    """A run whose worker handed its weights over."""
    return run_with_weights(store.checkpoints, KEY)


def put(store: Store, record: RunRecord) -> tuple[RunRecord, list[str]]:
    said: list[str] = []
    return store.put_run(record, said.append), said


def test_weights_that_are_handed_over_are_kept_by_their_content(store: Store) -> None:
    record, said = put(store, ended(store))
    assert said == []
    assert store.ledger.get(KEY.digest) == record
    file = store.weights_file(record)
    assert file == store.root / "weights" / f"{record.weights}.safetensors"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == record.weights
    assert not (store.checkpoints / KEY.digest).exists()


def test_a_run_without_weights_has_none(store: Store) -> None:
    record, said = put(store, artificial_record(KEY))
    assert (store.weights_file(record), said, record.weights) == (None, [], None)
    assert not store.layout.weights.exists()


@pytest.mark.parametrize("harm", [*HARMS, Path.unlink])
def test_what_did_not_arrive_whole_costs_the_weights_and_not_the_record(store: Store, harm) -> None:
    record = ended(store)
    harm(handed_over(store.checkpoints, KEY.digest))
    kept, said = put(store, record)
    assert kept == record.model_copy(update={"weights": None}) == store.ledger.get(KEY.digest)
    assert said == ["the weights of a run did not arrive from its worker: it must see the store's folder"]


@pytest.mark.parametrize("harm", [*HARMS, Path.unlink])
def test_a_file_that_is_lost_later_is_not_given_out_and_is_put_again(store: Store, harm) -> None:
    record, _ = put(store, ended(store))
    file = store.weights_file(record)
    assert file is not None
    harm(file)
    assert store.weights_file(record) is None
    assert store.ledger.get(KEY.digest) == record
    put(store, ended(store))
    assert store.weights_file(record) == file


def test_weights_are_added_to_a_record_that_has_none_and_nothing_else_is(store: Store) -> None:
    put(store, artificial_record(KEY))
    record = ended(store)
    put(store, record.model_copy(update={"val_loss": 0.5}))
    assert store.ledger.get(KEY.digest) == artificial_record(KEY)
    record = ended(store)
    put(store, record)
    assert store.ledger.get(KEY.digest) == record
    put(store, artificial_record(KEY))
    assert store.ledger.get(KEY.digest) == record


def test_all_weights_together_are_bounded(store: Store) -> None:
    record = ended(store)
    size = handed_over(store.checkpoints, KEY.digest).stat().st_size
    small = WeightsFolder(store.layout, limit_bytes=2 * size)
    assert small.adopt(record) is None
    other = run_with_weights(store.checkpoints, run_key(1, evaluate_on="test"))
    assert small.adopt(other) is None
    third = run_with_weights(store.checkpoints, run_key(2, evaluate_on="test"))
    assert small.adopt(third) == (
        f"weights are not kept any more, as {store.layout.weights} would hold more than {2 * size} B: delete "
        "files there, which costs these weights and no record, or use --keep-weights none"
    )
    assert small.adopt(run_with_weights(store.checkpoints, KEY)) is None  # it is there already
    assert len(list(store.layout.weights.iterdir())) == 2
    assert MAX_WEIGHTS_BYTES == 4 * 10**9


def test_a_folder_that_cannot_be_written_costs_the_weights_and_not_the_record(store: Store) -> None:
    record = ended(store)
    store.layout.weights.write_text("no folder")
    kept, said = put(store, record)
    assert store.ledger.get(KEY.digest) == kept == record.model_copy(update={"weights": None})
    (line,) = said
    assert line.startswith(f"{store.layout.weights} cannot be written (")
    assert line.endswith("), so weights are not kept")


class TestTaken:
    """Weights that came from elsewhere, with which runs begin."""

    def test_they_are_copied_once(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "model.safetensors").write_bytes(b"a net")
        digest = hashlib.sha256(b"a net").hexdigest()
        store.take_weights(tmp_path / "model.safetensors", digest)
        (tmp_path / "model.safetensors").unlink()
        store.take_weights(tmp_path / "model.safetensors", digest)  # they are there
        begun = run_key(initial_weights=digest)
        assert store.initial_weights_file(begun) == weights_path(store.layout.weights, digest)
        assert store.initial_weights_file(KEY) is None

    def test_a_file_that_changed_meanwhile_is_refused(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "model.safetensors").write_bytes(b"another net")
        with pytest.raises(StoreError, match="has changed since it was read"):
            store.take_weights(tmp_path / "model.safetensors", hashlib.sha256(b"a net").hexdigest())
        assert not store.layout.weights.exists()

    def test_they_are_a_part_of_a_run_s_name(self) -> None:
        plain, begun = run_key(), run_key(initial_weights="a" * 64)
        assert plain.digest != begun.digest != run_key(initial_weights="b" * 64).digest
        assert "initial_weights" not in plain.model_dump_json()


@pytest.mark.parametrize("name", ["a" * 63, "A" * 64, "../" + "a" * 64, ""])
def test_a_record_cannot_name_a_file_elsewhere(name: str) -> None:
    for field in ({"weights": name}, {"key": {**KEY.model_dump(), "initial_weights": name}}):
        with pytest.raises(ValueError, match="should match pattern"):
            RunRecord.model_validate({**artificial_record(KEY).model_dump(), **field})


def test_nothing_is_taken_from_behind_a_link(store: Store, tmp_path: Path) -> None:
    record = ended(store)
    folder = store.checkpoints / KEY.digest
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    kept, said = put(store, record)
    assert (kept.weights, len(said)) == (None, 1)
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["weights.safetensors"]


def test_a_link_in_the_place_of_the_folder_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    store.layout.weights.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="weights is a link"), store.lock():
        pass


class TestStudies:
    def test_finalists_have_theirs(self, tmp_path: Path) -> None:
        executor = FakeExecutor(trainer=lambda key, *_: run_with_weights(tmp_path / "checkpoints", key))
        results = conduct(make_study(), tmp_path, executor)
        runs = [run for run in results.runs.values() if run.weights]
        assert {run.key.evaluate_on for run in runs} == {"test"}
        assert {f"{run.weights}.safetensors" for run in runs} == snapshot(tmp_path / "weights").keys()
        status = weights_status(results, Store.open(tmp_path))
        assert (len(runs), status.wanted, status.lacking) == (4, 4, ())

    def test_so_have_the_tested_pairs_of_an_ablation(self, tmp_path: Path) -> None:
        executor = FakeExecutor(trainer=lambda key, *_: run_with_weights(tmp_path / "checkpoints", key))
        results = conduct(make_ablation(), tmp_path, executor)
        status = weights_status(results, Store.open(tmp_path))
        assert status.wanted == len({one.run for one in results.trials if one.stage == "pairs"}) == 9
        assert status.lacking == ()

    def test_a_run_from_before_stays_as_it_is_and_is_counted(self, tmp_path: Path) -> None:
        before = conduct(make_study(), tmp_path)
        again = conduct(make_study(), tmp_path)
        assert again.runs == before.runs
        status = weights_status(again, Store.open(tmp_path))
        assert (status.wanted, len(status.lacking)) == (4, 4)

    @pytest.mark.parametrize(("which", "wanted"), [("none", 0), ("finalists", 4), ("all", 10)])
    def test_which_are_kept_may_change_and_is_no_identity(self, tmp_path: Path, which, wanted) -> None:
        before = conduct(make_study(), tmp_path)
        study = make_study(keep_weights=which)
        assert study.identity() == make_study().identity()
        after = conduct(study, tmp_path)
        assert answers(after) == answers(before)
        assert weights_status(after, Store.open(tmp_path)).wanted == wanted

    def test_that_they_do_not_arrive_is_said_once(self, tmp_path: Path) -> None:
        def forgetful(key, *_) -> RunRecord:
            return artificial_record(key).model_copy(update={"weights": "a" * 64})

        recorder = Recorder()
        results = conduct(make_study(), tmp_path, FakeExecutor(trainer=forgetful), observer=recorder)
        said = [event.text for event in recorder.events if isinstance(event, Notice)]
        assert said == ["the weights of a run did not arrive from its worker: it must see the store's folder"]
        assert {run.weights for run in results.runs.values()} == {None}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a finished study and its four weights."""
    folder = tmp_path_factory.mktemp("finished")
    conduct(
        make_study(),
        folder,
        FakeExecutor(trainer=lambda key, *_: run_with_weights(folder / "checkpoints", key)),
    )
    return folder


class TestUpkeep:
    @pytest.fixture
    def root(self, tmp_path: Path, finished: Path) -> Path:
        return Path(shutil.copytree(finished, tmp_path / "store"))

    def test_sound_ones_are_counted(self, root: Path) -> None:
        found = survey(root, 4e9)
        assert (found.problems, found.weights.files, found.weights.bytes, found.weights.lost) == (
            [],
            4,
            256,
            0,
        )

    def test_what_is_damaged_or_of_no_record_is_moved_away(self, root: Path) -> None:
        damaged, absent, *_ = sorted((root / "weights").iterdir())
        HARMS[0](damaged)
        absent.unlink()
        alone = root / "weights" / f"{hashlib.sha256(b'alone').hexdigest()}.safetensors"
        alone.write_bytes(b"alone")
        (root / "weights" / "notes.txt").write_text("mine")
        (root / "weights" / "link.safetensors").symlink_to(damaged)
        found = survey(root, 4e9)
        assert {(one.kind, one.path.name, one.reason) for one in found.problems} == {
            ("weights", damaged.name, "its checksum is not its name"),
            ("weights", alone.name, "no record names it"),
            ("foreign", "notes.txt", "not part of a store"),
            ("link", "link.safetensors", "a link"),
        }
        assert not any(one.wrong for one in found.problems)
        assert (found.weights.files, found.weights.lost) == (2, 2)
        ledger = snapshot(root / "ledger")
        done = repair(root, clock=lambda: 1e9)
        assert {one.path.name for one in done.moved} == {damaged.name, alone.name}
        assert {path.name for path in (done.backup / "weights").iterdir()} == {damaged.name, alone.name}
        assert snapshot(root / "ledger") == ledger
        assert [one.kind for one in survey(root, 4e9).problems] == ["foreign", "link"]

    def test_weights_that_a_run_begins_with_are_named(self, root: Path) -> None:
        store = Store.open(root)
        (root / "source").write_bytes(b"alone")
        digest = hashlib.sha256(b"alone").hexdigest()
        store.take_weights(root / "source", digest)
        (root / "source").unlink()
        assert [one.reason for one in survey(root, 4e9).problems] == ["no record names it"]
        store.ledger.put(RunRecord(key=run_key(initial_weights=digest), outcome=Outcome.COMPLETED))
        assert survey(root, 4e9).problems == []

    def test_half_a_copy_is_swept_by_the_next_writer(self, root: Path) -> None:
        half = root / "weights" / f".tmp-{os.getpid()}-x.safetensors"
        half.write_bytes(b"half")
        assert half in survey(root, 4e9).leftovers
        with Store.open(root).lock():
            assert not half.exists()
        assert len(list(Layout(root).weights.iterdir())) == 4
