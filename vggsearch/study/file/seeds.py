"""The key `seeds` of an ablation: a number of pairs, or how many there may be and when they are looked at."""

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Discriminator, Field, Tag, model_validator

from vggsearch.designs import LOOK_PAIRS, Looks
from vggsearch.schema import Frozen
from vggsearch.study.file.messages import broken
from vggsearch.text import shown

MAX_SEEDS = 1000


class SeedChoice(Frozen):
    """The pairs of a study that may stop early."""

    looks: Annotated[Looks, Field(min_length=2, max_length=10)]
    """Numbers of pairs at which the study looks at its results; the last one is the most it makes."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        least, most = LOOK_PAIRS
        rising = all(look < later for look, later in pairwise(self.looks))
        if not rising or self.looks[0] < least or self.looks[-1] > most:
            raise broken(
                "looks",
                f"must be rising numbers of pairs from {least} to {most}, not {shown(self.looks)}: write "
                "looks: [6, 10, 15, 20], for example",
            )
        return self


def _form(value: object) -> str:
    return "<number>" if isinstance(value, int | float | str) or value is None else "<looks>"


Seeds = Annotated[
    Annotated[int, Field(ge=2, le=MAX_SEEDS), Tag("<number>")] | Annotated[SeedChoice, Tag("<looks>")],
    Discriminator(_form),
]
