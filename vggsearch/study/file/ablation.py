"""A study file of kind `ablation`: a control, the changes made to it, and how the answer is tested."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from vggsearch.arch import Task, parse
from vggsearch.designs import (
    EVALUATION_PARTS,
    MAX_RUNS,
    Design,
    EvaluateOn,
    EvaluationPart,
    Looks,
    check,
    factorial,
    growth_problem,
    kernel_design,
    looks_problem,
    most_runs,
    one_at_a_time,
)
from vggsearch.errors import ArchitectureError, DesignError
from vggsearch.schema import ADDED, Frozen
from vggsearch.study.file.base import Study
from vggsearch.study.file.messages import broken
from vggsearch.study.file.seeds import MAX_SEEDS, Seeds
from vggsearch.text import shown, suggestion

Rate = Annotated[float, Field(gt=0, le=1000)]
Level = bool | int | float | Annotated[str, Field(max_length=100)]
Levels = Annotated[tuple[Level, ...], Field(min_length=1, max_length=64)]


class LearningRates(Frozen):
    """The grid from which every arm gets its best learning rate, chosen with separate seeds."""

    grid: Annotated[tuple[Rate, ...], Field(min_length=1, max_length=16)]
    """Peak learning rates; a single one is used without tuning."""
    seeds: int = Field(default=2, ge=1, le=MAX_SEEDS)
    """Number of seeds with which an arm tries each rate."""
    grow: Annotated[int, Field(ge=0), ADDED] = 0
    """Most rates that an arm tries beyond an end of the grid, where its best rate is at that end."""

    @field_validator("grid")
    @classmethod
    def _rising(cls, grid: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(grid)) < len(grid):
            raise broken("", f"must name each rate once, not {shown(grid)}: remove what stands twice")
        return tuple(sorted(grid))

    @model_validator(mode="after")
    def _ratio(self) -> Self:
        if problem := growth_problem(self.grid, self.grow):
            raise broken("grow", f"{problem}: lower grow, or change the grid")
        return self


class AblationStudy(Study):
    """Does one factor matter, and by how much?"""

    MAY_CHANGE: ClassVar[tuple[str, ...]] = (
        *Study.MAY_CHANGE,
        "seeds",
        "contrasts",
        "primary",
        "margin_pp",
        "alpha",
    )
    """The last five are part of the plan: every report states a change made after the first run."""

    kind: Literal["ablation"]
    """`ablation`: does one factor matter, and by how much?"""
    control: str = Field(max_length=2000)
    """Text or name of the network that the arms are changes of; kept as its canonical text."""
    contrasts: Annotated[tuple[str, ...], Field(min_length=1, max_length=16)] | None = None
    """Names of kernel contrasts; exactly one of `contrasts` and `factors` is given."""
    kernel_size: int = Field(default=5, ge=1, le=31)
    """Kernel size that the control's kernels are compared with, for `contrasts`."""
    factors: Annotated[dict[str, Levels], Field(min_length=1, max_length=16)] | None = None
    """Levels of each factor, as in the study file: `{ratio: [8, 16], batch_norm: [true, false]}`."""
    design: Literal["one-at-a-time", "factorial"] = "one-at-a-time"
    """Whether `factors` are changed one by one, or in all combinations."""
    primary: str = Field(min_length=1, max_length=200)
    """Name of the contrast that the study is about."""
    seeds: Seeds = 10
    """Number of seeds with which every arm is trained, which is the number of pairs; or planned looks."""
    learning_rates: LearningRates | None = None
    """By default half the recipe's rate, the rate itself, and twice the rate."""
    margin_pp: float = Field(default=0.3, gt=0, le=50)
    """Percentage points of accuracy below which a difference does not matter."""
    alpha: float = Field(default=0.05, ge=0.0001, le=0.2)
    """Probability of finding any difference where there is none, over all contrasts together."""
    evaluate_on: Annotated[EvaluateOn, ADDED] = "test"
    """The images on which the pairs are judged: `validation` where the answer serves to make a choice."""

    def with_options(self, **given: float | str | None) -> Self:
        """See `Study.with_options`; an ablation has no `trials`."""
        if given.pop("trials", None) is not None:
            raise self.mistake("an ablation has seeds and no trials: leave --trials out, and change `seeds`")
        return super().with_options(**given)

    @property
    def pairs(self) -> int:
        """The most pairs that the study makes."""
        seeds = self.seeds
        return seeds if isinstance(seeds, int) else (seeds.number or 0, *(seeds.looks or ()))[-1]

    @property
    def looks(self) -> Looks:
        """Numbers of pairs at which the study looks at its results; empty where it looks once, at its end."""
        return () if isinstance(self.seeds, int) else self.seeds.looks or ()

    @property
    def pair_splits(self) -> range:
        """See `Study.pair_splits`: those that follow the study's own."""
        varies = not isinstance(self.seeds, int) and self.seeds.split == "varies"
        first = self.data.split_seed + 1
        return range(first, first + self.pairs) if varies else range(0)

    @property
    def part(self) -> EvaluationPart:
        """The images on which the pairs are judged."""
        return EVALUATION_PARTS[self.evaluate_on]

    @property
    def rates(self) -> LearningRates:
        """The grid of learning rates, given or by default."""
        lr = self.recipe.lr
        return self.learning_rates or LearningRates(grid=(lr / 2, lr, lr * 2))

    @property
    def opens_test_images(self) -> bool:
        """See `Study.opens_test_images`."""
        return self.evaluate_on == "test"

    @property
    def margin(self) -> float:
        """`margin_pp` as a fraction."""
        return self.margin_pp / 100

    def plan_design(self, task: Task) -> Design:
        """Arms and contrasts, checked to change what they claim; `task` is that of the data before resizing.

        Raises `StudyFileError` where a contrast is impossible, or does not hold equal what it claims.
        """
        control, own = parse(self.control), self.task(task)
        if "iso-time" in (self.contrasts or ()) and not self.budget.deterministic:
            raise self.mistake(
                "budget: iso-time gives an arm its own number of steps, so the budget is in epochs, steps or "
                f"macs, not {self.budget}: write budget: {{epochs: 3}}, for example"
            )
        try:
            if self.contrasts is not None:
                key = "contrasts"
                size = self.kernel_size
                design = kernel_design(control, self.recipe, self.contrasts, size, own)
            else:
                key = "factors"
                make = factorial if self.design == "factorial" else one_at_a_time
                design = make(control, self.recipe, self.factors or {}, own)
            check(design, own)
        except (DesignError, ArchitectureError) as error:
            raise self.mistake(f"{key}: {error}") from error
        most_rates = len(self.rates.grid) + self.rates.grow
        runs = most_runs(len(design.arms), self.pairs, most_rates, self.rates.seeds)
        if runs > MAX_RUNS:
            raise self.mistake(
                f"{key}: an ablation has at most {MAX_RUNS} runs, not {runs}: lower seeds, or leave arms out"
            )
        names = [contrast.name for contrast in design.contrasts]
        if self.looks and (problem := looks_problem(self.looks, self.pairs, len(names))):
            raise self.mistake(f"seeds.looks: {problem}: write seeds: {self.pairs}, or leave factors out")
        if self.primary not in names:
            rule = f"must be one of the contrasts, not {shown(self.primary)}"
            raise self.mistake(f"primary: {rule}: {suggestion(self.primary, names)}")
        return design

    @field_validator("control")
    @classmethod
    def _canonical(cls, text: str) -> str:
        try:
            return str(parse(text))
        except ArchitectureError as error:
            raise broken("", str(error)) from error

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if (self.contrasts is None) == (self.factors is None):
            given = "neither" if self.contrasts is None else "both"
            raise broken("", f"an ablation has contrasts or factors, not {given}: keep one of the two keys")
        if self.pair_splits and self.evaluate_on == "validation":
            raise broken(
                "evaluate_on",
                "is validation, and with seeds.split: varies every pair has other validation images: leave "
                "evaluate_on out, or write split: fixed",
            )
        if self.contrasts is not None and self.design != "one-at-a-time":
            raise broken("design", "is for factors, and here are contrasts: remove it")
        return self
