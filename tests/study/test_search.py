"""Space and outcomes on one side, Optuna on the other: what is asked, what is told, what is kept."""

import contextlib
import hashlib
import os
import random
import resource
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import optuna
import pytest
from optuna.samplers import NSGAIISampler
from optuna.trial import FrozenTrial, TrialState

from vggsearch.arch import Architecture, parse
from vggsearch.costs import cost
from vggsearch.errors import StoreError
from vggsearch.runs.record import Outcome, RunRecord, TrialRecord
from vggsearch.space import Choice, Constraint, ListedSpace, SearchSpace, Space
from vggsearch.study.control.stages import Candidate
from vggsearch.study.file import SAMPLERS as SAMPLERS_BY_NAME, Sampler
from vggsearch.study.file.strategy import STRATEGIES
from vggsearch.study.search import database
from vggsearch.study.search.database import SqliteFile
from vggsearch.study.search.optuna_copy import OptunaCopy
from vggsearch.study.search.optuna_study import Search, distributions
from vggsearch.study.search.random_members import stream_seed, unseen_member
from vggsearch.study.search.samplers import MAKERS, population_size, startup
from vggsearch.study.search.stage import MAX_WASTED, SearchStage
from vggsearch.study.search.strategies import MAKERS as STRATEGY_MAKERS
from vggsearch.testing.fake import artificial_record, run_key

SAMPLERS = ("grid", "random", "tpe", "nsga2")
"""Those that ask quickly; `gp` takes up to seconds, and has a test of its own."""
TWO = ("val_accuracy", "macs")


def space(**changes: object) -> SearchSpace:
    settings: dict[str, object] = {
        "channels": (16, 32, 64),
        "num_blocks": (1, 2, 3),
        "convs_per_block": Choice((1, 2)),
        "ratio": Choice((1, 2)),
        "kernel_size": Choice((3, 5), per_block=True),
    }
    return SearchSpace(**{**settings, **changes})


TIGHT = (Constraint("macs", max=3_000_000),)


def make(
    sampler: str = "tpe", objectives: tuple[str, ...] = TWO, quota: int = 30, seed: int = 0, **changes: object
) -> Search:
    return Search(space(**changes), sampler, quota=quota, objectives=objectives, seed=seed)


