"""`Assignment`: a run that a worker is busy with. `AssigningExecutor`: what executors with workers share."""

import math
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from vggsearch.execution.contract import Event, Executor, Finished, Progress
from vggsearch.execution.worker import Cancel, Message, Point, Record
from vggsearch.runs import CurvePoint, Digest, Outcome, RunKey, RunRecord


@dataclass(kw_only=True)
class Assignment:
    """A run that a worker is busy with. Moments are those of the monotonic clock."""

    key: RunKey
    started_s: float
    deadline_s: float | None
    """Seconds after its start at which the run should end itself; None for no limit."""
    kill_at_s: float = math.inf
    """Moment at which the worker is killed; infinite for never."""
    points: list[CurvePoint] = field(default_factory=list)
    cancel: Cancel | None = None
    """The request to cancel the run, once there is one."""

    def event(self, message: Message) -> Event | None:
        """Return the event that a message from the worker announces; None if it is of another run."""
        if isinstance(message, Point) and message.digest == self.key.digest:
            self.points.append(message.point)
            return Progress(message.digest, message.point)
        if isinstance(message, Record) and message.record.key.digest == self.key.digest:
            return Finished(message.record)
        return None

    def failed(self, reason: str) -> Finished:
        """Return the end of a run whose worker was lost."""
        return self._finished(Outcome.CRASHED, reason)

    def killed(self) -> Finished:
        """Return the end of a run whose worker is killed now, because it was cancelled or is overdue."""
        if self.cancel is not None:
            return self._finished(self.cancel.outcome, self.cancel.reason)
        waited_s = time.monotonic() - self.started_s
        return self._finished(
            Outcome.TIMED_OUT,
            f"no answer {waited_s:.0f} s after its start, so its worker was killed: give it a smaller "
            "budget, or run it alone with `vggsearch train`",
        )

    def _finished(self, outcome: Outcome, reason: str) -> Finished:
        last = self.points[-1] if self.points else None
        record = RunRecord(
            key=self.key,
            outcome=outcome,
            reason=reason,
            curve=tuple(self.points),
            steps=last.step if last else 0,
            images=last.images if last else 0,
            train_s=last.train_s if last else 0.0,
            train_wall_s=time.monotonic() - self.started_s,
        )
        return Finished(record)


A = TypeVar("A", bound=Assignment)


class AssigningExecutor(Executor, Generic[A]):
    """An executor that gives each run to a worker, and kills workers that do not end their run in time."""

    def __init__(
        self, deadline_s: Callable[[RunKey], float | None], cancel_grace_s: float, deadline_grace_s: float
    ) -> None:
        self._deadline_s = deadline_s
        self._cancel_grace_s = cancel_grace_s
        self._deadline_grace_s = deadline_grace_s

    @abstractmethod
    def _assignments(self) -> Sequence[A]:
        """Return the active runs."""

    @abstractmethod
    def _poll(self, timeout_s: float) -> list[Event]:
        """Wait for messages of active runs, at most `timeout_s` seconds; kill workers that are overdue."""

    @abstractmethod
    def _send_cancel(self, assignment: A, cancel: Cancel) -> None:
        """Pass the request on to the worker; does nothing if the worker is gone."""

    def wait(self, timeout_s: float | None = None) -> list[Event]:
        """See `Executor.wait`."""
        until_s = math.inf if timeout_s is None else time.monotonic() + timeout_s
        events: list[Event] = []
        while active := self._assignments():
            next_s = min(until_s, *(assignment.kill_at_s for assignment in active))
            events = self._poll(max(0.0, next_s - time.monotonic()))
            if events or time.monotonic() >= until_s:
                break
        return events

    def cancel(self, digest: Digest, outcome: Outcome, reason: str) -> None:
        """See `Executor.cancel`."""
        for assignment in self._assignments():
            if assignment.key.digest == digest and assignment.cancel is None:
                assignment.cancel = Cancel(digest=digest, outcome=outcome, reason=reason)
                kill_at_s = time.monotonic() + self._cancel_grace_s
                assignment.kill_at_s = min(assignment.kill_at_s, kill_at_s)
                self._send_cancel(assignment, assignment.cancel)

    def _kill_at_s(self, started_s: float, deadline_s: float | None) -> float:
        """When the worker of a run that was started then is killed."""
        return math.inf if deadline_s is None else started_s + deadline_s + self._deadline_grace_s
