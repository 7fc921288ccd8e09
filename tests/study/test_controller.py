"""The controller: every answer recorded once, whatever happens in between."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest
from small_studies import SPACE, Recorder, answers, conditions, conduct, make_study

from vggsearch.errors import StoreError, StudyFileError, VggSearchError
from vggsearch.execution.contract import Event, Finished
from vggsearch.runs.record import Outcome, RunKey, RunRecord
from vggsearch.store import Store
from vggsearch.store.ledger import Ledger
from vggsearch.store.state import ControllerState
from vggsearch.study import Session, StudyResults, read_results
from vggsearch.study.control import events
from vggsearch.study.control.stopping import Stopping
from vggsearch.study.run import run_study
from vggsearch.study.search import assembly
from vggsearch.study.search.optuna_copy import OptunaCopy
from vggsearch.testing.fake import FakeExecutor, artificial_record, run_key


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No power fails here, and a busy disk makes these tests ten times slower."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def optuna_database() -> None:
    """PendingCandidate for by tests that look into it."""


@pytest.fixture(autouse=True)
def no_optuna_database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing it takes most of a study's time here."""
    if "optuna_database" not in request.fixturenames:
        monkeypatch.setattr(assembly, "OptunaCopy", NoCopy)


class NoCopy:
    trials: tuple[()] = ()

    def __init__(self, *arguments: object) -> None: ...
    def add(self, trial: object) -> None: ...
    def finish(self, trial: object) -> None: ...
    def reconcile(self, trials: object) -> None: ...
    def close(self) -> None: ...


class Failing(FakeExecutor):
    """Answers with the outcome that `script` gives for the n-th submission, from 0."""

    def __init__(self, script: Callable[[int], Outcome], slots: int = 1) -> None:
        super().__init__(slots)
        self.script = script

    def wait(self, timeout_s: float | None = None) -> list[Event]:
        found = super().wait(timeout_s)
        return [self._changed(event) for event in found]

    def _changed(self, event: Event) -> Event:
        assert isinstance(event, Finished)
        times = [i for i, key in enumerate(self.submitted) if key.digest == event.record.key.digest]
        outcome = self.script(times[-1])
        if outcome is Outcome.COMPLETED:
            return event
        return Finished(RunRecord(key=event.record.key, outcome=outcome, reason=f"scripted {outcome}"))


def stages(results: StudyResults) -> Counter[str]:
    return Counter(trial.stage for trial in results.trials)


def outcomes(results: StudyResults) -> Counter[Outcome]:
    return Counter(trial.outcome for trial in results.trials)


# --- a study from its beginning to its end ---


def test_a_study_has_its_three_stages(tmp_path: Path) -> None:
    study = make_study(sampler="tpe", trials=12, finalists={"count": 3, "seeds": 2}, seed=7)
    executor = FakeExecutor(2)
    results = conduct(study, tmp_path, executor)
    runs = {trial.stage: set() for trial in results.trials}
    for trial in results.trials:
        assert trial.run is not None
        runs[trial.stage].add(trial.run)
        key = results.runs[trial.run].key
        assert key.architecture == trial.architecture
        assert (key.recipe, key.budget) == (study.recipe, study.budget)
        assert (key.evaluate_on == "test") == (trial.stage == "finalists")
        assert (key.seed == 7) == (trial.stage != "finalists")
    assert {stage: len(found) for stage, found in runs.items()} == {
        "search": 12,
        "baseline": 12,
        "finalists": 6,
    }
    assert [len(set(executor.submitted)), len(executor.submitted)] == [len(results.runs)] * 2


def test_finalists_are_the_best_with_fresh_seeds_one_seed_after_the_other(tmp_path: Path) -> None:
    study = make_study(
        trials=10, objectives=["val_accuracy"], reference=..., finalists={"count": 3, "seeds": 2}
    )
    results = conduct(study, tmp_path)
    frame = results.frame()
    searched = frame[frame["stage"] == "search"].sort_values("val_accuracy", ascending=False)
    best = searched["architecture"].head(3).tolist()
    final = [trial for trial in results.trials if trial.stage == "finalists"]
    assert [trial.architecture for trial in final] == best * 2
    assert [results.runs[trial.run or ""].key.seed for trial in final] == [1, 1, 1, 2, 2, 2]