class Clock:
    """A second passes at every look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


class Play:
    """A search stage that is answered at once, and what it was asked."""

    def __init__(self, search: Search, quota: int) -> None:
        self.clock = Clock()
        self.stage = SearchStage(search, quota, lambda text: run_key(architecture=text), self.clock)
        self.asked: list[Candidate] = []
        self.told: list[tuple[TrialRecord, RunRecord | None]] = []

    def ask(self) -> bool:
        candidate = self.stage.next()
        if candidate is not None:
            self.asked.append(candidate)
        return candidate is not None

    def tell(self, candidate: Candidate) -> None:
        run = None if candidate.infeasible else artificial_record(candidate.key)
        self.told.append((trial_of(candidate, run, self.clock()), run))
        self.stage.tell(*self.told[-1])

    def until(self, count: int, slots: int = 1) -> "Play":
        going: list[Candidate] = []
        while len(self.told) < count:
            while len(going) < slots and self.ask():
                going.append(self.asked[-1])
            if not going:
                break
            self.tell(going.pop(0))
        return self

    @property
    def texts(self) -> list[str]:
        return [candidate.architecture for candidate in self.asked]


def trial_of(candidate: Candidate, run: RunRecord | None, told_at: float) -> TrialRecord:
    return TrialRecord(
        study="s",
        stage="search",
        number=candidate.number,
        architecture=candidate.architecture,
        params=candidate.params,
        run=run and run.key.digest,
        outcome=run.outcome if run else Outcome.INFEASIBLE,
        asked_at=candidate.asked_at,
        told_at=told_at,
    )


# --- random members ---


def test_a_stream_is_named_by_seed_stage_and_number() -> None:
    assert stream_seed(7, "baseline", 12) == int(hashlib.sha256(b"7/baseline/12").hexdigest()[:8], 16)
    seeds = {stream_seed(seed, stage, n) for seed in range(5) for stage in ("a", "b") for n in range(50)}
    assert len(seeds) == 500


def test_draws_without_replacement_visit_every_member_once() -> None:
    whole, seen = space(), set()
    for number in range(whole.count):
        member = unseen_member(whole, seen, 0, "search", number)
        assert member in whole
        assert str(member) not in seen
        seen.add(str(member))
    assert unseen_member(whole, seen, 0, "search", whole.count) is None


@pytest.mark.parametrize("left", [56, 4])
def test_what_was_not_seen_is_drawn_uniformly(left: int) -> None:
    # 4 left of 56: mostly enumerated after 64 tries; 56 left: the first try.
    whole = space()
    seen = {str(member) for member in list(whole)[left:]}
    counts = Counter(str(unseen_member(whole, seen, 1, "x", number)) for number in range(left * 20))
    assert len(counts) == left
    chi_squared = sum((count - 20) ** 2 / 20 for count in counts.values())
    assert chi_squared < left - 1 + 4 * (2 * (left - 1)) ** 0.5


# --- suggestions ---


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_suggestion_is_what_its_parameters_build(sampler: str) -> None:
    play = Play(make(sampler), 14).until(14)
    for candidate in play.asked:
        architecture = play.stage._search.space.build(lambda name, _, c=candidate: c.params[name])
        assert str(architecture) == candidate.architecture
        assert play.stage._search.space.params_of(architecture) == candidate.params


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("objectives", [("val_accuracy",), TWO])
def test_the_same_seed_asks_the_same_and_another_does_not(sampler: str, objectives: tuple[str, ...]) -> None:
    first, again, other = (
        Play(make(sampler, objectives, seed=seed), 15).until(15).texts for seed in (0, 0, 1)
    )
    assert first == again
    assert (first == other) == (sampler == "grid")


@pytest.mark.parametrize(
    ("sampler", "slots"), [("grid", 1), ("random", 3), ("tpe", 1), ("tpe", 3), ("nsga2", 1), ("nsga2", 3)]
)
def test_a_restart_at_any_moment_changes_nothing(sampler: str, slots: int) -> None:
    whole = Play(make(sampler, constraints=TIGHT), 26).until(24, slots)
    for cut in (1, 11, 23):
        assert resumed(lambda: make(sampler, constraints=TIGHT), cut, 24, slots) == whole.texts[cut:]


def test_gp_asks_the_same_after_a_restart() -> None:
    def search() -> Search:
        return make("gp", ("val_accuracy",))

    whole = Play(search(), 26).until(11)
    assert whole.stage._search.trials[10].system_attrs  # the sampler itself suggested it
    assert resumed(search, 10, 11, slots=1) == whole.texts[10:]


def resumed(search: Callable[[], Search], cut: int, count: int, slots: int) -> list[str]:
    """What is asked after a restart once `cut` candidates were told, the unanswered ones first."""
    before = Play(search(), 26).until(cut, slots)
    after = Play(search(), 26)
    after.clock.now = before.clock.now
    told = {trial.number for trial, _ in before.told}
    after.stage.restore(before.told, [c for c in before.asked if c.number not in told])
    after.told = list(before.told)
    return after.until(count, slots).texts


def test_a_grid_is_asked_in_the_order_of_the_space() -> None:
    play = Play(make("grid"), 56).until(100)
    assert play.texts == [str(member) for member in space()]
    assert play.stage.complete


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_small_space_is_tried_whole_and_then_left(sampler: str) -> None:
    small = {"num_blocks": (1, 2), "ratio": Choice((1,)), "constraints": TIGHT}
    play = Play(make(sampler, quota=99, **small), 99).until(1000)
    members = {str(member) for member in space(**small)}
    assert {c.architecture for c in play.asked if c.infeasible is None} == members
    assert play.stage.complete
    assert play.stage.exhausted
    assert play.stage.done == len(members) < 99


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_repeats_and_infeasible_suggestions_take_no_share_of_the_quota(sampler: str) -> None:
    play = Play(make(sampler, constraints=TIGHT), 15).until(1000)
    feasible = [c.architecture for c in play.asked if c.infeasible is None]
    assert len(set(feasible)) == play.stage.done == 15
    assert [c.number for c in play.asked] == list(range(len(play.asked)))


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_the_first_trials_are_uniform_members(sampler: str) -> None:
    first = Play(make(sampler, constraints=TIGHT, seed=3), 20).until(10).texts
    assert first == Play(make("random", constraints=TIGHT, seed=3), 20).until(10).texts
    assert len(set(first)) == 10
    assert set(first) <= {str(member) for member in space(constraints=TIGHT)}


def test_a_sampler_that_is_stuck_is_led_to_a_neighbour() -> None:
    play = Play(make("tpe"), 30).until(10)
    stuck = parse(play.texts[0])
    search = play.stage._search
    search.suggest = lambda: search.insert(stuck)  # type: ignore[method-assign]
    play.until(10 + MAX_WASTED + 1)
    assert play.texts[10:-1] == [str(stuck)] * MAX_WASTED
    assert parse(play.texts[-1]) in search.space.neighbours(stuck)
    assert play.texts[-1] not in play.texts[:10]


def test_a_model_searches_better_than_chance() -> None:
    wide = {"ratio": Choice((1, 2, 4), per_block=True)}  # 516 members
    best: dict[str, list[float]] = {"tpe": [], "random": []}
    for sampler, found in best.items():
        for seed in range(3):
            play = Play(make(sampler, ("val_accuracy",), quota=30, seed=seed, **wide), 30).until(1000)
            found.append(max(run.val_accuracy or 0 for _, run in play.told if run))
    assert np.mean(best["tpe"]) > np.mean(best["random"]) + 0.002


def test_nsga2_counts_uniform_draws_as_its_first_generation_and_evolves() -> None:
    play = Play(make("nsga2", quota=50), 50).until(50)
    generations = [t.system_attrs[NSGAIISampler._get_generation_key()] for t in play.stage._search.trials]
    assert generations[: population_size(50)] == [0] * 10
    assert max(generations) >= 3
    assert generations == sorted(generations)


@pytest.mark.parametrize(("quota", "size"), [(1, 10), (54, 10), (100, 20), (1000, 50)])
def test_a_generation_is_a_fifth_of_the_search(quota: int, size: int) -> None:
    assert population_size(quota) == startup("nsga2", quota) == size
    assert startup("tpe", quota) == startup("gp", quota) == 10


# --- telling ---

ARCHITECTURE = "2x16k5-2x32+bn+gap"


def told(
    sampler: str, outcome: Outcome, objectives: tuple[str, ...], **fields: object
) -> optuna.trial.FrozenTrial:
    search = make(sampler, objectives, constraints=TIGHT, batch_norm=(True,))
    for number, (accuracy, latency) in enumerate([(0.7, 1.0), (0.8, 4.0), (0.9, 2.0)]):
        search.insert(list(search.space)[number])
        run = RunRecord(key=run_key(), outcome="completed", val_accuracy=accuracy, latency_ms=latency)
        search.tell(number, Outcome.COMPLETED, run)
    search.insert(parse(ARCHITECTURE))
    infeasible = outcome is Outcome.INFEASIBLE
    search.tell(3, outcome, None if infeasible else RunRecord(key=run_key(), outcome=outcome, **fields))
    assert search.num_scored == 3 + (search.trials[3].state is TrialState.COMPLETE and not infeasible)
    return search.trials[3]


MACS = cost(Architecture.parse(ARCHITECTURE)).macs
ALL = ("val_accuracy", "macs", "params", "latency_ms")
PARAMS = cost(Architecture.parse(ARCHITECTURE)).params


@pytest.mark.parametrize(
    ("sampler", "outcome", "state", "values"),
    [
        ("tpe", Outcome.COMPLETED, TrialState.COMPLETE, [0.75, MACS, PARAMS, 3.0]),
        # Chance among ten classes, the slowest so far, the real costs.
        ("tpe", Outcome.DIVERGED, TrialState.COMPLETE, [0.1, MACS, PARAMS, 4.0]),
        ("gp", Outcome.OUT_OF_MEMORY, TrialState.COMPLETE, [0.1, MACS, PARAMS, 4.0]),
        ("nsga2", Outcome.TIMED_OUT, TrialState.COMPLETE, [0.1, MACS, PARAMS, 4.0]),
        # What is unknown of an infeasible candidate is the median: these samplers need values.
        ("gp", Outcome.INFEASIBLE, TrialState.COMPLETE, [0.8, MACS, PARAMS, 2.0]),
        ("nsga2", Outcome.INFEASIBLE, TrialState.COMPLETE, [0.8, MACS, PARAMS, 2.0]),
        ("tpe", Outcome.INFEASIBLE, TrialState.PRUNED, None),
        ("random", Outcome.INFEASIBLE, TrialState.PRUNED, None),
        ("tpe", Outcome.PRUNED, TrialState.PRUNED, None),
        ("tpe", Outcome.CRASHED, TrialState.FAIL, None),
        ("gp", Outcome.PREEMPTED, TrialState.FAIL, None),
    ],
)
def test_what_optuna_is_told(
    sampler: str, outcome: Outcome, state: TrialState, values: list[float] | None
) -> None:
    fields = {"val_accuracy": 0.75, "latency_ms": 3.0} if outcome is Outcome.COMPLETED else {}
    trial = told(sampler, outcome, ALL, **fields)
    assert (trial.state, trial.values) == (state, values)
    limit = TIGHT[0].max
    assert limit is not None
    assert trial.constraints == {"macs_max": pytest.approx((MACS - limit) / limit)}
    assert trial.constraints["macs_max"] > 0


@pytest.mark.parametrize("sampler", ["tpe", "gp", "nsga2", "random"])
def test_what_does_not_fit_in_memory_is_told_as_what_ran_out_of_it(sampler: str) -> None:
    # It keeps every constraint, so that a median accuracy would make it look worth having.
    found = {}
    for outcome in (Outcome.INFEASIBLE, Outcome.OUT_OF_MEMORY):
        search = make(sampler, ALL, batch_norm=(True,))
        search.insert(parse(ARCHITECTURE))
        run = RunRecord(key=run_key(), outcome="completed", val_accuracy=0.9, latency_ms=2.0)
        search.tell(0, Outcome.COMPLETED, run)
        search.insert(parse(ARCHITECTURE))
        search.tell(1, outcome, RunRecord(key=run_key(), outcome=outcome))
        found[outcome] = search.trials[1].state, search.trials[1].values, search.num_scored
    assert found[Outcome.INFEASIBLE] == found[Outcome.OUT_OF_MEMORY]
    assert found[Outcome.INFEASIBLE] == (TrialState.COMPLETE, [0.1, MACS, PARAMS, 2.0], 2)


def test_a_value_that_is_not_there_is_not_made_up() -> None:
    trial = told("tpe", Outcome.COMPLETED, ALL, val_accuracy=0.75)
    assert trial.state is TrialState.FAIL


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_samplers_learn_what_is_infeasible(sampler: str) -> None:
    # Half of the candidates break the constraint: a sampler that learns suggests fewer of them.
    limit = (Constraint("macs", max=1_500_000),)
    feasible = space(constraints=limit).count / space().count
    assert 0.3 < feasible < 0.6
    suggested = []
    for seed in range(3):
        play = Play(make(sampler, ("val_accuracy",), seed=seed, constraints=limit), 20).until(40)
        suggested += [c.infeasible is None for c in play.asked[10:]]
    assert np.mean(suggested) > feasible


# --- the copy in Optuna's database ---


def optuna_copy(path: Path, name: str = "s", notice: Callable[[str], None] = pytest.fail) -> OptunaCopy:
    return OptunaCopy(SqliteFile(path / "optuna.db"), name, TWO, "", notice)


def play(count: int) -> Play:
    return Play(make("tpe", constraints=TIGHT), 30).until(count, slots=2)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that followed a search of 12 answers, and holds another one."""
    path = tmp_path_factory.mktemp("written")
    followed = Play(make("tpe", constraints=TIGHT), 30)
    database, other = optuna_copy(path), optuna_copy(path, "other")
    followed.stage._search.attach(database)
    followed.until(12, slots=2)
    other.reconcile(play(3).stage._search.trials)
    database.close()
    other.close()
    assert [file.name for file in path.iterdir()] == ["optuna.db"]
    return path / "optuna.db"


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    shutil.copy(written, tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def history() -> list[FrozenTrial]:
    """What `written` holds."""
    return play(12).stage._search.trials


def same(mine: list[FrozenTrial], theirs: list[FrozenTrial]) -> bool:
    def fields(trial: FrozenTrial) -> tuple[object, ...]:
        return (
            trial.number,
            trial.state,
            trial.values,
            trial.params,
            trial.distributions,
            trial.constraints,
            trial.user_attrs,
        )

    return list(map(fields, mine)) == list(map(fields, theirs))


def test_the_database_holds_what_was_asked_and_told(folder: Path) -> None:
    found = optuna_copy(folder).trials
    assert same(found, play(12).stage._search.trials)
    assert [trial.state.is_finished() for trial in found] == [True] * 12 + [False]
    study = optuna.load_study(study_name="s", storage=f"sqlite:///{folder}/optuna.db")
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert study.trials[0].user_attrs["architecture"] == play(1).texts[0]


def lose(path: Path) -> None:
    (path / "optuna.db").unlink()


def add_foreign(path: Path) -> None:
    optuna.load_study(study_name="s", storage=f"sqlite:///{path}/optuna.db").ask()


def finish_running(path: Path) -> None:
    study = optuna.load_study(study_name="s", storage=f"sqlite:///{path}/optuna.db")
    study.tell(len(study.trials) - 1, state=TrialState.FAIL)


def rename_architecture(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path / "optuna.db")) as database, database:
        database.execute("UPDATE trial_user_attributes SET value_json = '\"1x16+gap\"' WHERE trial_id = 3")


