"""The key `seeds` of an ablation: a number of pairs, or a mapping that says more of them."""

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from vggsearch.designs import Looks, looks_problem
from vggsearch.schema import Frozen
from vggsearch.study.file.messages import broken
from vggsearch.text import shown

MAX_SEEDS = 1000

Number = Annotated[int, Field(ge=2, le=MAX_SEEDS)]


class SeedChoice(Frozen):
    """How many pairs there are, when the study looks at them, and whether they share a split."""

    number: Number | None = None
    """Number of pairs; exactly one of `number` and `looks` is given."""
    looks: Annotated[Looks, Field(min_length=2, max_length=10)] | None = None
    """Numbers of pairs at which the study looks at its results; the last one is the most it makes."""
    split: Literal["fixed", "varies"] = "fixed"
    """Whether all pairs have the study's split into training and validation images, or each its own."""

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if (self.number is None) == (self.looks is None):
            given = "neither" if self.looks is None else "both"
            rule = f"has a number of pairs or looks, not {given}"
            raise broken("", f"{rule}: write looks: [6, 10, 15, 20], or number: 10, for example")
        if self.looks and (problem := looks_problem(self.looks, self.looks[-1], 1)):
            remedy = "write looks: [6, 10, 15, 20], for example"
            raise broken("looks", f"{problem}, not {shown(self.looks)}: {remedy}")
        return self


def _form(value: object) -> str:
    return "<number>" if isinstance(value, int | float | str) or value is None else "<choice>"


Seeds = Annotated[
    Annotated[Number, Tag("<number>")] | Annotated[SeedChoice, Tag("<choice>")], Discriminator(_form)
]
