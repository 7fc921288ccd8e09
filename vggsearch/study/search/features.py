"""What a surrogate knows of nets: one column for each level of each choice, costs, and products of two.

Notation: N members, m main columns, q pairs.

    main    [N, m]  1 where a member has that level, and log MACs, log parameters and their squares; every
                    column has mean 0 and standard deviation 1 over the members that it was made from
    pairs   [N, q]  products of two main columns of different choices
"""

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vggsearch.costs import IntArray
from vggsearch.space import Members

Matrix = npt.NDArray[np.float64]

MOST_PAIRS = 300
"""Most products of two columns; of more, those of the choices with the fewest levels are taken."""

COSTS = ("macs", "params")


class _Column(NamedTuple):
    """How a main column is computed."""

    choice: str
    level: int | None
    """The level that it marks; None for a cost."""
    power: int
    centre: float
    spread: float


class Features:
    """The columns of `members`, which also any other members of the same space have."""

    def __init__(self, members: Members) -> None:
        self._columns = list(_columns(members))
        self._pairs = self._useful_pairs(self.main(members))

    def main(self, members: Members) -> Matrix:
        """`main` of some members."""
        if not self._columns:
            return np.zeros((len(members), 0))
        return np.column_stack([_values(column, members) for column in self._columns])

    def pairs(self, main: Matrix) -> Matrix:
        """`pairs` of the members whose main columns are given."""
        left, right = self._pairs
        return main[:, left] * main[:, right]

    def weighted(self, main: Matrix, weights: Matrix, pair_weights: Matrix) -> Matrix:
        """The weighted sum of all columns, [N], without an array of the pairs."""
        square = np.zeros((main.shape[1], main.shape[1]))
        square[self._pairs] = pair_weights
        found: Matrix = main @ weights + np.einsum("ij,ij->i", main @ square, main)
        return found

    def _useful_pairs(self, main: Matrix) -> tuple[IntArray, IntArray]:
        choices = [column.choice for column in self._columns]
        free = [i for i, choice in enumerate(choices) if choice not in COSTS]
        pairs = [(i, j) for i, j in combinations(free, 2) if choices[i] != choices[j]]
        pairs.sort(key=lambda pair: choices.count(choices[pair[0]]) * choices.count(choices[pair[1]]))
        kept = [(i, j) for i, j in pairs if (main[:, i] * main[:, j]).std() > 1e-9][:MOST_PAIRS]
        both = np.array(kept, dtype=np.int64).reshape(-1, 2)
        return both[:, 0], both[:, 1]


def _columns(members: Members) -> list[_Column]:
    found: list[_Column] = []
    seen: set[bytes] = set()
    for choice, values in members.levels.items():
        numbered = choice in ("activation", "batch_norm", "head")
        levels = [int(level) for level in np.unique(values) if level != 0 or numbered]
        for level in levels[1:]:
            marked = (values == level).astype(float)
            # Two choices may sort the members alike: one column then stands for both.
            if marked.std() > 0 and not {marked.tobytes(), (1 - marked).tobytes()} & seen:
                seen.add(marked.tobytes())
                found.append(_Column(choice, level, 1, marked.mean(), marked.std()))
    for choice in COSTS:
        logs = _logs(members.costs, choice)
        for power in (1, 2):
            value = (logs - logs.mean()) ** power
            if value.std() > 1e-9:
                found.append(_Column(choice, None, power, float(logs.mean()), float(value.std())))
    return found


def _values(column: _Column, members: Members) -> Matrix:
    if column.level is None:
        logs = _logs(members.costs, column.choice)
        return np.asarray((logs - column.centre) ** column.power / column.spread)
    marked = (members.levels[column.choice] == column.level).astype(float)
    return np.asarray((marked - column.centre) / column.spread)


def _logs(costs: Mapping[str, IntArray], name: str) -> Matrix:
    return np.asarray(np.log(np.maximum(costs[name], 1).astype(float)))
