"""The key `space` of a study file: the choices that make up a search space."""

from typing import Annotated, Self

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from vggsearch.arch import MAX_BLOCKS, MAX_CHANNELS, Activation, Head, Task
from vggsearch.errors import ArchitectureError
from vggsearch.schema import ADDED, Frozen
from vggsearch.space import Choice, Constraint, SearchSpace
from vggsearch.study.file.messages import broken
from vggsearch.text import shown

Factor = Annotated[int, Field(ge=1, le=MAX_CHANNELS)]
Factors = Annotated[tuple[Factor, ...], Field(min_length=1, max_length=64)]


class PerBlock(Frozen):
    """Values from which each block gets its own."""

    per_block: Factors


def _form(value: object) -> str:
    return "<block>" if isinstance(value, dict | PerBlock) else "<net>"


FactorChoice = Annotated[
    Annotated[Factors, Tag("<net>")] | Annotated[PerBlock, Tag("<block>")], Discriminator(_form)
]
"""A list gives one value to the whole net; `{per_block: list}` gives one to each block."""


class Limits(Frozen):
    """Smallest and largest allowed cost, both inclusive."""

    min: float | None = Field(default=None, gt=0, le=1e18)
    max: float | None = Field(default=None, gt=0, le=1e18)

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.min is None and self.max is None:
            raise broken("", "needs min, max or both, and has neither: write {max: 2e7}, for example")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise broken(
                "min",
                f"must be at most max, {shown(self.max)}, not {shown(self.min)}: lower min or raise max",
            )
        return self


class Constraints(Frozen):
    """Limits on what an architecture may cost, by metric of `vggsearch.costs`."""

    params: Limits | None = None
    conv_params: Limits | None = None
    norm_params: Limits | None = None
    head_params: Limits | None = None
    macs: Limits | None = None
    conv_macs: Limits | None = None
    head_macs: Limits | None = None
    activation_bytes: Limits | None = None
    receptive_field: Limits | None = None


class SpaceChoice(Frozen):
    """The choices that make up a search space."""

    channels: Factors = (64, 128, 256, 512, 512)
    """Channels of each block in turn, before division by the ratio."""
    num_blocks: Annotated[tuple[Annotated[int, Field(ge=1, le=MAX_BLOCKS)], ...], Field(min_length=1)]
    convs_per_block: FactorChoice
    ratio: FactorChoice
    kernel_size: FactorChoice
    activation: Annotated[tuple[Activation, ...], Field(min_length=1), ADDED] = ("relu",)
    batch_norm: Annotated[tuple[bool, ...], Field(min_length=1, max_length=2)] = (True,)
    head: Annotated[tuple[str, ...], Field(min_length=1, max_length=64)] = ("gap",)
    constraints: Constraints = Constraints()

    @field_validator("head")
    @classmethod
    def _heads(cls, heads: tuple[str, ...]) -> tuple[str, ...]:
        for head in heads:
            try:
                Head.parse(head)
            except ArchitectureError as error:
                raise broken("", str(error)) from error
        return heads

    def search_space(self, task: Task) -> SearchSpace:
        """The space for `task`; may raise `SpaceError` or `ArchitectureError`."""
        limits = ((name, getattr(self.constraints, name)) for name in Constraints.model_fields)
        return SearchSpace(
            num_blocks=self.num_blocks,
            convs_per_block=_choice(self.convs_per_block),
            ratio=_choice(self.ratio),
            kernel_size=_choice(self.kernel_size),
            activation=self.activation,
            batch_norm=self.batch_norm,
            head=tuple(map(Head.parse, self.head)),
            channels=self.channels,
            constraints=tuple(
                Constraint(name, given.min, given.max) for name, given in limits if given is not None
            ),
            task=task,
        )


def _choice(given: tuple[int, ...] | PerBlock) -> Choice:
    return Choice(given.per_block, True) if isinstance(given, PerBlock) else Choice(given, False)
