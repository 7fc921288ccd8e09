"""What an ablation compares: arms, which are trained, and contrasts, which are weighted sums of them.

    y[a, i]      what arm a reaches with seed i, its test accuracy
    w[c, a]      weight of arm a in contrast c; the weights of a contrast sum to 0
    d[c, i]      = Σ_a w[c, a] y[a, i], the effect that seed i shows: its mean over seeds is the estimate

A contrast of two arms has the weights +1 and −1. A main effect of a factorial has the mean of one level's
cells minus that of another's, an interaction the difference of two such differences. Positive weights stand
on the side that the claim favours: a positive effect supports it.
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
"""What a contrast promises to hold equal; parameters are those of convolutions and head."""

Question = Literal["which is better", "do they interact"]


@dataclass(frozen=True, slots=True)
class Arm:
    """One thing that is trained, with every seed."""

    name: str
    """Unique in its design: `control`, a contrast's name, or a factorial's levels."""
    architecture: Architecture
    recipe: Recipe
    """Its learning rate is the middle of the grid; each arm gets the one that suits it."""
    same_time_as: str | None = None
    """Name of the arm whose training seconds it is given, by fewer or more steps; else all arms have the
    study's budget."""
    seed_offset: int = 0
    """Added to every seed; not 0 only where an arm is compared with itself."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """A weighted sum of arms, and the claim that it tests."""

    name: str
    weights: Mapping[str, float]
    """By arm; none is 0, they sum to 0, and those above 0 sum to 1 (for an interaction: to 2)."""
    better: str
    """The side that the claim favours, as a sentence calls it: `3×3`, `batch_norm true`."""
    worse: str
    at: str = ""
    """Ends the claim: `at equal MACs`; empty where nothing is held equal but the budget."""
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
    """The arms of an ablation and its contrasts. Arms that are the same run stand once."""

    arms: tuple[Arm, ...]
    """The control, or a factorial's first cell, first."""
    contrasts: tuple[Contrast, ...]

    def arm(self, name: str) -> Arm:
        """The arm of that name; KeyError where there is none."""
        found = next((arm for arm in self.arms if arm.name == name), None)
        if found is None:
            raise KeyError(name)
        return found