def uneven(key: RunKey, report: object, deadline_s: float) -> RunRecord:
    """A run on uneven classes, where what is accurate is not what finds rare classes."""
    del report, deadline_s
    record = artificial_record(key)
    assert record.val_accuracy is not None
    return record.model_copy(
        update={"val_balanced_accuracy": 1 - record.val_accuracy, "val_majority": 0.9, "val_accuracy": 0.9}
    )


@pytest.mark.parametrize("sampler", ["random", "tpe", "nsga2"])
def test_by_balanced_accuracy_finalists_are_the_best_by_it(tmp_path: Path, sampler: str) -> None:
    study = make_study(
        sampler=sampler,
        metric="balanced_accuracy",
        objectives=...,
        reference=...,
        finalists={"count": 2, "seeds": 1},
    )
    results = conduct(study, tmp_path, FakeExecutor(trainer=uneven))
    frame = results.frame()
    searched = frame[frame["stage"] != "finalists"].sort_values("val_balanced_accuracy", ascending=False)
    best = searched["architecture"].drop_duplicates().head(2).tolist()
    final = [trial.architecture for trial in results.trials if trial.stage == "finalists"]
    assert final == best
    found = results.best()
    assert found is not None
    assert found.key.architecture == best[0]


def test_balanced_accuracy_of_even_classes_is_told_at_the_first_run(tmp_path: Path) -> None:
    study = make_study(metric="balanced_accuracy", objectives=..., reference=...)
    for _ in range(2):  # the same when it is resumed
        with pytest.raises(StudyFileError, match=r"^metric: balanced_accuracy is measured only where .* run"):
            conduct(study, tmp_path)
    assert len(read_results(Store.open(tmp_path), study).runs) == 1


def test_a_baseline_draws_members_without_replacement(tmp_path: Path) -> None:
    results = conduct(make_study(sampler="tpe", trials=20, finalists=None), tmp_path)
    baseline = [trial for trial in results.trials if trial.stage == "baseline"]
    assert len({trial.architecture for trial in baseline}) == len(baseline) == 20
    searched = {trial.run for trial in results.trials if trial.stage == "search"}
    # What the search has trained already is an answer, and is not trained again.
    assert {trial.number for trial in baseline if trial.cached} == {
        trial.number for trial in baseline if trial.run in searched
    }


def test_infeasible_candidates_are_recorded_and_never_trained(tmp_path: Path) -> None:
    space = {**SPACE, "constraints": {"macs": {"max": 2.0e6}}}
    executor = FakeExecutor()
    results = conduct(make_study(sampler="nsga2", trials=20, space=space, finalists=None), tmp_path, executor)
    infeasible = [trial for trial in results.trials if trial.outcome is Outcome.INFEASIBLE]
    assert infeasible
    for trial in infeasible:
        assert trial.run is None
        assert "above its max, 2000000" in trial.reason
    assert not {trial.architecture for trial in infeasible} & {key.architecture for key in executor.submitted}


def test_the_same_run_is_never_made_twice_in_any_study(tmp_path: Path) -> None:
    first, second = FakeExecutor(), FakeExecutor()
    one = conduct(make_study("one", trials=8), tmp_path, first)
    two = conduct(make_study("two", trials=8, sampler="tpe"), tmp_path, second)
    assert {trial.run for trial in one.trials if trial.stage == "search"} <= two.runs.keys()
    again = [trial for trial in two.trials if trial.run in one.runs]
    assert all(trial.cached for trial in again if trial.stage == "search")
    assert not {key.digest for key in first.submitted} & {key.digest for key in second.submitted}
    third = FakeExecutor()
    assert answers(conduct(make_study("one", trials=8), tmp_path, third)) == answers(one)
    assert third.submitted == []


def test_a_suggestion_that_is_going_already_waits_for_it(tmp_path: Path) -> None:
    # 2 slots, both architectures of the space: search and baseline ask the same two while both are going.
    listed = {"space": ..., "architectures": ["1x8+gap", "1x16+gap"], "finalists": None}
    executor = FakeExecutor(2)
    results = conduct(make_study(sampler="random", trials=2, baseline=True, **listed), tmp_path, executor)
    assert len(executor.submitted) == 2
    assert [(t.stage, t.cached) for t in results.trials] == [("search", False)] * 2 + [("baseline", True)] * 2


