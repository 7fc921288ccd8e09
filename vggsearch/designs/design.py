"""Arms, which an ablation trains, and contrasts, which are weighted sums of arms.

    y[a, i]      test accuracy of arm a with seed i
    w[c, a]      weight of arm a in contrast c; the weights of a contrast sum to 0
    d[c, i]      = Σ_a w[c, a] y[a, i], the effect with seed i; the estimate is its mean over seeds

A contrast of two arms has the weights +1 and −1. A main effect of a factorial has the mean of one level's
cells minus that of another's, an interaction the difference of two such differences. The side that the claim
favours has positive weights, so that a positive effect supports the claim.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from vggsearch.arch import Architecture
from vggsearch.recipe import Recipe

CONTROL = "control"
"""Name of the arm that the others are compared with."""

Held = Literal["depth", "width", "receptive field", "parameters", "MACs", "training seconds", "everything"]
"""What a contrast holds equal; parameters are those of convolutions and head."""

Question = Literal["which is better", "do they interact"]


@dataclass(frozen=True, slots=True)
class Arm:
    """A net and a recipe, which are trained with every seed."""

    name: str
    """Name, unique in the design: `control`, a contrast's name, or a factorial's levels."""
    architecture: Architecture
    recipe: Recipe
    """The recipe, with the middle learning rate of the grid; each arm then chooses its own rate."""
    same_time_as: str | None = None
    """Name of the arm whose training seconds this one gets, by fewer or more steps; None for the study's
    budget."""
    seed_offset: int = 0
    """Number added to every seed; 0 unless an arm is compared with itself."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """A weighted sum of arms, and the claim that it tests."""

    name: str
    weights: Mapping[str, float]
    """Weights by arm: none is 0, they sum to 0, and the positive ones sum to 1 (for an interaction, to 2)."""
    better: str
    """Name of the side that the claim favours: `3×3`, `batch_norm true`."""
    worse: str
    at: str = ""
    """End of the claim: `at equal MACs`; empty where only the budget is held equal."""
    held: tuple[Held, ...] = ()
    question: Question = "which is better"

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", MappingProxyType(dict(self.weights)))

    @property
    def claim(self) -> str:
        """`3×3 beats 5×5 at equal MACs`, or for an interaction: `ratio 8 → 16 changes what num_blocks 4 → 2
        does`."""
        verb = "beats" if self.question == "which is better" else "changes what"
        rest = (self.worse, self.at) if self.question == "which is better" else (self.worse, "does", self.at)
        return " ".join(part for part in (self.better, verb, *rest) if part)


@dataclass(frozen=True, slots=True)
class Design:
    """The arms of an ablation and its contrasts. Arms with the same runs are listed once."""

    arms: tuple[Arm, ...]
    """The arms; the first is the control, or the first cell of a factorial."""
    contrasts: tuple[Contrast, ...]

    def arm(self, name: str) -> Arm:
        """The arm of that name; raises KeyError where there is none."""
        found = next((arm for arm in self.arms if arm.name == name), None)
        if found is None:
            raise KeyError(name)
        return found
