"""The replay executor: the contract of every executor, and a clock that only results move."""

import pytest

from vggsearch.execution import ReplayExecutor
from vggsearch.runs import Outcome
from vggsearch.testing.fake import artificial_record, run_key


def lookup(key):
    return artificial_record(key).model_copy(update={"train_wall_s": float(key.seed), "setup_s": 0.5})


def test_runs_end_in_the_order_of_their_seconds_and_move_the_clock():
    executor = ReplayExecutor(3, lookup)
    for seed in (7, 2, 4):
        executor.submit(run_key(seed))
    assert executor.clock() == 0
    ends = []
    while events := executor.wait():
        (event,) = events
        ends.append((event.record.key.seed, executor.clock()))
        if event.record.key.seed == 2:
            executor.submit(run_key(1))  # begins at 2.5 s, and ends at 4 s
    assert ends == [(2, 2.5), (1, 4.0), (4, 4.5), (7, 7.5)]


def test_of_runs_that_end_at_once_the_first_submitted_comes_first():
    executor = ReplayExecutor(2, lambda key: artificial_record(key).model_copy(update={"train_wall_s": 1.0}))
    executor.submit(run_key(5))
    executor.submit(run_key(3))
    assert [executor.wait()[0].record.key.seed for _ in range(2)] == [5, 3]


def test_a_cancelled_run_ends_now():
    executor = ReplayExecutor(2, lookup)
    executor.submit(run_key(9))
    executor.submit(run_key(8))
    executor.cancel(run_key(9).digest, Outcome.PRUNED, "no hope")
    (event,) = executor.wait()
    assert (event.record.key.seed, event.record.outcome, executor.clock()) == (9, Outcome.PRUNED, 0.0)
    assert executor.wait()[0].record.outcome is Outcome.COMPLETED
    assert executor.wait(1.0) == []


def test_submissions_are_checked():
    executor = ReplayExecutor(1, lookup)
    executor.submit(run_key(1))
    with pytest.raises(ValueError, match="already active"):
        executor.submit(run_key(1))
    with pytest.raises(ValueError, match="slots are taken"):
        executor.submit(run_key(2))
