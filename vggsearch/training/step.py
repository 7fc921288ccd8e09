"""One optimiser step of a run."""

from collections.abc import Callable

import torch
from torch.nn import functional as F

from vggsearch.training.setup import Training


def step(run: Training, launch: Callable[[], None] | None = None) -> None:
    """One optimiser step. Nothing in it makes the host wait for the device.

    `launch` does what `compute` does, which it is by default.
    """
    run.batches.advance()
    if launch is None:
        compute(run)
    else:
        launch()
    run.curve.unread_steps += 1


def compute(run: Training) -> None:
    """All that a step does on the device: the same work every time, on the same addresses."""
    x, y = run.batches.cut()
    with run.evaluator.autocast:
        logits = run.model(x)
    loss = F.cross_entropy(logits.float(), y, label_smoothing=run.key.recipe.label_smoothing)
    torch.autograd.backward(loss)
    run.optimizer.step()
    run.optimizer.zero_grad(set_to_none=True)
    run.curve.loss += loss.detach()
