"""How a network is trained (`Recipe`) and for how much training (`Budget`). No torch."""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from vggsearch.errors import VggSearchError
from vggsearch.schema import ADDED, Frozen

TRAINING_REVISION = 1
"""Raised whenever training computes something else for the same `RunKey`: old runs are not taken for new."""

BudgetKind = Literal["seconds", "epochs", "steps", "macs"]
BUDGET_KINDS: tuple[BudgetKind, ...] = get_args(BudgetKind)

_BUDGET_TEXT = re.compile(r"([0-9][0-9.]*(?:e[+-]?[0-9]{1,3})?) ?([a-z]+)", re.ASCII)
_BUDGET_WORDS: Mapping[str, BudgetKind] = {
    "s": "seconds",
    **{kind: kind for kind in BUDGET_KINDS},
    **{kind.removesuffix("s"): kind for kind in BUDGET_KINDS if kind != "macs"},
}


class Budget(Frozen):
    """How much training: exactly one of seconds, epochs, steps or MACs."""

    seconds: float | None = Field(default=None, gt=0, le=10_000_000)
    """Training seconds: CPU seconds of the worker on a CPU, monotonic clock on a GPU; evaluation apart."""
    epochs: float | None = Field(default=None, gt=0, le=1_000_000)
    """Passes over the training images; rounded up to whole steps."""
    steps: int | None = Field(default=None, gt=0, le=10_000_000_000)
    """Optimiser steps."""
    macs: float | None = Field(default=None, gt=0, le=1e24)
    """Training MACs: three forward passes an image (forward 1, backward 2); rounded up to whole steps."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [kind for kind in BUDGET_KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(
                "a budget is exactly one of seconds, epochs, steps or macs, "
                f"not {' and '.join(given) or 'none'}: write {{seconds: 60}}, for example"
            )
        return self

    @property
    def kind(self) -> BudgetKind:
        """The one that is given."""
        return next(kind for kind in BUDGET_KINDS if getattr(self, kind) is not None)

    @property
    def amount(self) -> float:
        """Its number."""
        amount: float = getattr(self, self.kind)
        return amount

    @property
    def deterministic(self) -> bool:
        """Whether the number of steps is known before training."""
        return self.kind != "seconds"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `30s`, `2epochs`, `500steps` or `1e12macs`; anything else raises `VggSearchError`."""
        match = _BUDGET_TEXT.fullmatch(text)
        try:
            if match is not None and match[2] in _BUDGET_WORDS:
                amount = float(match[1])
                whole = int(amount) if amount.is_integer() else amount
                return cls.model_validate({_BUDGET_WORDS[match[2]]: whole})
        except ValueError:
            pass  # not a number, zero, a fraction of a step, or above the limit: one line says what it may be
        raise VggSearchError(
            f"a budget is an amount above 0 of s, epochs, steps or macs, not {text[:40]!r}: write 30s, "
            "2epochs, 500steps or 1e12macs"
        )

    def for_another_net(self, ratio: float, macs: int, its_macs: int) -> Self:
        """The budget that gives a net of `macs` MACs `ratio` times the steps that this gives one of
        `its_macs`.

        A budget in seconds stays as it is.
        """
        match self.kind:
            case "seconds":
                return self
            case "epochs":
                return type(self)(epochs=round(self.amount * ratio, 6))
            case "steps":
                return type(self)(steps=max(1, math.floor(self.amount * ratio + 0.5)))
            case "macs":
                return type(self)(macs=self.amount * ratio * macs / its_macs)

    def __str__(self) -> str:
        return f"{self.amount:g} {'MACs' if self.kind == 'macs' else self.kind}"


TRAINING_PASSES = 3
"""Forward passes that a training step costs: one, and two for the gradients of inputs and of weights."""


def total_steps(budget: Budget, *, steps_per_epoch: int, macs_per_image: int, batch_size: int) -> int | None:
    """Optimiser steps in `budget`, at least 1, or None where only the clock can tell.

    | budget | total steps |
    |---|---|
    | steps S | S |
    | epochs E | ceil(E × steps per epoch) |
    | macs M | ceil(M / (3 × MACs of an image × batch size)) |
    | seconds T | unknown |
    """
    match budget.kind:
        case "seconds":
            return None
        case "steps":
            return int(budget.amount)
        case "epochs":
            return max(1, math.ceil(budget.amount * steps_per_epoch - 1e-9))
        case "macs":
            return max(1, math.ceil(budget.amount / (TRAINING_PASSES * macs_per_image * batch_size) - 1e-9))


