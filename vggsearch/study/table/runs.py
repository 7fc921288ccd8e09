"""Which runs a table wants, in the order in which they are made.

Every member with the first seed, the shortest fidelity first, then with the next seed; the extra runs last.
Members come in a random order, so that an unfinished table holds a random sample of them.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from vggsearch.recipe import Budget
from vggsearch.space import SearchSpace
from vggsearch.study.file import TableStudy

_ORDER_STREAM = 7_461
"""Keeps the order of the members apart from other random choices of the same seed."""


class TableRun(NamedTuple):
    """One run of a table."""

    architecture: str
    budget: Budget
    seed: int


def table_runs(study: TableStudy, space: SearchSpace) -> Iterator[TableRun]:
    """Every run that the table wants, once."""
    members = _shuffled(study, space)
    for seed in range(study.seed, study.seed + study.seeds):
        for budget in study.budgets:
            for member in members:
                yield TableRun(member, budget, seed)
    seen: set[TableRun] = set()
    for count, budget, seeds in study.samples():
        for seed in seeds:
            for member in members[:count]:
                run = TableRun(member, budget, seed)
                if run not in seen:
                    seen.add(run)
                    yield run


def table_size(study: TableStudy, members: int) -> int:
    """The number of runs, for a space of `members` architectures."""
    samples: dict[tuple[Budget, int], int] = {}
    for count, budget, seeds in study.samples():
        for seed in seeds:
            samples[budget, seed] = max(samples.get((budget, seed), 0), min(count, members))
    return members * study.seeds * len(study.budgets) + sum(samples.values())


def _shuffled(study: TableStudy, space: SearchSpace) -> Sequence[str]:
    members = list(map(str, space))
    order = np.random.default_rng([_ORDER_STREAM, study.seed]).permutation(len(members))
    return [members[index] for index in order]