def leave_alone(path: Path) -> None:
    del path


@pytest.mark.parametrize("harm", [lose, add_foreign, finish_running, rename_architecture, leave_alone])
def test_a_database_that_does_not_agree_is_made_again(folder: Path, harm: Callable[[Path], None]) -> None:
    harm(folder)
    trials = play(12).stage._search.trials
    optuna_copy(folder).reconcile(trials)
    assert same(optuna_copy(folder).trials, trials)
    assert len(optuna_copy(folder, "other").trials) == (0 if harm is lose else 4)


def test_a_database_that_is_behind_catches_up(folder: Path) -> None:
    trials = play(15).stage._search.trials
    optuna_copy(folder).reconcile(trials)
    assert same(optuna_copy(folder).trials, trials)


def test_a_copy_that_others_change_meanwhile_is_made_to_agree_again(folder: Path) -> None:
    followed = play(12)
    database = optuna_copy(folder)
    followed.stage._search.attach(database)
    finish_running(folder)
    add_foreign(folder)
    followed.tell(followed.asked[-1])
    assert same(optuna_copy(folder).trials, followed.stage._search.trials)
    optuna.delete_study(study_name="s", storage=f"sqlite:///{folder}/optuna.db")
    followed.until(15)
    assert same(optuna_copy(folder).trials, followed.stage._search.trials)


