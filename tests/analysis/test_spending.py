"""Where the workers' time went, in worlds where the answer is known."""

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from vggsearch.analysis.worker_time import PAUSE_S, TIME_PARTS, spending


def trial(start, end, *, train=None, stage="search", outcome="completed", cached=False, digest="a"):
    return {
        "stage": stage,
        "outcome": outcome,
        "cached": cached,
        "digest": digest,
        "started_at": start,
        "finished_at": end,
        "asked_at": start - 1,
        "told_at": end + 1,
        "train_wall_s": end - start if train is None else train,
    }


def seconds(*trials):
    spent = spending(pd.DataFrame(trials))
    return spent, spent.frame.set_index(["stage", "part"])["seconds"]


def test_two_workers_one_of_which_waits():
    spent, parts = seconds(trial(0, 10, train=8), trial(0, 4), trial(5, 10, outcome="pruned", train=5))
    assert spent.workers == 2
    assert spent.elapsed_s == 10
    assert parts["search", "completed"] == 12
    assert parts["search", "pruned"] == 5
    assert parts["search", "overhead"] == 2
    assert parts["search", "waiting"] == 1
    assert parts["search", "failed"] == 0


def test_the_last_worker_to_end_lets_the_other_wait():
    _, parts = seconds(trial(0, 10), trial(0, 30))
    assert parts["search", "waiting"] == 20


@pytest.mark.parametrize("outcome", ["diverged", "crashed", "timed_out", "out_of_memory", "preempted"])
def test_every_other_outcome_is_a_failure(outcome):
    _, parts = seconds(trial(0, 3, outcome=outcome))
    assert parts["search", "failed"] == 3


def test_nobody_waits_while_the_study_is_stopped():
    later = 10 + PAUSE_S + 1
    spent, parts = seconds(trial(0, 10), trial(later, later + 10))
    assert spent.pauses == 1
    assert spent.elapsed_s == 20
    assert parts["search", "waiting"] == 0


def test_what_the_ledger_answered_and_what_was_infeasible_cost_nothing():
    spent, parts = seconds(
        trial(0, 10), trial(0, 10, cached=True), trial(0, 10, digest=None, outcome="infeasible")
    )
    assert parts.sum() == 10
    assert spent.cached == 1


def test_a_worker_that_died_is_accounted_for_by_the_controller():
    dead = trial(0, 10, outcome="crashed") | {"started_at": float("nan"), "finished_at": float("nan")}
    spent, parts = seconds(dead)
    assert spent.elapsed_s == 12
    assert parts["search", "failed"] + parts["search", "overhead"] == 12


def test_no_trials_no_time():
    spent, parts = seconds(trial(0, 1, cached=True))
    assert parts.sum() == 0
    assert (spent.elapsed_s, spent.workers, spent.share("waiting")) == (0, 0, 0)


runs = st.tuples(
    st.floats(0, 300), st.floats(0.01, 60), st.floats(0, 1), st.sampled_from(["search", "baseline"])
)


@settings(deadline=None, max_examples=50)
@given(st.lists(runs, min_size=1, max_size=30))
def test_every_worker_second_is_accounted_for_once(drawn):
    trials = [
        trial(start, start + length, train=share * length, stage=stage)
        for start, length, share, stage in drawn
    ]
    spent, parts = seconds(*trials)
    assert (parts >= -1e-6).all()
    busy = parts[parts.index.get_level_values("part") != "waiting"].sum()
    assert busy == pytest.approx(sum(length for _, length, _, _ in drawn))
    if spent.pauses == 0:
        assert parts.sum() == pytest.approx(spent.workers * spent.elapsed_s)
    assert sum(spent.share(part) for part in TIME_PARTS) == pytest.approx(1)
