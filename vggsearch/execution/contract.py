"""`Executor`: what makes the runs of a study, and what every executor guarantees."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from vggsearch.runs import CurvePoint, Digest, Outcome, RunKey, RunRecord

DeviceKind = Literal["cpu", "cuda"]

KeepWeights = Literal["all", "finalists", "none"]
"""Of which completed runs the weights are kept. `finalists` are the runs that are tested: the finalists of a
search, and the pairs of an ablation."""

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
    """A run ended, with any outcome."""

    record: RunRecord


Event = Progress | Finished


def keeps_weights(which: KeepWeights, key: RunKey) -> bool:
    """Whether the weights of the run of `key` are kept."""
    return which == "all" or (which == "finalists" and key.evaluate_on == "test")


def default_deadline_s(key: RunKey) -> float | None:
    """Wall-clock seconds after which a run is ended: long enough for slow runs, a guard against hanging."""
    seconds = key.budget.seconds
    return 24 * 3600.0 if seconds is None else 10 * seconds + 120


class Executor(ABC):
    """Makes runs, several at once. `vggsearch.testing.executors` holds the tests that every executor passes.

    **Runs.** A submitted run is *active* until `wait` has returned its `Finished`. Every submitted run gets
    exactly one `Finished`, whatever happens to its worker: the outcome is `crashed` if the worker dies and
    `timed_out` if it hangs, and the reason says what to do. The record's key equals the submitted key.
    `Progress` of a run comes before its `Finished`, in the order of the curve. A run affects no other run;
    after a crash the slot can be used again.

    **One owner.** All methods are called from one thread of one process. An executor opens no store and
    writes no result anywhere. When its owner dies, by any signal, its workers end.
    """

    slots: int
    """How many runs may be active at once, at least 1."""

    @abstractmethod
    def submit(self, key: RunKey) -> None:
        """Start a run and return without waiting for it.

        Raises ValueError if all slots are taken or the same run is active.
        """

    @abstractmethod
    def wait(self, timeout_s: float | None = None) -> list[Event]:
        """Return the events since the last call, in order.

        Waits for the first event, at most `timeout_s` seconds, or without limit if that is None. The list is
        empty after a timeout. It is empty at once if no run is active.
        """

    @abstractmethod
    def cancel(self, digest: Digest, outcome: Outcome, reason: str) -> None:
        """Ask a run to end at its next report, with `outcome` and `reason`. If it does not, it is killed.

        The run stays active until its `Finished`, which is the usual one if the run ended first. Does nothing
        if the run is not active.
        """

    @abstractmethod
    def close(self) -> None:
        """End all workers at once. Active runs get no `Finished`. May be called more than once."""

    def _check_submission(self, key: RunKey, active: Collection[Digest]) -> None:
        """Raise ValueError unless `key` may be submitted while the runs `active` are."""
        if key.digest in active:
            raise ValueError(f"run {key.digest[:12]} is already active: wait until it has finished")
        if len(active) >= self.slots:
            raise ValueError(f"all {self.slots} slots are taken: wait until a run has finished")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
