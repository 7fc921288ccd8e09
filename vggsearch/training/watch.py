"""What a training is watched for: its loss, its learning curve, its deadline; and how it ends early."""

import math
import time

from vggsearch.data import Images
from vggsearch.runs import CurvePoint, Outcome
from vggsearch.training.evaluation import Evaluation, evaluate
from vggsearch.training.setup import Training

HOPELESS_AFTER = 0.5
"""Fraction of the budget after which a training loss no better than chance ends a run."""

HOPELESS_STEPS = 100
"""Steps that a run is given at least before that."""


class Stopped(Exception):  # noqa: N818 - not an error: a run's end before its budget's
    """A run ends here, with this outcome, for this reason."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome, self.reason = outcome, reason


def check_loss(run: Training) -> None:
    """Stop a run whose loss is not finite, or still no better than chance late in its budget.

    This is where the host waits for a GPU.
    """
    if run.loss_steps == 0:
        return
    total = float(run.loss)
    mean = total / run.loss_steps
    run.point_loss += total
    run.point_steps += run.loss_steps
    run.loss.zero_()
    run.loss_steps = 0
    spent = f"after {run.meter.steps} steps ({run.meter.fraction:.0%} of the budget)"
    if not math.isfinite(mean):
        raise Stopped(Outcome.DIVERGED, f"training loss is not finite {spent}: lower the learning rate")
    chance = math.log(run.key.num_classes)
    late = run.meter.fraction >= HOPELESS_AFTER and run.meter.steps >= HOPELESS_STEPS
    if late and mean >= chance:
        raise Stopped(
            Outcome.DIVERGED,
            f"training loss {mean:.3f} is no better than chance, {chance:.3f}, {spent}: "
            "change the learning rate, or add batch norm",
        )


def check_deadline(run: Training) -> None:
    """Stop a run that is past its deadline."""
    if time.monotonic() > run.deadline:
        raise Stopped(
            Outcome.TIMED_OUT,
            f"not finished at its deadline, {run.meter.fraction:.0%} of {run.key.budget} spent",
        )


def look(run: Training, images: Images) -> Evaluation:
    """Evaluate on validation images, training time standing still."""
    run.meter.pause()
    begun = time.monotonic()
    result = evaluate(run.evaluator, images)
    run.eval_s += time.monotonic() - begun
    return result


def add_point(run: Training, val: Evaluation) -> None:
    """Add to the learning curve; stop a run that its report prunes, or whose loss is not finite."""
    check_loss(run)
    if not math.isfinite(val.loss):
        raise Stopped(
            Outcome.DIVERGED,
            f"validation loss is not finite after {run.meter.steps} steps: lower the learning rate",
        )
    point = CurvePoint(
        step=run.meter.steps,
        images=run.meter.steps * run.key.recipe.batch_size,
        fraction=run.meter.fraction,
        train_s=run.meter.train_s,
        train_loss=run.point_loss / run.point_steps if run.point_steps else None,
        val_accuracy=val.accuracy,
        val_loss=val.loss,
        val_images=len(val.correct),
    )
    run.point_loss, run.point_steps = 0.0, 0
    run.curve.append(point)
    _tell(run, point)


def tell_again(run: Training) -> None:
    """Report the curve of a run that goes on from a checkpoint: whoever watches may be new."""
    for point in run.curve:
        _tell(run, point)


def _tell(run: Training, point: CurvePoint) -> None:
    if run.report is not None and not run.report(point) and point.fraction < 1:
        raise Stopped(Outcome.PRUNED, f"stopped at {point.fraction:.0%} of its budget")
