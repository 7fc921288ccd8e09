"""The plan of an ablation, fixed before its first run: arms, contrasts, seeds, margin; and its hash.

    studies/NAME/plan.json     the plan, and the plans that replaced it after the first run

A plan that is replaced before the first run leaves no trace. One that is replaced later is kept, and every
report says what was changed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    model_validator,
)

from vggsearch.arch import Architecture, Task
from vggsearch.costs import cost
from vggsearch.designs.design import Contrast, Held, Question
from vggsearch.designs.evaluation import EVALUATION_PARTS, EvaluateOn, EvaluationPart
from vggsearch.errors import ArchitectureError
from vggsearch.recipe import Budget, Recipe, total_steps
from vggsearch.runs import Count, DataKey, Digest, Moment, Text
from vggsearch.schema import ADDED, Frozen, canonical_digest

MAX_RUNS = 100_000
"""Most runs of a plan; at a second a run, more than a day."""

Name = Annotated[str, Field(max_length=500)]


class PlannedArm(Frozen):
    """An arm as it is trained, except for its learning rate."""

    name: Name
    architecture: Annotated[str, Field(max_length=2000)]
    """Canonical text."""
    recipe: Recipe
    budget: Budget
    seed_offset: Count = 0
    step_s: float | None = Field(default=None, gt=0)
    """Training seconds of one step, measured alone on this machine; None where they are not needed."""


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run that a plan wants."""

    arm: PlannedArm
    seed: int
    number: int
    """Number of the repeat for a learning rate, or of the pair, from 1."""
    lr: float | None = None
    """The learning rate that is tried; None in pairs, which have the one that was chosen."""

    @property
    def identity(self) -> "RunIdentity":
        """What distinguishes the run from others of its stage: arms may share one."""
        arm = self.arm
        return arm.architecture, without_rate(arm.recipe), arm.budget, self.seed, self.lr


RunIdentity = tuple[str, Recipe, Budget, int, float | None]
"""Architecture, recipe without its learning rate, budget, seed, and the learning rate where it is tried."""


def without_rate(recipe: Recipe) -> Recipe:
    """`recipe` at a learning rate of 1, to compare all but the rate."""
    return recipe.model_copy(update={"lr": 1.0})


class PlannedContrast(Frozen):
    """A `vggsearch.designs.Contrast` as JSON holds it."""

    name: Name
    weights: dict[str, float] = Field(min_length=1, max_length=1000)
    better: Name
    worse: Name
    at: Name
    held: tuple[Held, ...]
    question: Question

    def contrast(self) -> Contrast:
        """The contrast as an object of the design."""
        return Contrast(self.name, self.weights, self.better, self.worse, self.at, self.held, self.question)

    @classmethod
    def of(cls, contrast: Contrast) -> Self:
        """`contrast` as a plan holds it."""
        return cls(
            name=contrast.name,
            weights=dict(contrast.weights),
            better=contrast.better,
            worse=contrast.worse,
            at=contrast.at,
            held=contrast.held,
            question=contrast.question,
        )


