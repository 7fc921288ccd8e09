"""Runs that the executor is making, and what to report about them when the study is to stop."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from vggsearch.runs import CurvePoint, RunKey, RunRecord
from vggsearch.store import PendingCandidate
from vggsearch.study.control.stages import Candidate
from vggsearch.study.control.stopping import StopReason


@dataclass
class ActiveRun:
    """A run that was submitted to the executor, and the candidates that wait for it."""

    key: RunKey
    candidates: list[Candidate]
    """First the one that it is made for, then those that asked for the same run while it was active."""
    attempt: int = 1
    begun_s: float = field(default_factory=time.monotonic)
    point: CurvePoint | None = None
    """Last point of its learning curve."""
    run: RunRecord | None = None
    """Its result, once it has ended."""

    def pending(self) -> list[PendingCandidate]:
        """What the next controller needs to ask for it again."""
        return [
            PendingCandidate(
                stage=candidate.stage,
                number=candidate.number,
                architecture=candidate.architecture,
                seed=self.key.seed,
                run=self.key.digest,
                cached=bool(candidate.cached),
                asked_at=candidate.asked_at,
            )
            for candidate in self.candidates
        ]

    def left_s(self) -> float | None:
        """Estimate of the seconds left, from its pace or its budget; None where neither is known."""
        taken_s = time.monotonic() - self.begun_s
        if self.point is not None and self.point.fraction > 0:
            # By the pace up to the last point; progress since is not known, so this is an overestimate.
            return taken_s * (1 - self.point.fraction) / self.point.fraction
        return self.key.budget.seconds


def stop_message(why: StopReason, active: Sequence[ActiveRun], left: int) -> str:
    """What happens now that no new run begins, in one line; `left` counts the runs not answered yet."""
    if not active:
        return f"{why}: {left} runs are left, and the same command continues with them"
    known = [seconds for run in active if (seconds := run.left_s()) is not None]
    about = f"within about {max(known):.0f} s" if len(known) == len(active) else "time unknown"
    runs = "1 run finishes" if len(active) == 1 else f"{len(active)} runs finish"
    again = "; press Ctrl-C again to end at once" if why == "interrupted" else ""
    rest = left - len(active)
    return f"{why}: {runs} first ({about}){again}; the same command then continues with the {rest} runs left"
