"""The candidates that keep constraints: how many, exactly, and which is the r-th of them.

Where blocks have few options of their own, candidates are filtered in chunks, about a million a second;
elsewhere halves are joined (`vggsearch.space.join`), which takes far less where one constraint is at work.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Protocol

import numpy as np

from vggsearch.cost import BoolArray, IntArray
from vggsearch.space.choices import Constraint
from vggsearch.space.grid import Grid
from vggsearch.space.join import Joined

CHUNK = 2**16
"""Candidates filtered at a time."""

FEW = 2**13
"""Fewer candidates that differ per block only are filtered rather than joined."""


def keeps(grid: Grid, constraints: Sequence[Constraint], indices: IntArray) -> BoolArray:
    """Whether the candidates at `indices`, [N], keep all constraints, [N]."""
    mask = np.ones(len(indices), dtype=np.bool_)
    if constraints:
        costs = grid.costs(indices)
        for constraint in constraints:
            low, high = constraint.limits
            mask &= (costs[constraint.metric] >= low) & (costs[constraint.metric] <= high)
    return mask


class Part(Protocol):
    """Some of the candidates, no two parts sharing one."""

    def count(self) -> int:
        """How many of them keep the constraints."""

    def select(self, ranks: IntArray) -> IntArray:
        """Indices of those with these ranks, [N], each from 0 to `count() - 1`."""


class Feasible:
    """The candidates that keep some constraints, ranked; what is counted once is kept."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts

    @cached_property
    def _ends(self) -> IntArray:
        return np.cumsum([part.count() for part in self._parts], dtype=np.int64)

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self._ends[-1])

    def select(self, ranks: IntArray) -> IntArray:
        """Indices of the candidates with these ranks, [N], each from 0 to `count - 1`."""
        indices = np.empty(len(ranks), dtype=np.int64)
        owners = np.searchsorted(self._ends, ranks, side="right")
        for owner in np.unique(owners):
            rows = np.flatnonzero(owners == owner)
            start = self._ends[owner - 1] if owner else 0
            indices[rows] = self._parts[owner].select(ranks[rows] - start)
        return indices


def feasible(grid: Grid, constraints: Sequence[Constraint], few: int = FEW) -> Feasible:
    """The candidates of `grid` that keep `constraints`."""
    parts: list[Part] = []
    for section in grid.sections:
        free = [len(p.options) for p in section.parameters if p.stage is not None]
        shared = [range(len(p.options)) if p.stage is None else (0,) for p in section.parameters]
        if math.prod(free) < few:
            end = section.start + section.size
            parts += [
                Filtered(grid, constraints, start, min(start + CHUNK, end))
                for start in range(section.start, end, CHUNK)
            ]
        else:
            parts += [Joined(grid, constraints, section, digits) for digits in product(*shared)]
    return Feasible(parts)


@dataclass(frozen=True)
class Filtered:
    """The candidates at `start` to `stop - 1`."""

    grid: Grid
    constraints: Sequence[Constraint]
    start: int
    stop: int

    def _indices(self) -> IntArray:
        indices = np.arange(self.start, self.stop, dtype=np.int64)
        return indices[keeps(self.grid, self.constraints, indices)]

    def count(self) -> int:
        """How many of them keep the constraints."""
        return len(self._indices())

    def select(self, ranks: IntArray) -> IntArray:
        """Indices of those with these ranks."""
        return self._indices()[ranks]
