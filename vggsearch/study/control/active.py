"""Runs that were handed over, and what to say about them when their study is to stop."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from vggsearch.runs import CurvePoint, RunKey, RunRecord
from vggsearch.store import PendingCandidate
from vggsearch.study.control.stages import Candidate
from vggsearch.study.control.stopping import Why


@dataclass
class ActiveRun:
    """A run that was handed over, and everyone who waits for it."""

    key: RunKey
    candidates: list[Candidate]
    """First the one that it is made for, then those that suggested the same while it was going."""
    attempt: int = 1
    begun_s: float = field(default_factory=time.monotonic)
    point: CurvePoint | None = None
    """Of its learning curve, the last."""
    run: RunRecord | None = None
    """How it ended."""

    def asked(self) -> list[PendingCandidate]:
        """What the next controller has to know of it."""
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
        """Seconds that it still takes, as far as its pace or its budget tells; None where neither does."""
        taken_s = time.monotonic() - self.begun_s
        if self.point is not None and self.point.fraction > 0:
            # The pace at its last point: what was spent since is not known, so this is rather too much.
            return taken_s * (1 - self.point.fraction) / self.point.fraction
        return self.key.budget.seconds


def stop_message(why: Why, going: Sequence[ActiveRun], left: int) -> str:
    """What happens now that nothing new begins, in one line; `left` counts the runs not answered yet."""
    if not going:
        return f"{why}: {left} runs are left, and the same command goes on with them"
    known = [seconds for each in going if (seconds := each.left_s()) is not None]
    about = f"about {max(known):.0f} s at most" if len(known) == len(going) else "it is not known how long"
    runs = "1 run finishes" if len(going) == 1 else f"{len(going)} runs finish"
    again = "; Ctrl-C again ends at once" if why == "interrupted" else ""
    rest = left - len(going)
    return f"{why}: {runs} first, {about}{again}; the same command goes on with the {rest} runs left then"
