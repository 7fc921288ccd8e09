"""The conformance suite of executors: the tests of a new executor inherit it.

```python
class TestMyExecutor(ExecutorConformance):
    def make(self, slots):
        return MyExecutor(slots, trainer=SCRIPTED_TRAINER)
```
"""
# ruff: noqa: D102 - a test's name says what it tests

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

from vggsearch.execution import Event, Executor, Finished, Progress
from vggsearch.runs import Outcome, RunKey, RunRecord
from vggsearch.testing.fake import artificial_record, run_key, script_of

PATIENCE_S = 120.0
"""Longest wait of a test, for what takes a second on an idle machine."""


def deadline_s(key: RunKey) -> float:
    """The deadline of a scripted run: one second if it hangs, else one that no run reaches."""
    return 1.0 if "hang" in script_of(key) else PATIENCE_S


def drain(
    executor: Executor, until: Callable[[list[Event]], bool], timeout_s: float = PATIENCE_S
) -> list[Event]:
    """Collect events until `until` is true of them; AssertionError after `timeout_s`."""
    events: list[Event] = []
    end_s = time.monotonic() + timeout_s
    while not until(events):
        assert time.monotonic() < end_s, f"no end after {timeout_s} s, only {events}"
        events += executor.wait(1.0)
    return events


def records(events: list[Event]) -> list[RunRecord]:
    """Return the records among events."""
    return [event.record for event in events if isinstance(event, Finished)]


def finish(executor: Executor, count: int, timeout_s: float = PATIENCE_S) -> list[RunRecord]:
    """Wait until `count` runs have ended and return their records."""
    return records(drain(executor, lambda events: len(records(events)) >= count, timeout_s))


class ExecutorConformance(ABC):
    """The tests of every executor. `make` returns one whose runs follow `scripted_trainer`."""

    @abstractmethod
    def make(self, slots: int) -> Executor:
        """Return a new executor with `slots` slots."""

    @contextlib.contextmanager
    def executor(self, slots: int = 1) -> Iterator[Executor]:
        """A new executor, closed at the end."""
        with self.make(slots) as executor:
            yield executor

    def test_a_run_is_answered_once_under_its_own_key(self) -> None:
        with self.executor() as executor:
            key = run_key(script="points=2")
            executor.submit(key)
            assert finish(executor, 1) == [artificial_record(key)]
            assert executor.wait(0.05) == []

    def test_a_run_that_has_ended_may_be_made_again(self) -> None:
        with self.executor() as executor:
            for _ in range(2):
                executor.submit(run_key())
                assert finish(executor, 1) == [artificial_record(run_key())]

    def test_waiting_for_nothing_returns_at_once(self) -> None:
        with self.executor() as executor:
            assert executor.wait(None) == []

    def test_waiting_without_limit_ends_when_something_happened(self) -> None:
        with self.executor() as executor:
            key = run_key(script="sleep=0.3")
            executor.submit(key)
            assert records(executor.wait(None)) == [artificial_record(key)]

    def test_progress_comes_in_order_before_the_end(self) -> None:
        with self.executor() as executor:
            key = run_key(script="points=3")
            executor.submit(key)
            events = drain(executor, lambda events: bool(records(events)))
            assert [type(event) for event in events] == [Progress] * 3 + [Finished]
            assert [event.point.step for event in events if isinstance(event, Progress)] == [33, 67, 100]
            assert {event.digest for event in events if isinstance(event, Progress)} == {key.digest}

    def test_all_slots_are_used_and_no_more(self) -> None:
        with self.executor(slots=2) as executor:
            assert executor.slots == 2
            keys = [run_key(seed) for seed in range(3)]
            executor.submit(keys[0])
            executor.submit(keys[1])
            _refuses(lambda: executor.submit(keys[2]), "all 2 slots are taken: wait until a run has finished")
            assert {record.key for record in finish(executor, 2)} == set(keys[:2])
            executor.submit(keys[2])
            assert [record.key for record in finish(executor, 1)] == keys[2:]

    def test_an_active_run_is_not_started_again(self) -> None:
        with self.executor(slots=2) as executor:
            key = run_key()
            executor.submit(key)
            _refuses(
                lambda: executor.submit(key),
                f"run {key.digest[:12]} is already active: wait until it has finished",
            )
            assert len(finish(executor, 1)) == 1

    def test_an_exception_of_a_trainer_is_an_outcome_and_the_slot_can_be_used_again(self) -> None:
        with self.executor() as executor:
            for seed, action, outcome, reason in (
                (0, "raise", Outcome.CRASHED, "RuntimeError: scripted failure (fake.py:"),
                (1, "memory", Outcome.OUT_OF_MEMORY, "MemoryError: scripted (fake.py:"),
                (2, "", Outcome.COMPLETED, ""),
            ):
                executor.submit(run_key(seed, action))
                (record,) = finish(executor, 1)
                assert record.outcome is outcome
                assert record.reason.startswith(reason)
                assert "\n" not in record.reason

    def test_a_cancelled_run_ends_at_its_next_report_with_the_outcome_asked_for(self) -> None:
        with self.executor() as executor:
            key = run_key(script="points=100,sleep=0.05")
            executor.submit(key)
            executor.cancel(key.digest, Outcome.PREEMPTED, "asked to stop")
            (record,) = finish(executor, 1)
            assert (record.outcome, record.reason) == (Outcome.PREEMPTED, "asked to stop")
            assert record.steps < 100

    def test_cancelling_a_run_that_is_not_active_does_nothing(self) -> None:
        with self.executor() as executor:
            executor.cancel("f" * 64, Outcome.PREEMPTED, "nothing there")
            for _ in range(2):
                executor.submit(run_key())
                (record,) = finish(executor, 1)
                assert record.outcome is Outcome.COMPLETED
                executor.cancel(record.key.digest, Outcome.PREEMPTED, "it ended before")

    def test_a_cancelled_run_that_was_faster_ends_once(self) -> None:
        with self.executor() as executor:
            key = run_key(script="sleep=0.1")  # reports nothing, so that it learns of no cancellation
            executor.submit(key)
            executor.cancel(key.digest, Outcome.PREEMPTED, "asked to stop")
            (record,) = finish(executor, 1)
            assert record == artificial_record(key) or record.outcome is Outcome.PREEMPTED
            assert executor.wait(0.3) == []
            executor.submit(run_key(1))
            assert finish(executor, 1) == [artificial_record(run_key(1))]

    def test_closing_twice_is_allowed_and_forgets_active_runs(self) -> None:
        executor = self.make(1)
        executor.submit(run_key(script="sleep=0.2"))
        executor.close()
        executor.close()
        assert executor.wait(0.3) == []

    def test_an_executor_knows_nothing_of_one_before_it(self) -> None:
        key = run_key(script="points=2,sleep=0.2")
        with self.executor() as before:
            before.submit(key)
        with self.executor() as executor:
            assert executor.wait(0.3) == []
            executor.submit(key)
            events = drain(executor, lambda events: bool(records(events)))
            assert [type(event) for event in events] == [Progress, Progress, Finished]
            assert records(events) == [artificial_record(key)]


