"""The candidates that keep constraints: their exact number, and the r-th of them.

Where blocks have few options of their own, candidates are filtered in chunks, about a million a second.
Otherwise halves are joined (`vggsearch.space.join`), which takes far less time under a single constraint.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Protocol

import numpy as np

from vggsearch.costs import BoolArray, IntArray
from vggsearch.space.choices import Constraint
from vggsearch.space.grid import Grid
from vggsearch.space.join import Joined

CHUNK = 2**16
"""Candidates that are filtered at once."""

FEW = 2**13
"""Below this number of combinations of per-block options, candidates are filtered rather than joined."""


def keeps(grid: Grid, constraints: Sequence[Constraint], indices: IntArray) -> BoolArray:
    """Whether the candidates at `indices`, [N], keep all constraints, [N]."""
    mask = np.ones(len(indices), dtype=np.bool_)
    if constraints:
        costs = grid.costs(indices)
        for constraint in constraints:
            low, high = constraint.limits
            mask &= (costs[constraint.metric] >= low) & (costs[constraint.metric] <= high)
    return mask


class CandidateSet(Protocol):
    """Some of the candidates of a grid; the sets of one grid are disjoint."""

    def count(self) -> int:
        """How many of them keep the constraints."""

    def select(self, ranks: IntArray) -> IntArray:
        """Indices of the kept candidates with these ranks, [N], each from 0 to `count() - 1`."""


class Feasible:
    """The candidates that keep some constraints, ranked; counts are cached."""

    def __init__(self, sets: Sequence[CandidateSet]) -> None:
        self._sets = sets

    @cached_property
    def _ends(self) -> IntArray:
        return np.cumsum([each.count() for each in self._sets], dtype=np.int64)

    @property
    def count(self) -> int:
        """Their number."""
        return int(self._ends[-1])

    def select(self, ranks: IntArray) -> IntArray:
        """Indices of the candidates with these ranks, [N], each from 0 to `count - 1`."""
        indices = np.empty(len(ranks), dtype=np.int64)
        owners = np.searchsorted(self._ends, ranks, side="right")
        for owner in np.unique(owners):
            rows = np.flatnonzero(owners == owner)
            start = self._ends[owner - 1] if owner else 0
            indices[rows] = self._sets[owner].select(ranks[rows] - start)
        return indices


def feasible(grid: Grid, constraints: Sequence[Constraint], few: int = FEW) -> Feasible:
    """The candidates of `grid` that keep `constraints`."""
    sets: list[CandidateSet] = []
    for section in grid.sections:
        free = [len(p.options) for p in section.parameters if p.stage is not None]
        shared = [range(len(p.options)) if p.stage is None else (0,) for p in section.parameters]
        if math.prod(free) < few:
            end = section.start + section.size
            sets += [
                Filtered(grid, constraints, start, min(start + CHUNK, end))
                for start in range(section.start, end, CHUNK)
            ]
        else:
            sets += [Joined(grid, constraints, section, digits) for digits in product(*shared)]
    return Feasible(sets)


@dataclass(frozen=True)
class Filtered:
    """The candidates with indices `start` to `stop - 1`, filtered one by one."""

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
        """Indices of the kept candidates with these ranks."""
        return self._indices()[ranks]