def test_the_processor_is_part_of_a_run_only_where_its_budget_is_in_seconds(tmp_path: Path) -> None:
    for name, budget, model in (("a", {"seconds": 5}, "a processor"), ("b", {"steps": 5}, None)):
        results = conduct(make_study(name, trials=1, budget=budget, finalists=None), tmp_path)
        assert {run.key.device_model for run in results.runs.values()} == {model}


def test_images_are_resized_in_the_key(tmp_path: Path) -> None:
    data = {"name": "fashion-mnist", "resize": 56}
    results = conduct(make_study(trials=1, data=data, finalists=None), tmp_path)
    assert {run.key.input_shape for run in results.runs.values()} == {(1, 56, 56)}


def test_what_is_told_while_it_works(tmp_path: Path) -> None:
    recorder = Recorder()
    conduct(
        make_study(sampler="tpe", trials=3, finalists={"count": 1, "seeds": 1}), tmp_path, observer=recorder
    )
    kinds = [type(event).__name__ for event in recorder.events]
    assert kinds[0] == "StudyStarted"
    assert kinds[-1] == "StudyEnded"
    first, last = recorder.events[0], recorder.events[-1]
    assert isinstance(first, events.StudyStarted)
    assert first.quota == {"search": 3, "baseline": 3, "finalists": 1}
    assert last == events.StudyEnded("finished", 0)
    ended = [event.stage for event in recorder.events if isinstance(event, events.StageEnded)]
    assert ended == ["search", "baseline", "finalists"]
    finished = [event for event in recorder.events if isinstance(event, events.TrialFinished)]
    assert [(e.trial.stage, e.done, e.quota) for e in finished] == [
        *(("search", i, 3) for i in (1, 2, 3)),
        *(("baseline", i, 3) for i in (1, 2, 3)),
        ("finalists", 1, 1),
    ]
    started = [event.digest for event in recorder.events if isinstance(event, events.TrialStarted)]
    assert started == [e.trial.run for e in finished if not e.trial.cached]


def test_a_stage_does_not_wait_for_the_last_runs_of_the_one_before(tmp_path: Path) -> None:
    recorder = Recorder()
    study = make_study(sampler="tpe", trials=3, finalists=None)
    conduct(study, tmp_path, FakeExecutor(2), observer=recorder)
    kinds = [
        f"{type(event).__name__} {event.stage}"
        for event in recorder.events
        if isinstance(event, events.StageStarted | events.StageEnded)
    ]
    assert kinds.index("StageStarted baseline") < kinds.index("StageEnded search")


# --- killed anywhere ---

EFFECTS: tuple[tuple[type, str], ...] = (
    (ControllerState, "put_pending"),
    (ControllerState, "put_selection"),
    (OptunaCopy, "_add"),
    (OptunaCopy, "_finish"),
    (FakeExecutor, "submit"),
    (FakeExecutor, "wait"),
    (Ledger, "put"),
    (Store, "put_trial"),
)
"""Everything a controller does that outlives it, or that another process sees."""


class Killed(BaseException):
    """Ends a controller on the spot."""


