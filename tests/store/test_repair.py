"""A damaged store is mended with a backup, and its studies end as if nothing had been."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from damaged import HARMS, cut, emptied, flipped, snapshot
from optuna.storages import RDBStorage
from small_studies import answers, conduct, make_ablation, make_study

from vggsearch.errors import StoreError
from vggsearch.runs.checksums import add_checksum
from vggsearch.store import Store
from vggsearch.store.plans import PlanBook
from vggsearch.store.upkeep.optuna_file import check_database
from vggsearch.store.upkeep.problems import Survey
from vggsearch.store.upkeep.repairs import Repair, repair
from vggsearch.store.upkeep.walk import survey
from vggsearch.study import StudyResults
from vggsearch.testing.fake import FakeExecutor

NOW_S = 1_773_500_966.0  # 2026-03-14 15:09:26 UTC
STAMP = "backup/20260314-150926"


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No power fails here, and a busy disk makes these tests ten times slower."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


STUDY = make_study(sampler="tpe", trials=8, finalists={"count": 1, "seeds": 2})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StudyResults]:
    folder = tmp_path_factory.mktemp("finished")
    return folder, conduct(STUDY, folder)


@pytest.fixture
def root(tmp_path: Path, finished: tuple[Path, StudyResults]) -> Path:
    """A store in which `STUDY` was finished."""
    return Path(shutil.copytree(finished[0], tmp_path / "store"))


@pytest.fixture
def before(finished: tuple[Path, StudyResults]) -> StudyResults:
    """What `STUDY` found in it."""
    return finished[1]


def mend(root: Path) -> Repair:
    return repair(root, clock=lambda: NOW_S)


def surveyed(root: Path) -> Survey:
    return survey(root, 4e9)


def record(root: Path, results: StudyResults, number: int) -> Path:
    digest = results.trials[number].run or ""
    return root / "ledger" / digest[:2] / f"{digest}.json"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def kinds(root: Path) -> list[tuple[str, str]]:
    return [(problem.kind, str(problem.path)) for problem in surveyed(root).problems]


def front(root: Path) -> list[tuple[dict[str, object], list[float]]]:
    storage = RDBStorage(f"sqlite:///{root}/optuna.db")
    best = optuna.load_study(study_name="small", storage=storage).best_trials
    storage.remove_session()
    storage.engine.dispose()
    return [(trial.params, trial.values) for trial in best]


def test_a_sound_store_is_left_alone(root: Path) -> None:
    before = snapshot(root)
    done = mend(root)
    assert not done.anything
    assert (done.backup, done.left) == (None, [])
    assert snapshot(root) == before
    assert not (root / "backup").exists()


@pytest.mark.parametrize("harm", HARMS)
def test_mended_and_run_again_a_study_is_what_it_was(
    root: Path, before: StudyResults, harm: Callable[[Path], None]
) -> None:
    best = front(root)
    damaged = [
        record(root, before, 2),
        record(root, before, -1),
        root / "studies/small/finalists.json",
        root / "studies/small/asked.json",
        root / "studies/small/study.json",
    ]
    for path in damaged:
        harm(path)
    (root / "optuna.db").write_bytes(b"noise" * 1000)
    paths = {str(path.relative_to(root)) for path in [*damaged, root / "optuna.db"]}
    content = {name: (root / name).read_bytes() for name in paths}
    done = mend(root)
    assert {str(problem.path) for problem in done.moved} == paths
    assert done.backup == root / STAMP
    assert snapshot(done.backup) == content
    assert done.left == []
    assert [len(one.absent) for one in done.studies] == [2]
    executor = FakeExecutor()
    after = conduct(STUDY, root, executor)
    assert len(executor.submitted) == 2
    assert answers(after) == answers(before)
    assert after.notes == ()
    assert front(root) == best
    assert kinds(root) == []


@pytest.mark.parametrize("database", ["sound", "damaged"])
def test_a_trial_that_was_moved_is_answered_from_the_ledger(
    root: Path, before: StudyResults, database: str
) -> None:
    best = front(root)
    for name in ("search-000003", "search-000007", "baseline-000001", "finalists-000000"):
        cut(root / f"studies/small/trials/{name}.json")
    if database == "damaged":
        emptied(root / "optuna.db")
    assert len(mend(root).moved) == 4
    executor = FakeExecutor()
    after = conduct(STUDY, root, executor)
    assert executor.submitted == []
    # Whether its run had been there when it was first asked is known of no trial that was lost.
    assert [row[:6] for row in answers(after)] == [row[:6] for row in answers(before)]
    assert front(root) == best


def test_an_ablation_keeps_its_plan_and_its_rates(tmp_path: Path) -> None:
    study = make_ablation()
    before = conduct(study, tmp_path)
    plans = PlanBook(tmp_path / "studies/ablated").read()
    for path in (record(tmp_path, before, 3), record(tmp_path, before, -1)):
        flipped(path)
    emptied(tmp_path / "studies/ablated/rates.json")
    assert len(mend(tmp_path).moved) == 3
    executor = FakeExecutor()
    assert answers(conduct(study, tmp_path, executor)) == answers(before)
    assert len(executor.submitted) == 2
    assert PlanBook(tmp_path / "studies/ablated").read() == plans


def test_a_damaged_plan_is_not_replaced_by_a_program(tmp_path: Path) -> None:
    study = make_ablation()
    before = conduct(study, tmp_path)
    plan = tmp_path / "studies/ablated/plan.json"
    flipped(plan)
    content = plan.read_bytes()
    done = mend(tmp_path)
    assert [(problem.kind, str(problem.path)) for problem in done.left] == [
        ("plan", "studies/ablated/plan.json")
    ]
    assert (done.anything, plan.read_bytes()) == (False, content)
    with pytest.raises(StoreError, match="a registered plan must be whole"):
        conduct(study, tmp_path)
    # Moved away by a person, who was told: the plan says from then on that it came after the runs.
    plan.rename(tmp_path / "plan.json")
    conduct(study, tmp_path)
    (registered,) = PlanBook(plan.parent).read()
    assert registered.runs == len({t.run for t in before.trials if t.stage in ("rates", "pairs")})


def test_what_interrupted_work_left_is_cleared_away(root: Path, before: StudyResults) -> None:
    digest = before.trials[0].run or ""
    for name in ("", f"ledger/{digest[:2]}/", "studies/small/", "studies/small/trials/"):
        (root / f"{name}.tmp-1-x.json").write_bytes(b"half")
    going = "0" * 64
    for owner in (digest, going):
        (root / "checkpoints" / owner).mkdir(parents=True)
        (root / "checkpoints" / owner / "000000000001.safetensors").write_bytes(b"tensors")
    found = surveyed(root)
    assert (len(found.leftovers), found.problems) == (4, [])
    assert (found.checkpoints.finished, found.checkpoints.interrupted) == ([digest], [going])
    assert (found.checkpoints.finished_bytes, found.checkpoints.interrupted_bytes) == (7, 7)
    done = mend(root)
    assert (done.leftovers, done.checkpoints, done.moved, done.backup) == (4, 1, [], None)
    assert names(root / "checkpoints") == [going]


def test_a_damaged_checkpoint_is_moved_with_its_tensors(tmp_path: Path) -> None:
    folder = Store.open(tmp_path, create=True).checkpoints / ("0" * 64)
    folder.mkdir(parents=True)
    sound = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"  # SHA-256 of foo
    for number, digest in ((1, sound), (2, "1" * 64)):
        (folder / f"{number:012d}.safetensors").write_bytes(b"foo")
        (folder / f"{number:012d}.json").write_bytes(add_checksum(json.dumps({"tensors": digest}).encode()))
    (folder / f"{3:012d}.json").write_bytes(b"")
    assert [problem.reason for problem in surveyed(tmp_path).problems] == [
        "its tensors' checksum does not match them",
        "empty",
    ]
    mend(tmp_path)
    moved = tmp_path / STAMP / "checkpoints" / folder.name
    assert names(folder) == ["000000000001.json", "000000000001.safetensors"]
    assert len(names(moved)) == 3
    assert kinds(tmp_path) == []


def test_what_is_not_the_store_s_is_named_and_left_alone(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_text("mine")
    root = tmp_path / "store"
    Store.open(root, create=True)
    (root / "notes.txt").write_text("mine")
    (root / "checkpoints").symlink_to(outside)
    (root / "studies/linked").symlink_to(outside)
    (root / "studies/UPPER").mkdir()
    (root / "ledger/3f").symlink_to(outside)
    assert kinds(root) == [
        ("foreign", "notes.txt"),
        ("foreign", "studies/UPPER"),
        ("link", "checkpoints"),
        ("link", "ledger/3f"),
        ("link", "studies/linked"),
    ]
    assert not mend(root).anything
    assert (outside / "mine").read_text() == "mine"


def test_things_in_each_other_s_place_are_moved_and_links_are_not_followed(
    tmp_path: Path, root: Path, before: StudyResults
) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    path = record(root, before, 0)
    path.unlink()
    path.symlink_to(target)
    folder = record(root, before, 1)
    folder.unlink()
    folder.mkdir()
    (folder / "inner").write_text("kept")
    pipe = root / "studies/small/finalists.json"
    pipe.unlink()
    os.mkfifo(pipe)
    mend(root)
    assert target.read_text() == "precious"
    backup = root / STAMP
    assert (backup / path.relative_to(root)).is_symlink()
    assert (backup / folder.relative_to(root) / "inner").read_text() == "kept"
    assert (backup / "studies/small/finalists.json").is_fifo()
    assert answers(conduct(STUDY, root)) == answers(before)


def test_a_backup_is_never_written_over_or_outside(tmp_path: Path, root: Path, before: StudyResults) -> None:
    for number in range(3):
        emptied(record(root, before, number))
        mend(root)
    assert names(root / "backup") == [
        "20260314-150926",
        "20260314-150926-2",
        "20260314-150926-3",
    ]
    assert kinds(root) == []  # the backup itself is no finding
    (root / "backup").rename(tmp_path / "elsewhere")
    (root / "backup").symlink_to(tmp_path / "elsewhere")
    emptied(record(root, before, 3))
    with pytest.raises(StoreError, match="backup: is a link, and a backup stays in its store"):
        mend(root)
    assert len(names(tmp_path / "elsewhere")) == 3


def test_killed_at_any_move_it_is_done_again(root: Path, before: StudyResults) -> None:
    records = [record(root, before, number).relative_to(root) for number in (0, 3, -1)]
    for name in (*records, "studies/small/asked.json", "studies/small/study.json", "optuna.db"):
        (root / name).write_bytes(b"noise" * 100)
    (root / "optuna.db-wal").write_bytes(b"log")
    code = textwrap.dedent("""
        import os, sys
        from pathlib import Path
        from vggsearch.store import repair
        root = Path(sys.argv[1])
        for _ in range(10):  # each makes one move, and is killed before its second
            if os.fork():
                status = os.wait()[1]
                print(os.waitstatus_to_exitcode(status))
                continue
            real, left = Path.rename, [1]
            def rename(self, target):
                if not left:
                    os.kill(os.getpid(), 9)
                left.pop()
                return real(self, target)
            Path.rename = rename
            repair(root)
            os._exit(0)
    """)
    done = subprocess.run([sys.executable, "-c", code, str(root)], capture_output=True, text=True, check=True)
    ends = done.stdout.split()
    assert ends == sorted(ends)
    assert 6 <= ends.count("-9") <= 8
    assert kinds(root) == []
    kept = {path.name for path in (root / "backup").rglob("*") if path.is_file()}
    assert kept >= {
        *(path.name for path in records),
        "asked.json",
        "study.json",
        "optuna.db",
        "optuna.db-wal",
    }
    assert answers(conduct(STUDY, root)) == answers(before)


def test_while_a_controller_works_it_refuses(root: Path, before: StudyResults) -> None:
    cut(record(root, before, 0))
    with Store(root).lock(), pytest.raises(StoreError, match=f"process {os.getpid()} does: wait for it"):
        mend(root)
    assert len(kinds(root)) == 1


def huge(path: Path) -> None:
    """More than any disk has, of zeros."""
    path.touch()
    os.truncate(path, 2**40)


ODD: tuple[Callable[[Path], object], ...] = (
    os.mkfifo,
    Path.mkdir,
    huge,
    lambda path: path.write_bytes(os.urandom(300)),
    lambda path: path.write_bytes(add_checksum(b"[" * 5000)),
    lambda path: path.write_bytes(add_checksum(b"[1e999]")),
    lambda path: path.symlink_to(path),
    lambda path: path.symlink_to("/dev/zero"),
    lambda path: path.symlink_to("/"),
)


@pytest.mark.parametrize("put", ODD)
def test_whatever_lies_in_a_store_is_told_and_mended(
    root: Path, before: StudyResults, put: Callable[[Path], object]
) -> None:
    digest = before.trials[0].run or ""
    checkpoints = root / "checkpoints" / ("0" * 64)
    checkpoints.mkdir(parents=True)
    (checkpoints / "000000000001.json").write_bytes(add_checksum(b'{"tensors": "0"}'))
    (root / "studies/small/rates.json").touch()
    places = [
        record(root, before, 0),
        root / "ledger" / digest[:2] / "a stranger's",
        root / "studies/small/trials/search-000001.json",
        *(
            root / "studies/small" / name
            for name in ("study.json", "asked.json", "finalists.json", "rates.json")
        ),
        root / "optuna.db",
        checkpoints / "000000000001.safetensors",
        root / "checkpoints/stranger",
    ]
    for path in places:
        path.unlink(missing_ok=True)
        put(path)
    assert len(surveyed(root).problems) >= len(places)
    assert mend(root).left == []
    assert [kind for kind, _ in kinds(root)] in (["foreign"], ["link"])
    assert answers(conduct(STUDY, root))[2:] == answers(before)[2:]


def test_what_may_not_be_read_is_no_damage(root: Path, before: StudyResults) -> None:
    digest = before.trials[0].run or ""
    names = ["ledger", f"ledger/{digest[:2]}", f"ledger/{digest[:2]}/{digest}.json"]
    names += [f"studies{name}" for name in ("", "/small", "/small/trials", "/small/study.json")]
    names += ["optuna.db"]
    code = textwrap.dedent("""
        import sys
        from pathlib import Path
        from vggsearch.errors import StoreError
        from vggsearch.store import repair, survey
        root = Path(sys.argv[1])
        for name in sys.argv[2:]:
            mode = (root / name).stat().st_mode
            (root / name).chmod(0)
            found = survey(root, 4e9)
            print(found.database.state, *(f"{one.kind} {one.path}" for one in found.problems if one.wrong))
            try:
                assert not repair(root).anything
            except StoreError as error:
                assert "Permission denied" in str(error)
            (root / name).chmod(mode)
    """)
    # The superuser may read all, unless that is taken from it.
    prefix = [] if os.geteuid() else ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    done = subprocess.run(
        [*prefix, sys.executable, "-c", code, str(root), *names], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [*(f"sound unreadable {name}" for name in names[:-1]), "unknown"]


@pytest.mark.parametrize(
    ("content", "state"),
    [(b"", "sound"), (b"noise" * 999, "damaged"), (b"SQLite format 3\0" + bytes(84), "damaged")],
)
def test_a_database_is_judged_without_a_change(tmp_path: Path, content: bytes, state: str) -> None:
    Store.open(tmp_path, create=True)
    (tmp_path / "optuna.db").write_bytes(content)
    assert surveyed(tmp_path).database.state == state
    assert names(tmp_path) == ["ledger", "optuna.db", "studies"]


def test_a_database_that_another_holds_or_that_takes_too_long_is_not_called_damaged(root: Path) -> None:
    holder = sqlite3.connect(root / "optuna.db")
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN IMMEDIATE")
    holder.execute("CREATE TABLE held (n)")
    assert surveyed(root).database.state in ("sound", "unknown")
    holder.close()
    endless = sqlite3.connect(root / "endless.db")
    endless.execute("CREATE TABLE numbers (n)")
    with endless:
        endless.executemany("INSERT INTO numbers VALUES (?)", ((n,) for n in range(20_000)))
    endless.close()
    assert check_database(root / "endless.db", limit_s=-1).state == "unknown"
