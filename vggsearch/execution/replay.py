"""`ReplayExecutor`: runs that are looked up, on a simulated clock."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

from vggsearch.execution.contract import Event, Executor, Finished
from vggsearch.runs import Digest, Outcome, RunKey, RunRecord

Lookup = Callable[[RunKey], RunRecord]
"""Gives the record of a run. It takes `setup_s + train_wall_s + eval_s` seconds of the simulated clock."""


@dataclass(order=True)
class _Active:
    """A run that will end."""

    end_s: float
    number: int
    """Of the submission: of runs that end at once, the one that was submitted first comes first."""
    record: RunRecord = field(compare=False)


class ReplayExecutor(Executor):
    """Looks up what it is asked for. Runs end in the order that their recorded seconds give.

    The clock stands still but for `wait`, which moves it to the end of the next run: so a study of days takes
    as long as its controller needs. Nothing depends on the machine or its load.

    Args:
        slots: How many runs may be active at once.
        lookup: Gives the record of a run.
    """

    def __init__(self, slots: int, lookup: Lookup) -> None:
        self.slots = slots
        self.now_s = 0.0
        """Seconds since the beginning, by the simulated clock."""
        self._lookup = lookup
        self._submitted = 0
        self._active: list[_Active] = []

    def clock(self) -> float:
        """The simulated time; pass it to the session as its clock."""
        return self.now_s

    def submit(self, key: RunKey) -> None:
        """See `Executor.submit`."""
        self._check_submission(key, [one.record.key.digest for one in self._active])
        record = self._lookup(key)
        took_s = record.setup_s + record.train_wall_s + record.eval_s
        heapq.heappush(self._active, _Active(self.now_s + took_s, self._submitted, record))
        self._submitted += 1

    def wait(self, timeout_s: float | None = None) -> list[Event]:
        """See `Executor.wait`; never waits, and returns one run at a time."""
        del timeout_s
        if not self._active:
            return []
        ended = heapq.heappop(self._active)
        self.now_s = ended.end_s
        return [Finished(ended.record)]

    def cancel(self, digest: Digest, outcome: Outcome, reason: str) -> None:
        """See `Executor.cancel`: the run ends now."""
        for one in self._active:
            if one.record.key.digest == digest:
                one.end_s = self.now_s
                one.record = RunRecord(key=one.record.key, outcome=outcome, reason=reason)
        heapq.heapify(self._active)

    def close(self) -> None:
        """See `Executor.close`."""
        self._active.clear()