@contextmanager
def killed_after(name: str, count: int, patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Kill after the effect `name` has happened so many times; yields the effects so far."""
    done: list[str] = []

    def wrap(owner: type, called: str) -> None:
        real = getattr(owner, called)

        def effect(self: object, *arguments: object) -> object:
            result = real(self, *arguments)
            done.append(called)
            if done.count(name) >= count:
                raise Killed
            return result

        patch.setattr(owner, called, effect)

    with patch.context() as patch:
        for owner, called in EFFECTS:
            wrap(owner, called)
        yield done


class Checked(FakeExecutor):
    """Refuses to make what the store holds already."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.ledger = Ledger(folder / "ledger")

    def submit(self, key: RunKey) -> None:
        assert key.digest not in self.ledger, "made twice"
        super().submit(key)


KILLS = (
    *(
        ("put_pending", 1),
        ("_add", 1),
        ("submit", 1),
        ("wait", 1),
        ("put", 1),
        ("put_trial", 1),
        ("_finish", 1),
    ),
    *(
        ("put_pending", 2),
        ("_add", 2),
        ("submit", 2),
        ("wait", 2),
        ("put", 2),
        ("put_trial", 2),
        ("_finish", 2),
    ),
    *(("put_selection", 1), ("put_pending", 1), ("submit", 1), ("wait", 1), ("put", 1), ("put_trial", 1)),
)
"""Each in a new invocation: after which effect, how often it may happen."""


@pytest.mark.usefixtures("optuna_database")
def test_killed_anywhere_again_and_again_a_study_ends_as_if_nothing_had_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(sampler="tpe", trials=11, finalists={"count": 1, "seeds": 4}, seed=3)
    undisturbed = conduct(study, tmp_path / "undisturbed")
    folder = tmp_path / "killed"
    for name, count in KILLS:
        with killed_after(name, count, monkeypatch), pytest.raises(Killed):
            conduct(study, folder, Checked(folder))
    results = conduct(study, folder, Checked(folder))
    assert answers(results) == answers(undisturbed)
    url = Store.open(folder, create=True).optuna_url
    trials = optuna.load_study(study_name="small", storage=url).trials
    assert {trial.state.name for trial in trials} == {"COMPLETE"}


# --- stopped ---


class Stopper(Recorder):
    """Asks to stop as soon as so many runs were recorded, so many times."""

    def __init__(self, stopping: Stopping, after: int, times: int = 1) -> None:
        super().__init__()
        self.stopping, self.after, self.times = stopping, after, times

    def notify(self, event: events.Event) -> None:
        super().notify(event)
        if isinstance(event, events.TrialFinished):
            self.after -= 1
            if self.after == 0:
                for _ in range(self.times):
                    self.stopping.stop()

    @property
    def notices(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, events.Notice)]


def test_asked_to_stop_it_lets_what_runs_finish_and_goes_on_later(tmp_path: Path) -> None:
    study = make_study(trials=8)
    stopping = Stopping(None)
    observer, executor = Stopper(stopping, after=3), FakeExecutor(2)
    results = conduct(study, tmp_path, executor, observer=observer, stopping=stopping)
    # The third answer came while one other run was going.
    assert len(results.trials) == 4
    assert observer.events[-1] == events.StudyEnded("interrupted", 8)
    assert observer.notices == [
        "interrupted: 1 run finishes first (time unknown); press Ctrl-C again to end at once; "
        "the same command then continues with the 8 runs left"
    ]
    rest = FakeExecutor(2)
    whole = conduct(study, tmp_path, rest)
    assert len(rest.submitted) == 8
    assert sorted(answers(whole)) == sorted(
        answers(conduct(study, tmp_path / "undisturbed", FakeExecutor(2)))
    )


def test_asked_twice_it_leaves_what_runs_to_the_next(tmp_path: Path) -> None:
    study = make_study(trials=6, finalists=None)
    stopping = Stopping(None)
    observer = Stopper(stopping, after=2, times=2)
    results = conduct(study, tmp_path, FakeExecutor(3), observer=observer, stopping=stopping)
    assert len(results.trials) == 2
    assert observer.events[-1] == events.StudyEnded("interrupted", 4)
    going = ControllerState(tmp_path / "studies" / "small").pending()
    rest = FakeExecutor(3)
    conduct(study, tmp_path, rest)
    unanswered = [note.architecture for note in going if note.number >= 2]
    assert [key.architecture for key in rest.submitted][: len(unanswered)] == unanswered


def test_a_time_limit_stops_asking_and_says_what_is_left(tmp_path: Path) -> None:
    now = iter([0.0, *[1.0] * 12, *[99.0] * 1000])
    stopping = Stopping(60, monotonic=lambda: next(now))
    recorder = Recorder()
    results = conduct(make_study(trials=50), tmp_path, observer=recorder, stopping=stopping)
    last = recorder.events[-1]
    assert isinstance(last, events.StudyEnded)
    assert last.why == "time limit"
    assert last.left == 50 + 4 - len(results.trials) > 40


def test_how_long_the_last_runs_take_is_read_from_their_curves(tmp_path: Path) -> None:
    stopping = Stopping(None)
    observer = Stopper(stopping, after=1)
    study = make_study(trials=4, budget={"seconds": 90})
    conduct(study, tmp_path, FakeExecutor(2), observer=observer, stopping=stopping)
    assert "1 run finishes first (within about 90 s)" in observer.notices[0]