class Plan(Frozen):
    """Everything that is decided before the first run."""

    study: Text
    data: DataKey
    input_shape: tuple[int, int, int]
    num_classes: Count
    train_images: Count
    """Number of training images in one epoch, approximately."""
    device: Literal["cpu", "cuda"]
    device_model: Text
    """Processor on which the seconds of a step were measured."""
    arms: tuple[PlannedArm, ...] = Field(min_length=2, max_length=1000)
    contrasts: tuple[PlannedContrast, ...] = Field(min_length=1, max_length=10_000)
    primary: Name
    pairs: int = Field(ge=2, le=MAX_RUNS)
    """Number of seeds with which each arm is trained."""
    first_seed: Count
    rates: tuple[float, ...] = Field(min_length=1, max_length=1000)
    """Learning rates that each arm tries; a single one is the recipe's own."""
    rate_seeds: int = Field(ge=1, le=MAX_RUNS)
    first_rate_seed: Count
    margin: float = Field(gt=0)
    """Largest difference that does not matter, a fraction: 0.003 is 0.3 pp."""
    alpha: float = Field(gt=0, lt=1)
    evaluate_on: Annotated[EvaluateOn, ADDED] = "test"
    """The images on which the pairs are judged."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Check that its parts fit each other and its nets can be built: a plan may come from others."""
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError("arms: a name is listed twice")
        for contrast in self.contrasts:
            if not contrast.weights.keys() <= set(names):
                raise ValueError(f"contrasts: {contrast.name[:100]!r} has a weight for an unplanned arm")
        if self.primary not in {contrast.name for contrast in self.contrasts}:
            raise ValueError("primary: is not one of the contrasts")
        if most_runs(len(self.arms), self.pairs, len(self.rates), self.rate_seeds) > MAX_RUNS:
            raise ValueError(f"arms: more than {MAX_RUNS} runs in all")
        try:
            for arm in self.arms:
                cost(Architecture.parse(arm.architecture), self.task)
        except ArchitectureError as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def digest(self) -> Digest:
        """`canonical_digest` of what was decided; the wording of contrasts is left out."""
        return canonical_digest(self.decided())

    def decided(self) -> dict[str, object]:
        """The plan as plain JSON values, without the words in which contrasts are reported."""
        return self.model_dump(mode="json", exclude={"contrasts": {"__all__": {"better", "worse", "at"}}})

    @property
    def part(self) -> EvaluationPart:
        """The part of the data on which the pairs are evaluated."""
        return EVALUATION_PARTS[self.evaluate_on]

    @property
    def tuned(self) -> bool:
        """Whether each arm chooses among several learning rates."""
        return len(self.rates) > 1

    @cached_property
    def task(self) -> Task:
        """Shape of the images and number of classes."""
        return Task(self.input_shape, self.num_classes)

    def rate_runs(self) -> Iterator[PlannedRun]:
        """Every arm at every learning rate with the first seed, then with the second, and so on."""
        for number in range(1, (self.rate_seeds if self.tuned else 0) + 1):
            for arm in self.arms:
                for lr in self.rates:
                    yield PlannedRun(arm, self.first_rate_seed + number - 1, number, lr)

    def pair_runs(self) -> Iterator[PlannedRun]:
        """Every arm with the first seed, then with the second, and so on."""
        for number in range(1, self.pairs + 1):
            for arm in self.arms:
                yield PlannedRun(arm, self.first_seed + number - 1 + arm.seed_offset, number)

    def arm(self, name: str) -> PlannedArm:
        """The arm of that name; raises KeyError where there is none."""
        return {arm.name: arm for arm in self.arms}[name]

    def steps(self, arm: PlannedArm) -> int | None:
        """Optimiser steps of one run of `arm`; None where only the clock can tell."""
        return steps_of(arm, self.train_images, self.task)

    def run_s(self, arm: PlannedArm) -> float | None:
        """Expected training seconds of one run of `arm`; None where no step was measured."""
        if arm.budget.seconds is not None:
            return arm.budget.seconds
        steps = self.steps(arm)
        return None if steps is None or arm.step_s is None else steps * arm.step_s


class Registration(Frozen):
    """A plan that was fixed, and when."""

    plan: Plan
    digest: Digest
    at: Moment
    runs: Count
    """Number of runs, for learning rates and for pairs, that had been made by then."""

    @model_validator(mode="after")
    def _own_digest(self) -> Self:
        if self.digest != self.plan.digest:
            raise ValueError("digest: does not match the plan")
        return self


def most_runs(arms: int, pairs: int, rates: int, rate_seeds: int) -> int:
    """Runs of a plan in which no two arms share a run; a single learning rate takes none."""
    return arms * (pairs + (rates * rate_seeds if rates > 1 else 0))


def deviations(registrations: Sequence[Registration]) -> tuple[str, ...]:
    """One line for each change made after the first run; empty where the plan was kept."""
    lines = []
    for before, now in pairwise(registrations):
        was, became = before.plan.decided(), now.plan.decided()
        for name in Plan.model_fields:
            old, new = getattr(before.plan, name), getattr(now.plan, name)
            if was.get(name) != became.get(name):
                lines.append(
                    f"{name} was {_short(name, old)} and became {_short(name, new)} after {now.runs} runs"
                )
    return tuple(lines)


def steps_of(arm: PlannedArm, train_images: int, task: Task) -> int | None:
    """Optimiser steps of one run of `arm`; None where only the clock can tell."""
    batch = arm.recipe.batch_size
    macs = cost(Architecture.parse(arm.architecture), task).macs
    return total_steps(
        arm.budget, steps_per_epoch=train_images // batch, macs_per_image=macs, batch_size=batch
    )


def _short(name: str, value: object) -> str:
    if name in ("arms", "contrasts") and isinstance(value, tuple):
        return ", ".join(each.name for each in value)
    text = str(value)
    return text if len(text) <= 200 else text[:197] + "..."
