"""A study file of kind `search`: a space, a sampler, how many trials, and what the best are judged by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from vggsearch.arch import Task, parse
from vggsearch.errors import ArchitectureError, SpaceError
from vggsearch.recipe import Budget
from vggsearch.runs import METRICS, Criterion
from vggsearch.schema import ADDED, Frozen
from vggsearch.space import ListedSpace, Space
from vggsearch.store import Options
from vggsearch.study.file.base import Study
from vggsearch.study.file.messages import broken
from vggsearch.study.file.space import SpaceChoice
from vggsearch.study.file.strategy import STRATEGIES, StrategySettings, shortened
from vggsearch.text import percent, shown, suggestion

Metric = Literal["accuracy", "balanced_accuracy"]
Objective = Criterion | Literal["macs", "params", "latency_ms"]
Sampler = Literal["grid", "random", "tpe", "nsga2", "gp", "rungs", "screen", "model"]


@dataclass(frozen=True, slots=True)
class SamplerTraits:
    """What a study file, a search and a report need to know of a sampler, without Optuna."""

    label: str
    """Name in reports."""
    learns: bool = True
    """Whether it learns from earlier trials; then random search is its baseline by default."""
    max_trials: int | None = None
    """Most trials of a study; None for no limit."""
    learns_constraints_from_pruned: bool = True
    """Whether a pruned trial teaches it that a candidate breaks a constraint; else the trial must be
    complete."""


SAMPLERS: Mapping[Sampler, SamplerTraits] = MappingProxyType(
    {
        "grid": SamplerTraits("grid", learns=False),
        "random": SamplerTraits("random search", learns=False),
        "tpe": SamplerTraits("TPE"),
        "nsga2": SamplerTraits("NSGA-II", learns_constraints_from_pruned=False),
        # Asking a Gaussian process takes 2.5 s at 1000 trials, and grows (Optuna 5.0, measured).
        "gp": SamplerTraits("Gaussian process", max_trials=300, learns_constraints_from_pruned=False),
        "rungs": SamplerTraits("successive halving"),
        "screen": SamplerTraits("screening by short runs"),
        "model": SamplerTraits("surrogate model"),
    }
)
"""The strategies by name. `vggsearch.study.search.samplers` has the Optuna sampler of each that is one;
`vggsearch.study.search.strategies` those of this package."""


Architectures = Annotated[tuple[str, ...], Field(min_length=1, max_length=10_000)]
CRITERIA: Mapping[Metric, Criterion] = MappingProxyType(
    {"accuracy": "val_accuracy", "balanced_accuracy": "val_balanced_accuracy"}
)
"""The column of each metric, which is the first objective of a search."""


class Finalists(Frozen):
    """How many of the best are trained again, with fresh seeds, before the test set is read."""

    count: int = Field(default=5, ge=1, le=100)
    """Number of networks."""
    seeds: int = Field(default=5, ge=1, le=1000)
    """Number of fresh seeds with which each is trained."""


class Stop(Frozen):
    """When a search asks for no more runs before its `trials` are made; either condition is enough."""

    val_accuracy: float | None = Field(default=None, gt=0, le=1)
    """A run has reached this validation accuracy, a fraction; only with `metric: accuracy`."""
    patience: int | None = Field(default=None, ge=1, le=100_000)
    """So many distinct runs in a row ended without a better value of the metric."""

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.val_accuracy is None and self.patience is None:
            raise broken("", "stop has val_accuracy, patience, or both: write {patience: 20}, for example")
        return self

    def reached(self, accuracies: Sequence[float]) -> bool:
        """Whether a condition held after any of the runs, whose validation accuracies are given in the order
        in which they ended.
        """
        best, since = -1.0, 0
        for accuracy in accuracies:
            best, since = (accuracy, 0) if accuracy > best else (best, since + 1)
            if self.val_accuracy is not None and best >= self.val_accuracy:
                return True
            if self.patience is not None and since >= self.patience:
                return True
        return False

    def __str__(self) -> str:
        target = None if self.val_accuracy is None else f"{percent(self.val_accuracy)} validation accuracy"
        idle = None if self.patience is None else f"{self.patience} runs in a row without a better one"
        return " or ".join(filter(None, (target, idle)))


class SearchStudy(Study):
    """Which architectures of a space are best for their cost?"""

    MAY_CHANGE: ClassVar[tuple[str, ...]] = (*Study.MAY_CHANGE, "trials", "finalists", "baseline", "stop")

    kind: Literal["search"] = "search"
    """`search`: which networks are best for their cost?"""
    choices: SpaceChoice | None = Field(default=None, alias="space")
    """What a network is chosen from, the key `space` of a file; either it or `architectures` is given."""
    architectures: Architectures | None = None
    """Texts or names of the networks to choose from, kept as canonical texts."""
    sampler: Sampler
    """The strategy's name, from the key `strategy` or `sampler` of the file."""
    strategy: Annotated[StrategySettings | None, ADDED] = None
    """Settings of a strategy of this package; None for an Optuna sampler, which has none."""
    trials: int | None = Field(default=None, ge=1, le=100_000)
    """What the search may cost, in full runs; None only for `grid`: then the whole space."""
    baseline: bool = False
    """Whether as many architectures again are drawn at random: by default, unless `grid`, `random` or
    `stop`."""
    finalists: Finalists | None = Finalists()
    """The best networks, trained again with fresh seeds and tested; `null` for none."""
    first: Annotated[Architectures | None, ADDED] = None
    """Members of the space that are run before the sampler suggests any; kept as canonical texts."""
    stop: Annotated[Stop | None, ADDED] = None
    """When the search ends before its `trials` are made."""
    metric: Annotated[Metric, ADDED] = "accuracy"
    """What nets are ranked by, measured on validation; `balanced_accuracy` for uneven classes."""
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1, max_length=4)] = ("val_accuracy",)
    """What is weighed against each other. The first is the accuracy by which nets are ranked."""
    reference: dict[str, Annotated[float, Field(ge=0, le=1e24)]] | None = None
    """Worst value of each objective that is of interest; the hypervolume is measured from this point."""

    def options(self) -> Options:
        """See `Study.options`."""
        in_file = self._in_file if isinstance(self._in_file, SearchStudy) else self
        return Options(in_file=in_file.trials, trials=self.trials)

    @property
    def opens_test_images(self) -> bool:
        """See `Study.opens_test_images`: finalists are tested."""
        return self.finalists is not None

    @property
    def criterion(self) -> Criterion:
        """The column by which nets are ranked."""
        return CRITERIA[self.metric]

    @property
    def short_budgets(self) -> tuple[Budget, ...]:
        """Budgets of runs that stand for full ones, the shortest first."""
        divisors = () if self.strategy is None else self.strategy.divisors
        return tuple(shortened(self.budget, divisor) for divisor in divisors)

    def space(self, task: Task) -> Space:
        """The architectures to choose from, for images of `input_shape` before or after resizing.

        Raises `StudyFileError` where there are none, or where they cannot be built.
        """
        own = self.task(task)
        try:
            if self.choices is not None:
                space: Space = self.choices.search_space(own)
            else:
                space = ListedSpace(tuple(map(parse, self.architectures or ())), own)
        except (SpaceError, ArchitectureError) as error:
            key = "space" if self.architectures is None else "architectures"
            raise self.mistake(f"{key}: {error}") from error
        for text in self.first or ():
            self._check_member(space, text)
        return space

    def _check_member(self, space: Space, text: str) -> None:
        architecture = parse(text)
        try:
            space.params_of(architecture)
        except SpaceError as error:
            raise self.mistake(f"first: {error}") from error
        if (violation := space.violation(architecture)) is not None:
            raise self.mistake(
                f"first: {text} violates a constraint of the space ({violation}): leave it out"
            )

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        data = _with_strategy(data)
        learns = _learns(data.get("sampler"))
        defaults: dict[object, object] = {"baseline": learns and data.get("stop") is None}
        if data.get("metric") == "balanced_accuracy":
            defaults["objectives"] = (CRITERIA["balanced_accuracy"],)
        return defaults | data

    @field_validator("architectures", "first")
    @classmethod
    def _canonical(cls, texts: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if texts is None:
            return None
        seen: list[str] = []
        for text in texts:
            try:
                canonical = str(parse(text))
            except ArchitectureError as error:
                raise broken("", str(error)) from error
            if canonical in seen:
                rule = f"an architecture stands once, and {shown(text)} is listed before: remove one"
                raise broken("", rule)
            seen.append(canonical)
        return tuple(seen)

    @model_validator(mode="after")
    def _rules(self) -> Self:
        checks = (
            _check_space,
            _check_strategy,
            _check_trials,
            _check_stop,
            _check_objectives,
            _check_reference,
        )
        for check in checks:
            check(self)
        return self


def _learns(sampler: object) -> bool:
    """Whether the sampler of that name learns; true for a name that is refused later."""
    return all(traits.learns for name, traits in SAMPLERS.items() if name == sampler)


def _with_strategy(data: dict[object, object]) -> dict[object, object]:
    """The same keys, with the name of the strategy as `sampler` and its settings as `strategy`."""
    given = data.get("strategy")
    if given is None:
        name = data.get("sampler")
        return data | {"strategy": {"name": name}} if name in STRATEGIES else data
    name = given.get("name") if isinstance(given, Mapping) else given
    if name is None and not isinstance(given, str | Mapping):
        name = getattr(given, "name", None)  # settings that were validated before
    if not isinstance(name, str) or name not in SAMPLERS:
        known = ", ".join(SAMPLERS)
        remedy = suggestion(str(name), list(SAMPLERS))
        raise broken("strategy", f"must be one of {known}, or {{name: model}}, not {shown(given)}: {remedy}")
    if data.get("sampler", name) != name:
        raise broken("sampler", f"a study has one strategy, and strategy is {name}: leave sampler out")
    settings = {"name": name} if isinstance(given, str) else given
    if name in STRATEGIES:
        return data | {"sampler": name, "strategy": settings}
    if settings != {"name": name}:
        raise broken("strategy", f"{name} has no settings: write strategy: {name}")
    return {key: value for key, value in data.items() if key != "strategy"} | {"sampler": name}


def _check_strategy(study: SearchStudy) -> None:
    settings = study.strategy
    if settings is None:
        return
    budgets = (*study.short_budgets, study.budget)
    for budget, above, divisor in zip(budgets, budgets[1:], settings.divisors, strict=False):
        if budget.amount >= above.amount:
            rule = f"{study.budget} cannot be divided by {divisor}, as strategy {settings.name} wants"
            raise broken("budget", f"{rule}: raise it, or use fewer or longer short runs")
    if settings.name == "model" and "latency_ms" in study.objectives:
        rule = (
            "strategy model knows the MACs and parameters of every net, and latency of those it trained alone"
        )
        raise broken("objectives", f"{rule}: leave latency_ms out, or write strategy: tpe")


def _check_space(study: SearchStudy) -> None:
    if (study.choices is None) == (study.architectures is None):
        given = "neither" if study.choices is None else "both"
        raise broken("", f"a study has space or architectures, not {given}: keep one of the two keys")


def _check_trials(study: SearchStudy) -> None:
    if study.trials is None and study.sampler != "grid":
        raise broken(
            "trials", f"required with sampler {study.sampler}, and absent: write trials: 54, for example"
        )
    most = SAMPLERS[study.sampler].max_trials
    if most is not None and (study.trials or 0) > most:
        raise broken(
            "trials",
            f"must be at most {most} with sampler {study.sampler}, which asks ever slower, not "
            f"{study.trials}: lower it, or use sampler: tpe",
        )


def _check_stop(study: SearchStudy) -> None:
    if study.stop is not None and study.baseline:
        raise broken(
            "baseline", "a search that stops early has no baseline of its length: leave out baseline or stop"
        )
    if study.stop is not None and study.stop.val_accuracy is not None and study.metric != "accuracy":
        raise broken("stop", f"val_accuracy is no target with metric {study.metric}: use patience instead")
    if study.trials is not None and len(study.first or ()) > study.trials:
        rule = f"must be at most trials, {study.trials}, not {len(study.first or ())} architectures"
        raise broken("first", f"{rule}: raise trials, or shorten the list")


def _check_objectives(study: SearchStudy) -> None:
    objectives = shown(study.objectives)
    if study.objectives[0] != study.criterion:
        other = study.objectives[0] in CRITERIA.values()
        remedy = f"put it first, or write metric: {_other(study.metric)}" if other else "put it first"
        raise broken("objectives", f"must begin with {study.criterion}, not {objectives}: {remedy}")
    if CRITERIA[_other(study.metric)] in study.objectives:
        raise broken("objectives", f"must hold one accuracy, not {objectives}: remove the second")
    if len(set(study.objectives)) < len(study.objectives):
        raise broken("objectives", f"must name each once, not {objectives}: remove what stands twice")


def _other(metric: Metric) -> Metric:
    return "accuracy" if metric == "balanced_accuracy" else "balanced_accuracy"


def _check_reference(study: SearchStudy) -> None:
    wanted = ", ".join(study.objectives)
    if study.reference is None:
        if len(study.objectives) > 1:
            raise broken(
                "reference",
                f"required with several objectives, and absent: give a value for each of {wanted}",
            )
        return
    if set(study.reference) != set(study.objectives):
        raise broken(
            "reference",
            f"must have the objectives as its keys, {shown(study.objectives)}, not "
            f"{shown(tuple(study.reference))}: add or remove keys until they agree",
        )
    for objective, value in study.reference.items():
        accuracy = METRICS[objective].better == "higher"
        if accuracy and value >= 1:
            raise broken(
                "reference", f"{objective} must be a fraction below 1, not {value:g}: write 0.8, for example"
            )
        if not accuracy and value <= 0:
            raise broken(
                "reference", f"{objective} must be above 0, not {value:g}: write a cost no net should have"
            )