def test_a_run_that_crashes_while_stopping_is_asked_again(tmp_path: Path) -> None:
    # SIGTERM may reach the workers as well.
    stopping = Stopping(None)
    observer = Stopper(stopping, after=1)
    executor = Failing(lambda n: Outcome.COMPLETED if n == 0 else Outcome.CRASHED, slots=2)
    study = make_study(trials=3, finalists=None)
    results = conduct(study, tmp_path, executor, observer=observer, stopping=stopping)
    assert [trial.number for trial in results.trials] == [0]
    assert outcomes(conduct(study, tmp_path)) == {Outcome.COMPLETED: 3}


# --- crashes ---


def test_a_crashed_run_is_tried_once_more(tmp_path: Path) -> None:
    executor, recorder = Failing(lambda n: [Outcome.COMPLETED, Outcome.CRASHED][n == 1]), Recorder()
    results = conduct(make_study(trials=3, finalists=None), tmp_path, executor, observer=recorder)
    assert outcomes(results) == {Outcome.COMPLETED: 3}
    tried = [e.attempt for e in recorder.events if isinstance(e, events.TrialStarted)]
    assert tried == [1, 1, 2, 1]
    (notice,) = [e.text for e in recorder.events if isinstance(e, events.Notice)]
    assert notice == f"{results.trials[1].architecture} crashed and is tried again: scripted crashed"


def test_a_run_that_crashes_twice_is_recorded_and_the_study_goes_on(tmp_path: Path) -> None:
    executor = Failing(lambda n: Outcome.CRASHED if n in (1, 2) else Outcome.COMPLETED)
    results = conduct(make_study(trials=5, finalists=None), tmp_path, executor)
    assert outcomes(results) == {Outcome.COMPLETED: 4, Outcome.CRASHED: 1}
    assert (results.trials[1].outcome, results.trials[1].reason) == (Outcome.CRASHED, "scripted crashed")


@pytest.mark.parametrize(
    "outcome", [Outcome.DIVERGED, Outcome.OUT_OF_MEMORY, Outcome.TIMED_OUT, Outcome.INFEASIBLE]
)
def test_any_other_failure_is_an_answer(tmp_path: Path, outcome: Outcome) -> None:
    study = make_study(sampler="tpe", trials=12, finalists=None)
    executor = Failing(lambda _: outcome)
    results = conduct(study, tmp_path, executor)
    assert outcomes(results).keys() == {outcome}
    assert len(set(executor.submitted)) == len(executor.submitted)
    assert all(trial.run in results.runs for trial in results.trials)
    # Not even the same command again asks again, nor does the baseline what the search asked.
    again = FakeExecutor()
    assert outcomes(conduct(study, tmp_path, again)).keys() == {outcome}
    assert again.submitted == []


@pytest.mark.parametrize("outcome", [Outcome.OUT_OF_MEMORY, Outcome.INFEASIBLE])
def test_what_found_too_little_memory_is_tried_by_another_study(tmp_path: Path, outcome: Outcome) -> None:
    study = make_study(trials=4, finalists=None)
    conduct(study, tmp_path, Failing(lambda _: outcome))
    # By a bigger machine, say, after which the first study still has its own answers.
    bigger, third = FakeExecutor(), FakeExecutor()
    other = make_study("other", trials=4, finalists=None)
    assert outcomes(conduct(other, tmp_path, bigger)) == {Outcome.COMPLETED: 4}
    assert len(bigger.submitted) == 4
    assert outcomes(conduct(study, tmp_path, third)) == {outcome: 4}
    conduct(make_study("third", trials=4, finalists=None), tmp_path, third)
    assert third.submitted == []


def test_where_the_first_three_runs_crash_the_set_up_is_to_blame(tmp_path: Path) -> None:
    study, recorder = make_study(trials=20), Recorder()
    executor = Failing(lambda _: Outcome.CRASHED)
    with pytest.raises(VggSearchError) as error:
        conduct(study, tmp_path, executor, observer=recorder)
    assert str(error.value) == (
        "the first 3 runs crashed, so the set-up is to blame (scripted crashed): repair it, "
        "and run the same command again"
    )
    assert len(executor.submitted) == 6
    assert recorder.events[-1] == events.StudyEnded("failed", 24)
    # Nothing was burnt: once it is mended, the same runs are made.
    mended = FakeExecutor()
    assert answers(conduct(study, tmp_path, mended)) == answers(conduct(study, tmp_path / "other"))
    assert mended.submitted[0] == executor.submitted[0]


