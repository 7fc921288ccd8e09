"""`SearchSpace`: every architecture that some choices give and some constraints allow."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from vggsearch.arch import Architecture
from vggsearch.costs import IntArray, cost
from vggsearch.errors import SpaceError
from vggsearch.space.choices import MAX_COUNT, Constraint
from vggsearch.space.feasible import CHUNK, Feasible, feasible, keeps
from vggsearch.space.grid import Grid
from vggsearch.space.section import Section

PROBE_SEED = 0
REJECTION = ((2**22, 0.01), (2**40, 0.001), (MAX_COUNT, 0.0))
"""(candidates, share): in spaces of up to so many candidates, members are drawn by rejection where more than
this share of the candidates are members, and by ranking otherwise. Ranking takes longer in larger spaces."""


@dataclass(frozen=True, kw_only=True)
class SearchSpace(Grid):
    """Every candidate of the grid that keeps all constraints, once each; never empty.

    Raises `SpaceError` or `ArchitectureError` where a net cannot be built, where two choices give the same
    net, and where no candidate is left; the message names the constraint that excluded the last one. `count`
    is exact: a product without constraints, and as in `vggsearch.space.feasible` with them.
    """

    constraints: tuple[Constraint, ...] = ()
    """At most one for each metric."""

    def __post_init__(self) -> None:
        super().__post_init__()
        metrics = [constraint.metric for constraint in self.constraints]
        for metric in metrics:
            if metrics.count(metric) > 1:
                raise SpaceError(
                    f"a metric is constrained once, and {metric} is twice: give min and max together"
                )
        for constraint in self.constraints:
            self._check_reachable(constraint)
        if not self._acceptance and not self.count:
            raise SpaceError(self._emptiness_message())

    @cached_property
    def count(self) -> int:
        """Exact number of members."""
        return self._feasible.count if self.constraints else self.size

    @cached_property
    def _feasible(self) -> Feasible:
        return feasible(self, self.constraints)

    def __contains__(self, architecture: object) -> bool:
        return (
            isinstance(architecture, Architecture)
            and self.locate(architecture) is not None
            and self.violation(architecture) is None
        )

    def __iter__(self) -> Iterator[Architecture]:
        for start in range(0, self.size, CHUNK):
            indices = np.arange(start, min(start + CHUNK, self.size), dtype=np.int64)
            yield from self.candidates(indices[keeps(self, self.constraints, indices)])

    def sample(self, rng: np.random.Generator, n: int) -> list[Architecture]:
        """Draw `n` members, uniformly, independently and with replacement.

        Candidates are drawn, and those that break a constraint are rejected. Where hardly any would be
        accepted, the members are ranked (`count`) and ranks are drawn. The space alone decides which.
        """
        return self.candidates(self.sample_indices(rng, n))

    def sample_indices(self, rng: np.random.Generator, n: int) -> IntArray:
        """The indices of `n` members among the candidates, drawn as in `sample`."""
        if not self.constraints:
            return rng.integers(self.size, size=n)
        least = next(share for size, share in REJECTION if self.size <= size)
        if self._acceptance > least:
            return self._accepted(rng, n)
        return self._feasible.select(rng.integers(self.count, size=n))

    def _accepted(self, rng: np.random.Generator, n: int) -> IntArray:
        found: list[IntArray] = []
        missing = n
        while missing > 0:
            drawn = rng.integers(self.size, size=int(min(missing / self._acceptance * 1.1 + 16, CHUNK)))
            found.append(drawn[keeps(self, self.constraints, drawn)][:missing])
            missing -= len(found[-1])
        return np.concatenate([np.empty(0, dtype=np.int64), *found])

    @cached_property
    def _acceptance(self) -> float:
        """Estimated fraction of candidates that are members, from up to 2^20 draws; exact in small spaces.

        0 where too few were found for an estimate; outside small spaces there may be members all the same.
        """
        if not self.constraints:
            return 1.0
        if self.size <= CHUNK:
            return float(keeps(self, self.constraints, np.arange(self.size)).mean())
        rng = np.random.default_rng(PROBE_SEED)
        hits = draws = 0
        while hits < 8 and draws < 16 * CHUNK:
            drawn = rng.integers(self.size, size=max(CHUNK // 16, min(draws, CHUNK)))
            hits += int(keeps(self, self.constraints, drawn).sum())
            draws += len(drawn)
        return hits / draws if hits >= 8 else 0.0

    def neighbours(self, architecture: Architecture) -> list[Architecture]:
        """The members that differ from `architecture` in one choice; the relation is symmetric.

        One choice is another option of one parameter, or one block more or fewer at the end; an added block
        comes with each combination of its options. Raises `SpaceError` where `architecture` is no candidate.
        """
        located = self.locate(architecture)
        if located is None:
            raise self._not_a_candidate(architecture)
        section, digits = located
        indices = [
            section.index(digits) + (other - digit) * parameter.weight
            for digit, parameter in zip(digits, section.parameters, strict=True)
            for other in range(len(parameter.options))
            if other != digit
        ]
        for target in self.sections:
            if abs(target.num_blocks - section.num_blocks) == 1:
                indices += _with_shared_digits(section, digits, target)
        some = np.array(indices, dtype=np.int64)
        return self.candidates(some[keeps(self, self.constraints, some)])

    def violation(self, architecture: Architecture) -> str | None:
        """Message about the first constraint that `architecture` breaks; None where it breaks none."""
        if not self.constraints:
            return None
        found = cost(architecture, self.task)
        broken = (constraint.violation(found) for constraint in self.constraints)
        return next((text for text in broken if text is not None), None)

    def violations(self, architecture: Architecture) -> dict[str, float]:
        """Excess over each limit, relative to the limit (`{"macs_max": -0.2}`); at most 0 where kept."""
        if not self.constraints:
            return {}
        found = cost(architecture, self.task)
        return {name: value for c in self.constraints for name, value in c.margins(found).items()}

    def _check_reachable(self, constraint: Constraint) -> None:
        low, high = constraint.limits
        least, most = self.ranges[constraint.metric]
        if high < least:
            raise SpaceError(
                f"the constraint {constraint} excludes all candidates, which have {least} to {most}: "
                f"raise its max to at least {least}"
            )
        if low > most:
            raise SpaceError(
                f"the constraint {constraint} excludes all candidates, which have {least} to {most}: "
                f"lower its min to at most {most}"
            )

    def _emptiness_message(self) -> str:
        for i, constraint in enumerate(self.constraints):
            if not feasible(self, self.constraints[: i + 1]).count:
                others = " and ".join(map(str, self.constraints[:i])) or "the choices"
                return f"the constraint {constraint} excludes all that {others} allow: loosen one of them"
        raise AssertionError("an empty space keeps its constraints")


def _with_shared_digits(section: Section, digits: tuple[int, ...], target: Section) -> list[int]:
    """Indices in `target` of the candidates that agree in all parameters that both sections have."""
    known = {p.name: digit for p, digit in zip(section.parameters, digits, strict=True)}
    ways = [
        (known[parameter.name],) if parameter.name in known else range(len(parameter.options))
        for parameter in target.parameters
    ]
    return [target.index(way) for way in product(*ways)]