class IsolationConformance(ExecutorConformance):
    """More tests, for executors with processes; `make` uses `deadline_s` and a grace of one second."""

    def test_a_dead_worker_is_an_outcome_and_the_slot_can_be_used_again(self) -> None:
        with self.executor() as executor:
            for seed, action, reason in (
                (0, "exit=3", "ended with exit status 3"),
                (1, "exit=0", "ended with exit status 0"),
                (2, "kill", "memory runs out"),
                (3, "garbage", "ended with exit status 1"),
            ):
                executor.submit(run_key(seed, f"points=2,{action}"))
                events = drain(executor, lambda events: bool(records(events)))
                (record,) = records(events)
                assert record.outcome is Outcome.CRASHED
                assert reason in record.reason
                assert [point.step for point in record.curve] == [50, 100]
                executor.submit(run_key(seed + 10))
                assert finish(executor, 1)[0].outcome is Outcome.COMPLETED

    def test_a_dead_worker_costs_its_own_run_alone(self) -> None:
        with self.executor(slots=2) as executor:
            other = run_key(1, "points=4,sleep=0.1")
            executor.submit(other)
            executor.submit(run_key(0, "points=1,kill"))
            ended = {record.key: record for record in finish(executor, 2)}
            assert ended[run_key(0, "points=1,kill")].outcome is Outcome.CRASHED
            assert ended[other] == artificial_record(other)

    def test_waiting_ends_with_its_time(self) -> None:
        with self.executor() as executor:
            executor.submit(run_key(script="sleep=60"))
            begun_s = time.monotonic()
            assert executor.wait(0.0) == executor.wait(0.2) == []
            assert 0.2 <= time.monotonic() - begun_s < 30

    def test_a_hanging_worker_is_killed_at_its_deadline(self) -> None:
        with self.executor(slots=2) as executor:
            executor.submit(run_key(0, "hang"))
            executor.submit(run_key(1))
            ended = {record.key.seed: record for record in finish(executor, 2)}
            assert (ended[0].outcome, ended[1].outcome) == (Outcome.TIMED_OUT, Outcome.COMPLETED)
            assert "its worker was killed" in ended[0].reason
            executor.submit(run_key(2))
            assert finish(executor, 1)[0].outcome is Outcome.COMPLETED

    def test_a_cancelled_run_that_does_not_respond_is_killed(self) -> None:
        with self.executor() as executor:
            key = run_key(0, "hang")
            executor.submit(key)
            executor.cancel(key.digest, Outcome.PREEMPTED, "asked to stop")
            (record,) = finish(executor, 1)
            assert (record.outcome, record.reason) == (Outcome.PREEMPTED, "asked to stop")

    def test_closing_does_not_wait_for_what_hangs(self) -> None:
        executor = self.make(1)
        executor.submit(run_key(0, "hang"))
        begun_s = time.monotonic()
        executor.close()
        assert time.monotonic() - begun_s < 5


def _refuses(call: Callable[[], None], text: str) -> None:
    message = None
    try:
        call()
    except ValueError as error:
        message = str(error)
    assert message == text