def test_crashes_before_the_first_success_are_recorded_with_it(tmp_path: Path) -> None:
    executor = Failing(lambda n: Outcome.CRASHED if n < 4 else Outcome.COMPLETED)
    results = conduct(make_study(trials=4, finalists=None), tmp_path, executor)
    assert [trial.outcome.value for trial in results.trials] == [
        "crashed",
        "crashed",
        "completed",
        "completed",
    ]


def test_a_study_of_one_run_that_crashes_says_so_and_can_be_tried_again(tmp_path: Path) -> None:
    study = make_study(trials=1, finalists=None)
    with pytest.raises(VggSearchError, match=r"^the first run crashed, so the set-up is to blame"):
        conduct(study, tmp_path, Failing(lambda _: Outcome.CRASHED))
    assert outcomes(conduct(study, tmp_path)) == {Outcome.COMPLETED: 1}


def test_a_crash_at_the_end_of_a_sound_study_is_recorded(tmp_path: Path) -> None:
    conduct(make_study(trials=3, finalists=None), tmp_path)
    longer = make_study(trials=4, finalists=None)
    results = conduct(longer, tmp_path, Failing(lambda _: Outcome.CRASHED))
    assert outcomes(results) == {Outcome.COMPLETED: 3, Outcome.CRASHED: 1}


# --- going on ---


def test_more_trials_extend_a_study(tmp_path: Path) -> None:
    for trials in (4, 9):
        results = conduct(make_study(sampler="tpe", trials=trials, finalists=None), tmp_path)
        assert {len(t) for t in by_stage(results).values()} == {trials}
    whole = conduct(make_study(sampler="tpe", trials=9, finalists=None), tmp_path / "other")
    search = [row for row in answers(whole) if row[0] == "search"]
    assert [row for row in answers(results) if row[0] == "search"] == search


def by_stage(results: StudyResults) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for trial in results.trials:
        found.setdefault(trial.stage, set()).add(trial.run or "")
    return found


def test_more_seeds_and_more_finalists_are_added_to_those_there_are(tmp_path: Path) -> None:
    def finalists(trials: int, count: int, seeds: int) -> list[str]:
        study = make_study(trials=trials, finalists={"count": count, "seeds": seeds})
        results = conduct(study, tmp_path)
        return [trial.architecture for trial in results.trials if trial.stage == "finalists"]

    first = finalists(6, 2, 1)
    seeds = finalists(6, 2, 3)
    assert seeds == first * 3
    more = finalists(6, 3, 3)
    assert more[:6] == seeds
    assert Counter(more) == {more[-1]: 3, first[0]: 3, first[1]: 3}
    # Finalists that were tested stay, also where longer searching finds better ones.
    later = finalists(20, 3, 3)
    assert set(more) <= set(later)


def test_a_lost_run_is_made_again(tmp_path: Path) -> None:
    study = make_study(sampler="tpe", trials=12, finalists={"count": 1, "seeds": 2})
    before = conduct(study, tmp_path)
    gone = [before.trials[3].run, before.trials[-1].run]
    for digest in gone:
        assert digest is not None
        (tmp_path / "ledger" / digest[:2] / f"{digest}.json").unlink()
    executor = FakeExecutor()
    after = conduct(study, tmp_path, executor)
    assert [key.digest for key in executor.submitted] == gone
    assert answers(after) == answers(before)


@pytest.mark.usefixtures("optuna_database")
def test_lost_notes_and_a_lost_database_cost_nothing(tmp_path: Path) -> None:
    study = make_study(sampler="tpe", trials=12)
    before = conduct(study, tmp_path)
    for name in ("optuna.db", "studies/small/asked.json", "studies/small/finalists.json"):
        (tmp_path / name).unlink()
    executor = FakeExecutor()
    assert answers(conduct(study, tmp_path, executor)) == answers(before)
    assert executor.submitted == []
    trials = optuna.load_study(
        study_name="small", storage=Store.open(tmp_path, create=True).optuna_url
    ).trials
    searched = [trial for trial in before.trials if trial.stage == "search"]
    assert [trial.params for trial in trials] == [trial.params for trial in searched]
    assert [trial.values[0] for trial in trials] == [before.runs[t.run or ""].val_accuracy for t in searched]


