"""The key `strategy` of a study file: how a search spends its budget on short runs and on full ones.

A search of `trials: 50` spends what 50 full runs cost. A short run has a budget of its own, which is the full
one divided, and is annealed to its own end.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from vggsearch.recipe import Budget
from vggsearch.schema import Frozen

Divisor = Annotated[int, Field(ge=2, le=100)]
Share = Annotated[float, Field(ge=0.05, le=0.9)]


class Rungs(Frozen):
    """Asynchronous successive halving (ASHA, arXiv:1810.05934), every rung with runs of its own.

    The first rung trains members drawn at random; of every rung's runs the best 1/eta are promoted to the
    next, whose budget is eta times as large. Each rung spends the same.
    """

    name: Literal["rungs"] = "rungs"
    """`rungs`: successive halving."""
    eta: Annotated[int, Field(ge=2, le=10)] = 3
    """Ratio of one budget to the next shorter one; the best 1/eta of the shorter runs are promoted."""
    rungs: Annotated[int, Field(ge=2, le=5)] = 3
    """Number of budgets, the full one included."""

    @property
    def divisors(self) -> tuple[int, ...]:
        """What the full budget is divided by, for each kind of short run, the shortest first."""
        return tuple(self.eta**power for power in range(self.rungs - 1, 0, -1))

    def short_runs(self, trials: int, members: int) -> tuple[int, ...]:
        """How many runs of each kind a search of `trials` makes in a space of `members`."""
        return tuple(
            max(1, min(members, math.floor(trials / self.rungs * divisor))) for divisor in self.divisors
        )


class Screen(Frozen):
    """One short run for many members, drawn at random; then the best of them in full."""

    name: Literal["screen"] = "screen"
    """`screen`: one short run for many, full runs for the best."""
    short: Divisor = 9
    """What the full budget is divided by for a short run."""
    share: Share = 0.5
    """Part of the search's budget that short runs take."""

    @property
    def divisors(self) -> tuple[int, ...]:
        """See `Rungs.divisors`."""
        return (self.short,)

    def short_runs(self, trials: int, members: int) -> tuple[int, ...]:
        """See `Rungs.short_runs`."""
        return (max(1, min(members, math.floor(self.share * trials * self.short))),)


class Model(Frozen):
    """A surrogate on what nets are made of and on their short runs chooses whom to train.

    It begins with members drawn at random. Then short runs and full runs go to the members from which the
    most is expected (`vggsearch.study.search.model`).
    """

    name: Literal["model"] = "model"
    """`model`: a surrogate chooses what is trained."""
    short: Divisor = 9
    """What the full budget is divided by for a short run."""
    share: Annotated[float, Field(ge=0, le=0.9)] = 0.25
    """Part of the search's budget that short runs take; 0 for full runs alone."""

    @property
    def divisors(self) -> tuple[int, ...]:
        """See `Rungs.divisors`."""
        return (self.short,) if self.share else ()

    def short_runs(self, trials: int, members: int) -> tuple[int, ...]:
        """See `Rungs.short_runs`."""
        return tuple(
            max(1, min(members, math.floor(self.share * trials * divisor))) for divisor in self.divisors
        )


def _tag(value: object) -> str:
    name = value.get("name") if isinstance(value, Mapping) else getattr(value, "name", None)
    return f"<{name}>"


StrategySettings = Annotated[
    Annotated[Rungs, Tag("<rungs>")] | Annotated[Screen, Tag("<screen>")] | Annotated[Model, Tag("<model>")],
    Discriminator(_tag),
]

STRATEGIES: Mapping[str, type[Rungs] | type[Screen] | type[Model]] = {
    "rungs": Rungs,
    "screen": Screen,
    "model": Model,
}
"""The settings of each strategy of this package; the other strategies are Optuna's samplers."""


def shortened(budget: Budget, divisor: int) -> Budget:
    """`budget` divided; steps are rounded to whole ones."""
    match budget.kind:
        case "steps":
            return Budget(steps=max(1, round(budget.amount / divisor)))
        case "epochs":
            return Budget(epochs=round(budget.amount / divisor, 6))
        case "macs":
            return Budget(macs=budget.amount / divisor)
        case "seconds":
            return Budget(seconds=budget.amount / divisor)


def full_runs(settings: Rungs | Screen | Model, trials: int, members: int) -> int:
    """How many full runs are left of the budget of `trials` once the short ones are made; at least 1."""
    short = settings.short_runs(trials, members)
    spent = sum(count / divisor for count, divisor in zip(short, settings.divisors, strict=True))
    return max(1, min(members, math.floor(trials - spent + 1e-9)))
