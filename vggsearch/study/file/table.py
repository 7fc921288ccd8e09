"""A study file of kind `table`: every member of a space, at several fidelities and seeds."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from vggsearch.arch import Task
from vggsearch.errors import ArchitectureError, SpaceError
from vggsearch.recipe import Budget
from vggsearch.schema import Frozen
from vggsearch.space import SearchSpace
from vggsearch.study.file.base import Study
from vggsearch.study.file.messages import broken
from vggsearch.study.file.space import SpaceChoice
from vggsearch.text import shown

MAX_MEMBERS = 100_000
"""Most members of a table's space."""


class Extra(Frozen):
    """More runs of some members, which are drawn at random. A larger sample holds every smaller one."""

    members: int = Field(ge=1, le=MAX_MEMBERS)
    """How many members get these runs."""
    seeds: int = Field(default=1, ge=1, le=1000)
    """At the full budget, seeds beside those that every member has; else the first ones."""
    budget: Budget | None = None
    """None for the full budget."""


class TableStudy(Study):
    """What does every network of a space reach, at each fidelity and with each seed?"""

    MAY_CHANGE: ClassVar[tuple[str, ...]] = (*Study.MAY_CHANGE, "fidelities", "seeds", "extra")

    kind: Literal["table"]
    """`table`: what does every network of a space reach?"""
    choices: SpaceChoice = Field(alias="space")
    """The key `space` of the file."""
    fidelities: Annotated[tuple[Budget, ...], Field(max_length=10)] = ()
    """Shorter budgets, the shortest first; each run is annealed to the end of its own."""
    seeds: int = Field(default=2, ge=1, le=1000)
    """Seeds of every member at every fidelity: the study's seed and the ones after it."""
    extra: Annotated[tuple[Extra, ...], Field(max_length=10)] = ()
    """More runs of some members, drawn at random."""

    @property
    def opens_test_images(self) -> bool:
        """See `Study.opens_test_images`: what is searched has no test results."""
        return False

    @property
    def budgets(self) -> tuple[Budget, ...]:
        """Every fidelity, the full budget last."""
        return (*self.fidelities, self.budget)

    def space(self, task: Task) -> SearchSpace:
        """The members, for images of the data set before resizing; raises `StudyFileError`."""
        try:
            space = self.choices.search_space(self.task(task))
        except (SpaceError, ArchitectureError) as error:
            raise self.mistake(f"space: {error}") from error
        if space.count > MAX_MEMBERS:
            rule = f"a table has at most {MAX_MEMBERS:,} members, not {space.count:,}"
            raise self.mistake(f"space: {rule}: remove options, or add constraints")
        return space

    def samples(self) -> Iterator[tuple[int, Budget, range]]:
        """Of every entry of `extra`: how many members, at which budget, with which seeds."""
        for extra in self.extra:
            first = self.seed if extra.budget is not None else self.seed + self.seeds
            yield extra.members, extra.budget or self.budget, range(first, first + extra.seeds)

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if not self.budget.deterministic:
            raise broken(
                "budget",
                f"a table's budget is in epochs, steps or macs, as processors differ, not {self.budget}: "
                "write {epochs: 3}, for example",
            )
        check_fidelities("fidelities", self.fidelities, self.budget)
        for extra in self.extra:
            if extra.budget is not None and extra.budget.kind != self.budget.kind:
                raise broken("extra", _of_one_kind(extra.budget, self.budget))
            if extra.budget in self.budgets:
                raise broken(
                    "extra",
                    f"budget {extra.budget} is that of every member already: leave it out for more seeds",
                )
        return self


def check_fidelities(key: str, fidelities: tuple[Budget, ...], full: Budget) -> None:
    """Raise the error of the key `key` unless `fidelities` rise, and stay below `full`."""
    for number, fidelity in enumerate(fidelities):
        above = fidelities[number + 1] if number + 1 < len(fidelities) else full
        if fidelity.kind != full.kind:
            raise broken(key, _of_one_kind(fidelity, full))
        if fidelity.amount >= full.amount:
            raise broken(key, f"must be below the budget, {full}, not {fidelity}: lower it, or leave it out")
        if fidelity.amount >= above.amount:
            raise broken(
                key, f"must rise, and {shown(str(fidelity))} stands before {shown(str(above))}: sort them"
            )


def _of_one_kind(given: Budget, full: Budget) -> str:
    return f"must be in {full.kind} as the budget is, not {given}: write {{{full.kind}: …}}"