@pytest.mark.usefixtures("optuna_database")
def test_a_lost_trial_is_answered_from_the_ledger(tmp_path: Path) -> None:
    study = make_study(sampler="tpe", trials=12, finalists=None)
    before = conduct(study, tmp_path)
    for name in ("search-000004", "search-000010", "baseline-000002"):
        (tmp_path / "studies" / "small" / "trials" / f"{name}.json").unlink()
    executor = FakeExecutor()
    after = conduct(study, tmp_path, executor)
    assert executor.submitted == []
    assert [row[:6] for row in answers(after)] == [row[:6] for row in answers(before)]


@pytest.mark.usefixtures("optuna_database")
def test_what_a_deleted_study_left_in_the_database_is_forgotten(tmp_path: Path) -> None:
    conduct(make_study(sampler="tpe", trials=12, seed=1, finalists=None), tmp_path)
    shutil.rmtree(tmp_path / "studies" / "small")
    study = make_study(sampler="tpe", trials=3, finalists=None)
    assert answers(conduct(study, tmp_path)) == answers(conduct(study, tmp_path / "other"))
    trials = optuna.load_study(
        study_name="small", storage=Store.open(tmp_path, create=True).optuna_url
    ).trials
    assert len(trials) == 3


# --- what cannot go on ---


def test_a_study_does_not_mix_devices(tmp_path: Path) -> None:
    study = make_study(trials=2, budget={"seconds": 5})
    conduct(study, tmp_path)

    def elsewhere(device: str, model: str) -> str:
        there = conditions(study, device=device, device_model=model)
        session = Session(Store.open(tmp_path, create=True), FakeExecutor(), there)
        with pytest.raises(StudyFileError) as error:
            run_study(study, session)
        return str(error.value)

    assert elsewhere("cpu", "another one") == (
        "small.yaml: all runs of a study are made under the same conditions, and device_model was "
        "a processor and is now another one: continue where it began, or name another --store"
    )
    assert "device was cpu and is now cuda" in elsewhere("cuda", "a GPU")


def test_a_study_does_not_mix_data(tmp_path: Path) -> None:
    study = make_study(trials=2)
    conduct(study, tmp_path)
    data = run_key().data.model_copy(update={"digest": "2" * 64})
    session = Session(Store.open(tmp_path, create=True), FakeExecutor(), conditions(study, data_key=data))
    with pytest.raises(
        StudyFileError, match=r"data was images 000000000000, split 111111111111 and is now images 2{12}"
    ):
        run_study(study, session)


def test_one_controller_at_a_time(tmp_path: Path) -> None:
    study = make_study(trials=2)
    with Store.open(tmp_path, create=True).lock(), pytest.raises(StoreError, match="one controller"):
        conduct(study, tmp_path)


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make_study(trials=5, finalists=None)

    def full(path: Path, data: bytes) -> None:
        if "search-000002" in path.name:
            raise OSError(28, "No space left on device")
        real(path, data)

    from vggsearch.store import files

    real = files.write_checksummed
    with monkeypatch.context() as patch:
        patch.setattr(files, "write_checksummed", full)
        with pytest.raises(
            StoreError, match=r"search-000002.json cannot be written \(No space left on device\)"
        ):
            conduct(study, tmp_path)
    executor = Checked(tmp_path)
    results = conduct(study, tmp_path, executor)
    assert len(executor.submitted) == 2
    assert outcomes(results) == {Outcome.COMPLETED: 5}


# --- checkpoints ---


def test_a_finished_run_leaves_no_checkpoint_and_an_unfinished_one_keeps_its_own(tmp_path: Path) -> None:
    study = make_study(trials=3)
    store = Store.open(tmp_path, create=True)

    class Leaving(FakeExecutor):
        def submit(self, key: RunKey) -> None:
            super().submit(key)
            (store.checkpoints / key.digest).mkdir(parents=True)

    leaving = Leaving()
    stopping = Stopping(None)
    conduct(study, tmp_path, leaving, observer=Stopper(stopping, 1, times=2), stopping=stopping)
    # Stopped at once after its first run: what it had handed out by then was not answered.
    left = {path.name for path in store.checkpoints.iterdir()}
    assert left == {key.digest for key in leaving.submitted[1:]}
    results = conduct(study, tmp_path)
    assert not any(store.checkpoints.iterdir())
    (store.checkpoints / next(iter(results.runs))).mkdir()  # as a kill right after the record leaves it
    with store.lock():
        assert not any(store.checkpoints.iterdir())
