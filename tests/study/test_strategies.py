"""Strategies on tables from a formula: what they spend, whom they promote, that a kill changes nothing."""

from collections import Counter

import numpy as np
import pytest
from synthetic_table import SMALL, search_study, synthetic_table, table_study

from vggsearch.arch import FASHION_MNIST, Architecture
from vggsearch.errors import StudyFileError
from vggsearch.execution import ReplayExecutor
from vggsearch.runs import Outcome
from vggsearch.store import MemoryStore
from vggsearch.study import Session, run_study
from vggsearch.tables import replay_study
from vggsearch.tables.replay import Replay, conditions_of

OWN = ("rungs", "screen", "model", {"name": "model", "share": 0})


@pytest.fixture(scope="module")
def table():
    return synthetic_table(table_study(SMALL))


def cost_in_full_runs(results):
    return sum(run.key.budget.amount / 360 for run in results.runs.values())


@pytest.mark.parametrize("strategy", OWN, ids=str)
@pytest.mark.parametrize("workers", [1, 3])
def test_it_spends_what_was_asked_for_and_asks_no_run_twice(table, strategy, workers):
    study = search_study(strategy, SMALL, trials=18)
    results = replay_study(study, table, workers=workers)
    assert 17 < cost_in_full_runs(results) <= 18
    asked = [trial.run for trial in results.trials]
    assert len(asked) == len(set(asked))
    assert all(trial.outcome is Outcome.COMPLETED for trial in results.trials)
    stages = Counter(trial.stage for trial in results.trials)
    full = [run for run in results.runs.values() if run.key.budget == study.budget]
    assert len(full) == stages["search"]


def test_rungs_promote_the_best_of_each_rung(table):
    study = search_study({"name": "rungs", "eta": 3, "rungs": 3}, SMALL, trials=9)
    results = replay_study(study, table, workers=1)
    by_budget = {
        steps: {
            run.key.architecture: run.val_accuracy
            for run in results.runs.values()
            if run.key.budget.steps == steps
        }
        for steps in (40, 120, 360)
    }
    assert [len(found) for found in by_budget.values()] == [27, 9, 3]
    for lower, higher in ((40, 120), (120, 360)):
        promoted = by_budget[higher].keys()
        assert promoted <= by_budget[lower].keys()
        # Some are promoted before all are known; of those that were left, none beats the best one promoted.
        best_left = max(value for net, value in by_budget[lower].items() if net not in promoted)
        assert max(by_budget[lower][net] for net in promoted) >= best_left


def test_screen_trains_the_best_of_its_short_runs(table):
    results = replay_study(search_study("screen", SMALL, trials=8), table, workers=2)
    short = {r.key.architecture: r.val_accuracy for r in results.runs.values() if r.key.budget.steps == 40}
    full = {r.key.architecture for r in results.runs.values() if r.key.budget.steps == 360}
    assert len(short) == 36
    assert full == set(sorted(short, key=short.__getitem__)[-len(full) :])


def test_the_model_finds_better_nets_than_chance(table):
    truth = {
        text: np.mean([table.query(text, seed=seed).val_accuracy for seed in (0, 1)])
        for text in table.members
    }

    def mean_quality(strategy):
        picks = [
            replay_study(search_study(strategy, SMALL, trials=15, seed=seed), table, seed=0).best()
            for seed in range(3)
        ]
        return np.mean([truth[pick.key.architecture] for pick in picks])

    assert mean_quality("model") > mean_quality("random") + 0.003


@pytest.mark.parametrize("strategy", OWN, ids=str)
def test_a_controller_that_was_killed_is_continued(table, strategy):
    """With one worker at a time the history, and all that follows from it, is the same."""
    study = search_study(strategy, SMALL, trials=12, baseline=True)
    whole = replay_study(study, table, workers=1)
    store = MemoryStore()
    for _ in range(200):
        executor = ReplayExecutor(1, Replay(table, study.seed))
        executor.now_s = max((trial.told_at for trial in store.trials(study.name)), default=0.0)
        wait, left = executor.wait, iter(range(7))

        def limited(timeout_s=None, wait=wait, left=left):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return wait(timeout_s)

        executor.wait = limited
        session = Session(store, executor, conditions_of(table), clock=executor.clock, copied=False)
        try:
            results = run_study(study, session)
        except KeyboardInterrupt:
            continue
        break
    key = lambda trial: (trial.stage, trial.number)  # noqa: E731
    assert [(key(trial), trial.run) for trial in sorted(results.trials, key=key)] == [
        (key(trial), trial.run) for trial in sorted(whole.trials, key=key)
    ]


def test_several_objectives_cover_the_front(table):
    objectives = {
        "objectives": ["val_accuracy", "macs", "params"],
        "reference": {"val_accuracy": 0.5, "macs": 1.0e7, "params": 1.0e5},
    }
    for strategy in OWN:
        results = replay_study(search_study(strategy, SMALL, trials=12, **objectives), table)
        assert len({run.key.architecture for run in results.runs.values()}) > 10
        assert results.best() is not None


def test_short_runs_never_count_as_the_best(table):
    results = replay_study(search_study("rungs", SMALL, trials=9), table)
    assert results.best().key.budget.steps == 360


def test_the_search_stops_where_its_study_says_so(table):
    results = replay_study(search_study("screen", SMALL, trials=12, stop={"patience": 1}), table, workers=1)
    assert sum(trial.stage == "search" for trial in results.trials) < 6


def test_nets_that_diverge_are_not_promoted(table):
    bad = {text for text in table.members if Architecture.parse(text).blocks[0].num_convs == 2}
    rows = tuple(
        row._replace(outcome=Outcome.DIVERGED, val_accuracy=None) if row.architecture in bad else row
        for row in table.rows
    )
    broken = type(table)(table.header, rows)
    for strategy in OWN:
        results = replay_study(search_study(strategy, SMALL, trials=12), broken)
        full = [t.architecture for t in results.trials if t.stage == "search"]
        assert sum(net in bad for net in full) <= len(full) / 2
        assert results.best().key.architecture not in bad


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strategy": "modle"}, "strategy: must be one of grid, random, tpe, "),
        ({"strategy": {"name": "tpe", "share": 0.5}}, "strategy: tpe has no settings: write strategy: tpe"),
        ({"strategy": {"name": "model", "share": 3}}, "strategy.share: must be at most 0.9, not 3: "),
        ({"strategy": {"name": "rungs", "eat": 3}}, "strategy.eat: no such key: "),
        ({"sampler": "tpe"}, "sampler: a study has one strategy, and strategy is model: leave sampler out"),
        (
            {"budget": {"steps": 1}},
            "budget: 1 steps cannot be divided by 9, as strategy model wants: raise it, or use fewer or",
        ),
        (
            {
                "objectives": ["val_accuracy", "latency_ms"],
                "reference": {"val_accuracy": 0.5, "latency_ms": 9.0},
            },
            "objectives: strategy model knows the MACs and parameters of every net, and latency of those it ",
        ),
    ],
)
def test_a_mistake_is_one_line(changes, message):
    with pytest.raises(StudyFileError) as refused:
        search_study(**({"strategy": "model"} | changes))
    assert str(refused.value).startswith(f"synthetic-search.yaml: {message}")
    assert "\n" not in str(refused.value)


def test_a_sampler_of_before_is_the_same_study():
    by_sampler = search_study(strategy=None, sampler="tpe")
    by_strategy = search_study(strategy="tpe")
    assert by_sampler.identity() == by_strategy.identity()
    assert "strategy" not in by_sampler.identity()
    assert search_study("random").space(FASHION_MNIST).count == 640
