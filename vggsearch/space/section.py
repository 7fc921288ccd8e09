"""`Section`: the numbering of the candidates with one number of blocks.

A candidate is one digit per parameter: the position of its value among the options. Its index is the start of
the section plus the sum of digits times weights; the last parameter varies fastest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vggsearch.costs import IntArray
from vggsearch.space.base import Scalar


@dataclass(frozen=True, slots=True)
class Parameter:
    """One choice in the candidates of one number of blocks."""

    name: str
    """`convs`, `ratio` or `kernel`, with `_1`, `_2`, … where each block has its own; `activation`,
    `batch_norm`, `head`."""
    options: tuple[Scalar, ...]
    weight: int
    """Difference in index from one option to the next."""
    stage: int | None
    """Index of its block, from 0; None where it applies to the whole net."""


@dataclass(frozen=True, slots=True)
class Section:
    """The candidates of one number of blocks: indices `start` to `start + size - 1`."""

    num_blocks: int
    start: int
    size: int
    parameters: tuple[Parameter, ...]
    """All of them, including those with a single option."""

    def digits(self, local: IntArray) -> IntArray:
        """Positions among the options, [N, parameter], of the candidates at `start + local`, [N]."""
        weights = np.array([parameter.weight for parameter in self.parameters], dtype=np.int64)
        radices = np.array([len(parameter.options) for parameter in self.parameters], dtype=np.int64)
        return local[:, np.newaxis] // weights % radices

    def columns(self, name: str) -> list[int]:
        """For each block, the position in `parameters` of the one called `name` that applies to it."""
        found = [i for i, p in enumerate(self.parameters) if p.name.partition("_")[0] == name]
        return found if len(found) == self.num_blocks else found * self.num_blocks

    def index(self, digits: Sequence[int]) -> int:
        """Index of the candidate with these positions among the options."""
        return self.start + sum(d * p.weight for d, p in zip(digits, self.parameters, strict=True))