def test_a_study_of_other_objectives_in_its_place_is_made_again(tmp_path: Path) -> None:
    OptunaCopy(SqliteFile(tmp_path / "optuna.db"), "s", ("val_accuracy",), "", pytest.fail).close()
    trials = play(3).stage._search.trials
    optuna_copy(tmp_path).reconcile(trials)
    assert same(optuna_copy(tmp_path).trials, trials)


def overwrite(path: Path) -> None:
    path.write_bytes(random.Random(0).randbytes(path.stat().st_size))


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip_bits(path: Path) -> None:
    data, rng = bytearray(path.read_bytes()), random.Random(0)
    for _ in range(200):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def break_a_value(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data.replace(b'{"name": "Categorical', b'{"name": "Catagorical', 1))


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").touch()


def link_elsewhere(path: Path) -> None:
    (path.parent / "elsewhere").mkdir()
    path.rename(path.parent / "elsewhere" / "theirs.db")
    path.symlink_to(path.parent / "elsewhere" / "theirs.db")


def link_log_elsewhere(path: Path) -> None:
    path.with_name("optuna.db-wal").symlink_to(path.parent / "elsewhere")


def make_another_programs(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE studies (title TEXT)")


def make_another_versions(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'v9.9.9'")


DAMAGE = (
    overwrite,
    cut,
    flip_bits,
    break_a_value,
    make_folder,
    link_elsewhere,
    link_log_elsewhere,
    make_another_programs,
    make_another_versions,
)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_database_is_kept_and_made_again(
    folder: Path, history: list[FrozenTrial], damage: Callable[[Path], None]
) -> None:
    path, said = folder / "optuna.db", []
    damage(path)
    before = contents(folder)
    database = optuna_copy(folder, notice=said.append)
    database.reconcile(history)
    database.close()
    assert path.is_file()
    assert not path.is_symlink()
    study = optuna.load_study(study_name="s", storage=f"sqlite:///{path}")
    assert same(study.trials, history)
    assert same(study.best_trials, best(history))
    assert len(said) == 1
    assert "\n" not in said[0]
    assert said[0].startswith(f"Optuna's database {path} was damaged (")
    assert said[0].endswith("): it is kept as optuna.db.damaged-1, and made again from the trial files")
    kept = {name.replace("optuna.db", "optuna.db.damaged-1", 1): what for name, what in before.items()}
    changed = {name for name, what in kept.items() if contents(folder).get(name) != what}
    # Where SQLite can read a file's head, it turns the write-ahead log on in it before anyone looks further.
    assert changed <= {"optuna.db.damaged-1"}
    assert not changed or damage is make_another_programs


def best(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    study = optuna.create_study(directions=["maximize", "minimize"])
    study.add_trials(trials)
    return study.best_trials


def contents(folder: Path) -> dict[str, object]:
    """Every file, by its path within the folder: its bytes, or where it leads."""
    return {
        str(path.relative_to(folder)): path.readlink() if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def test_damage_that_shows_later_is_mended_too_and_nothing_is_overwritten(folder: Path) -> None:
    path, said = folder / "optuna.db", []
    (folder / "optuna.db.damaged-1-wal").touch()
    followed = play(12)
    database = optuna_copy(folder, notice=said.append)
    followed.stage._search.attach(database)
    overwrite(path)
    followed.until(20, slots=2)
    assert [line.rpartition(" as ")[2].partition(",")[0] for line in said] == ["optuna.db.damaged-2"]
    database.close()
    assert same(optuna_copy(folder).trials, followed.stage._search.trials)
    assert (folder / "optuna.db.damaged-1-wal").read_bytes() == b""


def test_a_lock_is_not_damage(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOCK_WAIT_S", 0.05)
    with contextlib.closing(sqlite3.connect(folder / "optuna.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError) as error:
            optuna_copy(folder)
    assert str(error.value) == (
        f"Optuna's database {folder}/optuna.db cannot be used (database is locked): free space, or close "
        "what holds it, and run the same command again"
    )
    assert same(optuna_copy(folder).trials, play(12).stage._search.trials)


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow beyond a page."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_not_damage(folder: Path) -> None:
    followed, copy = play(12), optuna_copy(folder)
    followed.stage._search.attach(copy)
    with full_disk(), pytest.raises(StoreError, match=r"cannot be used \(disk I/O error\): free space, or "):
        followed.until(14)
    copy.close()
    optuna_copy(folder).reconcile(followed.stage._search.trials)
    assert same(optuna_copy(folder).trials, followed.stage._search.trials)


# --- spaces without choices ---


@pytest.mark.parametrize(
    "alone", [ListedSpace((parse("1x16+gap"),)), ListedSpace((parse("1x16+gap"), parse("1x8+gap")))]
)
def test_a_listed_space_is_searched_too(alone: Space) -> None:
    search = Search(alone, "tpe", quota=5, objectives=("val_accuracy",), seed=0)
    play = Play(search, 5).until(100)
    assert sorted(play.texts) == sorted(str(member) for member in alone)
    params = alone.params_of(parse("1x16+gap"))
    assert distributions(alone, params).keys() == params.keys()


def test_every_sampler_that_learns_has_an_optuna_sampler_and_no_other() -> None:
    assert set(get_args(Sampler)) == SAMPLERS_BY_NAME.keys()
    learning = {name for name, traits in SAMPLERS_BY_NAME.items() if traits.learns}
    assert learning - STRATEGIES.keys() == MAKERS.keys()
    assert STRATEGIES.keys() == STRATEGY_MAKERS.keys()