class Recipe(Frozen):
    """How a network is trained: optimiser, its schedule, regularisation, augmentation, initialisation,
    precision.

    The learning rate is a function of the spent fraction of the budget: it rises linearly from 0 to `lr` over
    the first `warmup`, then stays (`constant`) or falls linearly to 0 at the budget's end (`linear`).
    """

    lr: float = Field(gt=0, le=1000)
    """Peak learning rate."""
    momentum: float = Field(default=0.0, ge=0, lt=1)
    """Of SGD; for AdamW its β₁."""
    nesterov: bool = False
    """Whether the momentum is Nesterov's; for `sgd`."""
    weight_decay: float = Field(default=0.0, ge=0, le=10)
    """L2 penalty on convolution and linear weights; biases and batch norm are spared."""
    schedule: Literal["constant", "linear"] = "constant"
    """The learning rate after the warmup: it stays, or falls to 0 at the end of the budget."""
    warmup: float = Field(default=0.0, ge=0, lt=1)
    """Fraction of the budget over which the learning rate rises."""
    batch_size: int = Field(default=128, ge=2, le=65536)
    """Training images of a step."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of a label's weight that is spread over all classes."""
    shift_px: int = Field(default=0, ge=0, le=64)
    """Each training image is shifted by up to so many pixels in both directions, zeros moving in."""
    flip: bool = False
    """Each training image is mirrored left to right with probability one half."""
    initialization: Literal["kaiming", "xavier", "whitening"] = "kaiming"
    """`kaiming`: He normal, fan out, for convolutions, N(0, 0.01²) for linear layers (torchvision's VGG);
    `xavier`: Glorot uniform for both (the d2l chapter); `whitening`: as `kaiming`, but the first convolution
    whitens the training images' patches (`vggsearch.training.whitening`). Biases 0."""
    precision: Literal["auto", "fastest", "float32", "bfloat16"] = "auto"
    """What convolutions and linear layers multiply. `bfloat16`: autocast. `auto`: `bfloat16` on CUDA
    and XPU, `float32` on a CPU and on MPS. `fastest`: the same on accelerators; on a CPU whichever was
    measured to be faster there for nets of this shape (`vggsearch.training.choices`), and evaluation folds
    batch norm into convolutions. The provenance of a run says which it was."""
    layers: Annotated[Literal["auto", "torch", "narrow"], ADDED] = "auto"
    """Which code computes batch norm and max-pool. `torch`: PyTorch's layers. `narrow`: layers for few
    channels on a CPU, whose results differ in rounding alone (`vggsearch.training.narrow`). `auto`: `torch`;
    with `precision: fastest` on accelerators `narrow`, and on a CPU whichever was measured to be faster. The
    provenance of a run says which it was."""

    optimizer: Annotated[Literal["sgd", "adamw"], ADDED] = "sgd"
    """`sgd`: with `weight_decay` as an L2 penalty; `adamw`: Loshchilov & Hutter 2019, with decoupled weight
    decay (`vggsearch.training.optimizer`)."""

    @property
    def state_copies(self) -> int:
        """Tensors of the shape of a weight that the optimiser keeps for each weight."""
        return {"sgd": 1 if self.momentum else 0, "adamw": 2}[self.optimizer]

    @model_validator(mode="after")
    def _fits_the_optimizer(self) -> Self:
        if self.nesterov and self.momentum == 0:
            raise ValueError(
                "nesterov needs a momentum above 0: set momentum to 0.9, for example, or nesterov to false"
            )
        if self.optimizer == "adamw" and self.nesterov:
            raise ValueError("nesterov is for sgd, and the optimizer is adamw: set nesterov to false")
        if self.optimizer == "adamw" and self.momentum == 0:
            raise ValueError("adamw needs a momentum above 0, its β₁: set momentum to 0.9, for example")
        return self


_SPRINT = Recipe(
    lr=0.4,
    momentum=0.9,
    nesterov=True,
    weight_decay=5e-4,
    schedule="linear",
    warmup=0.1,
    batch_size=128,
    label_smoothing=0.1,
    precision="fastest",
)

RECIPES: dict[str, Recipe] = {
    # Zhang et al., Dive into Deep Learning, chapter 8.2: plain SGD, Xavier-uniform, lr 0.05, batch 128.
    "d2l": Recipe(lr=0.05, initialization="xavier", precision="float32"),
    # For budgets of a few epochs: small batches, for more steps, and no shift of the images.
    "fast": Recipe(
        lr=0.2,
        momentum=0.9,
        nesterov=True,
        weight_decay=5e-4,
        schedule="linear",
        warmup=0.1,
        batch_size=64,
        label_smoothing=0.1,
        flip=True,
    ),
    # For two to four epochs, chosen on validation by studies/sprint-recipe.yaml: so few show no image often
    # enough for its mirror image to help.
    "sprint": _SPRINT,
    # The same with a beginning that studies/whitening.yaml chose, on validation too.
    "dash": _SPRINT.model_copy(update={"initialization": "whitening"}),
}
"""The recipes shipped, by name. A name stands for its recipe for good, as study files name it, and their runs
are known by what it meant: a better recipe gets a name of its own."""
