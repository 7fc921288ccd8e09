"""The optimiser of a recipe, and its learning rate as a function of the spent fraction of the budget."""

import torch

# torch.optim imports this with the first optimiser: over a second of a run, unless it is loaded before.
import torch._dynamo
from torch import nn

from vggsearch.recipe import Recipe


def learning_rate(recipe: Recipe, fraction: float) -> float:
    """Learning rate at a spent fraction of the budget : linear warm-up, then constant or linear to 0."""
    if fraction < recipe.warmup:
        return recipe.lr * fraction / recipe.warmup
    if recipe.schedule == "constant":
        return recipe.lr
    return recipe.lr * (1 - fraction) / (1 - recipe.warmup)


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    """Fused SGD over `model`; weight decay on convolution and linear weights only.

    On a GPU the learning rate is a tensor there, which a captured step reads; on a CPU a number, which keeps
    all its digits.
    """
    device = next(model.parameters()).device
    lr = torch.tensor(recipe.lr, device=device) if device.type == "cuda" else recipe.lr
    weights = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    return torch.optim.SGD(
        [
            {"params": weights, "weight_decay": recipe.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=lr,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        fused=True,
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate of every parameter group."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(lr)
        else:
            group["lr"] = lr
