"""The learning curve of an active run, and the training loss between its points."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from vggsearch.runs import CurvePoint, Outcome
from vggsearch.training.evaluation import Evaluation
from vggsearch.training.meter import Meter

Report = Callable[[CurvePoint], bool]
"""Receives a point of the learning curve; returns whether the run is to continue."""

HOPELESS_AFTER = 0.5
"""Fraction of the budget after which a training loss no better than chance ends a run."""

HOPELESS_STEPS = 100
"""Minimum number of steps before a run is ended for that reason."""


class Stopped(Exception):  # noqa: N818 - not an error: the end of a run before its budget is spent
    """Ends a run with an outcome and its reason."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome, self.reason = outcome, reason


@dataclass
class LearningCurve:
    """Points of the learning curve, and the sum of the training losses since the last point.

    Losses are summed on the device, so that steps need not wait for the host, and read from time to time.
    """

    loss: Tensor
    """Sum, on the device, of the training losses that the host has not read."""
    meter: Meter
    batch_size: int
    report: Report | None = None
    """Receives every point; where it returns False before the end, the run ends as `pruned`."""
    unread_steps: int = 0
    """Number of steps in `loss`."""
    read_loss: float = 0.0
    """Sum of the training losses that were read since the last point."""
    read_steps: int = 0
    """Number of steps in `read_loss`."""
    points: list[CurvePoint] = field(default_factory=list)

    def check_loss(self, num_classes: int) -> None:
        """Read the loss. Raises `Stopped` where it is not finite, or no better than chance late in the
        budget.

        The host waits for a GPU here.
        """
        if self.unread_steps == 0:
            return
        total = float(self.loss)
        mean = total / self.unread_steps
        self.read_loss += total
        self.read_steps += self.unread_steps
        self.loss.zero_()
        self.unread_steps = 0
        meter = self.meter
        spent = f"after {meter.steps} steps ({meter.fraction:.0%} of the budget)"
        if not math.isfinite(mean):
            raise Stopped(Outcome.DIVERGED, f"training loss is not finite {spent}: lower the learning rate")
        chance = math.log(num_classes)
        late = meter.fraction >= HOPELESS_AFTER and meter.steps >= HOPELESS_STEPS
        if late and mean >= chance:
            raise Stopped(
                Outcome.DIVERGED,
                f"training loss {mean:.3f} is no better than chance, {chance:.3f}, {spent}: "
                "change the learning rate, or add batch norm",
            )

    def add_point(self, val: Evaluation) -> None:
        """Add a point. Raises `Stopped` where the report prunes the run, or the loss is not finite."""
        meter = self.meter
        if not math.isfinite(val.loss):
            raise Stopped(
                Outcome.DIVERGED,
                f"validation loss is not finite after {meter.steps} steps: lower the learning rate",
            )
        point = CurvePoint(
            step=meter.steps,
            images=meter.steps * self.batch_size,
            fraction=meter.fraction,
            train_s=meter.train_s,
            train_loss=self.read_loss / self.read_steps if self.read_steps else None,
            val_accuracy=val.accuracy,
            val_loss=val.loss,
            val_images=len(val.correct),
        )
        self.read_loss, self.read_steps = 0.0, 0
        self.points.append(point)
        self._tell(point)

    def report_again(self) -> None:
        """Report the points of a run that continues from a checkpoint: the receiver may be new."""
        for point in self.points:
            self._tell(point)

    def _tell(self, point: CurvePoint) -> None:
        if self.report is not None and not self.report(point) and point.fraction < 1:
            raise Stopped(Outcome.PRUNED, f"stopped at {point.fraction:.0%} of its budget")
