"""The optimiser of a recipe: its algorithm, its state, and its learning rate over the budget.

`ALGORITHMS` lists the algorithms. A new one needs an entry there, a name in `Recipe.optimizer`, and the
memory that it takes for each weight in `Recipe.state_copies`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch

# torch.optim imports this with the first optimiser: over a second of a run, unless it is loaded before.
import torch._dynamo
from torch import Tensor, nn
from torch.nn import Parameter

from vggsearch.devices import traits
from vggsearch.recipe import Recipe

Groups = list[dict[str, object]]
"""Parameter groups as `torch.optim` takes them."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """An optimisation algorithm."""

    make: Callable[[Groups, float | Tensor, Recipe], torch.optim.Optimizer]
    """Makes the optimiser from parameter groups, learning rate and recipe."""
    state: Callable[[Recipe], Mapping[str, str]]
    """Tensors kept for each weight, of the weight's shape: name in torch, by name in a checkpoint."""
    counts_steps: bool = False
    """Whether the optimiser counts the steps of each weight in a tensor `step`."""


ADAM_BETA2 = 0.999
"""Decay of the mean of squared gradients (Kingma & Ba 2015, algorithm 1)."""


def _sgd(groups: Groups, lr: float | Tensor, recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.SGD(groups, lr=lr, momentum=recipe.momentum, nesterov=recipe.nesterov, fused=True)


def _adamw(groups: Groups, lr: float | Tensor, recipe: Recipe) -> torch.optim.Optimizer:
    captured = isinstance(lr, Tensor)
    betas = (recipe.momentum, ADAM_BETA2)
    return torch.optim.AdamW(groups, lr=lr, betas=betas, fused=True, capturable=captured)


ALGORITHMS: Mapping[str, Algorithm] = MappingProxyType(
    {
        "sgd": Algorithm(_sgd, lambda recipe: {"momentum": "momentum_buffer"} if recipe.momentum else {}),
        "adamw": Algorithm(_adamw, lambda _: {"mean": "exp_avg", "square": "exp_avg_sq"}, counts_steps=True),
    }
)
"""Algorithms by their name in `Recipe.optimizer`."""


def learning_rate(recipe: Recipe, fraction: float) -> float:
    """Learning rate at a spent fraction of the budget: linear warm-up, then constant or linear to 0."""
    if fraction < recipe.warmup:
        return recipe.lr * fraction / recipe.warmup
    if recipe.schedule == "constant":
        return recipe.lr
    return recipe.lr * (1 - fraction) / (1 - recipe.warmup)


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The fused optimiser of `recipe` over `model`; weight decay on convolution and linear weights only.

    Where steps are captured, the learning rate is a tensor on the device, which a captured step reads;
    elsewhere it is a number, which keeps all its digits.
    """
    device = next(model.parameters()).device
    lr = torch.tensor(recipe.lr, device=device) if traits(device.type).graphs else recipe.lr
    weights = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups: Groups = [
        {"params": weights, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return ALGORITHMS[recipe.optimizer].make(groups, lr, recipe)


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate of every parameter group."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(lr)
        else:
            group["lr"] = lr


def state_of(optimizer: torch.optim.Optimizer, weight: Parameter, recipe: Recipe) -> dict[str, Tensor]:
    """The optimiser's tensors for `weight`, by name in a checkpoint; before a step, others of its shape."""
    algorithm, kept = ALGORITHMS[recipe.optimizer], optimizer.state.get(weight, {})
    found = {name: kept.get(its_name, weight) for name, its_name in algorithm.state(recipe).items()}
    if algorithm.counts_steps:
        found["step"] = kept.get("step", torch.zeros((), device=weight.device))
    return found


def set_state(
    optimizer: torch.optim.Optimizer, weight: Parameter, tensors: Mapping[str, Tensor], recipe: Recipe
) -> None:
    """Make copies of `tensors`, named as in `state_of`, the optimiser's state of `weight`."""
    names = {**ALGORITHMS[recipe.optimizer].state(recipe), "step": "step"}
    # In the weight's own memory format, because a fused optimiser traverses both in parallel.
    optimizer.state[weight] = {
        names[name]: torch.empty_like(
            tensor if name == "step" else weight, device=weight.device, requires_grad=False
        ).copy_(tensor)
        for name, tensor in tensors.items()
    }


def begin_state(optimizer: torch.optim.Optimizer, recipe: Recipe) -> None:
    """Give every weight the initial state that the optimiser would otherwise make at its first step.

    A captured step needs it, because every replay does the same work.
    """
    for group in optimizer.param_groups:
        for weight in group["params"]:
            if weight.requires_grad and not optimizer.state.get(weight):
                zeros = {name: torch.zeros_like(t) for name, t in state_of(optimizer, weight, recipe).items()}
                if zeros:
                    set_state(optimizer, weight, zeros, recipe)
