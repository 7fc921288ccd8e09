"""`Executor`: who makes the runs, and what it promises."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from vggsearch.runs import CurvePoint, Digest, Outcome, RunKey, RunRecord

CANCEL_GRACE_S = 60.0
"""How long a cancelled run may take to reach its next report before its worker is killed."""


DEADLINE_GRACE_S = 30.0
"""How long after its deadline a run may take to end itself before its worker is killed."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A run reached a point of its learning curve."""

    digest: Digest
    point: CurvePoint


@dataclass(frozen=True, slots=True)
class Finished:
    """A run ended, one way or another."""

    record: RunRecord


Event = Progress | Finished


def default_deadline_s(key: RunKey) -> float | None:
    """Wall-clock seconds after which a run is given up: a guard against hanging, not slowness."""
    seconds = key.budget.seconds
    return 24 * 3600.0 if seconds is None else 10 * seconds + 120


class Executor(ABC):
    """Makes runs, several at once. `vggsearch.testing.executors` holds the tests that every executor passes.

    **Runs.** A submitted run is *going* until `wait` has returned its `Finished`. Every submitted run gets
    exactly one, whatever happens to whoever makes it: a worker that dies gives a record with outcome
    `crashed`, one that hangs `timed_out`, and the reason says what to do. Its key equals the submitted one.
    `Progress` of a run comes before its `Finished`, in the order of the curve. A run affects no other; after
    a crash the slot works again.

    **One owner.** All methods are called from one thread of one process. An executor opens no store and
    writes no result anywhere. When its owner dies, by whatever signal, its workers end.
    """

    slots: int
    """How many runs may be going at once, at least 1."""

    @abstractmethod
    def submit(self, key: RunKey) -> None:
        """Begin a run and return without waiting for it.

        Raises ValueError where all slots are taken or the same run is going.
        """

    @abstractmethod
    def wait(self, timeout_s: float | None = None) -> list[Event]:
        """What happened since the last call, in order.

        Waits until there is something, at most `timeout_s` seconds, or without limit where it is None. Empty
        where the time has passed, and at once where no run is going.
        """

    @abstractmethod
    def cancel(self, digest: Digest, outcome: Outcome, reason: str) -> None:
        """Ask a run to end with `outcome` and `reason`: at its next report, or by force after a while.

        The run is going until its `Finished` comes, which is the ordinary one where the run was faster. A run
        that is not going is ignored.
        """

    @abstractmethod
    def close(self) -> None:
        """End everything at once; runs that were going get no `Finished`. May be called again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
