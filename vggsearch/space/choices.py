"""What may vary in a space (`Choice`) and which limits hold (`Constraint`)."""

import math
from dataclasses import dataclass

from vggsearch.costs import METRICS, Cost
from vggsearch.errors import SpaceError

MAX_COUNT = 2**62
"""Limit of every count and cost in a space, so that int64 arithmetic is exact."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Whole numbers to choose from: one for the whole net, or one for each block."""

    values: tuple[int, ...]
    """The options, each once, in the order of enumeration."""
    per_block: bool = False
    """Whether each block has its own value."""

    def __post_init__(self) -> None:
        whole = all(type(value) is int and value >= 1 for value in self.values)
        if not self.values or not whole or len(set(self.values)) < len(self.values):
            raise SpaceError(
                f"a choice lists whole numbers from 1, each once, not {shortened(self.values)}: "
                "write [3, 5], for example"
            )

    @property
    def varies_by_block(self) -> bool:
        """Whether two blocks of one net can have different values."""
        return self.per_block and len(self.values) > 1


@dataclass(frozen=True, slots=True)
class Constraint:
    """Inclusive limits on one of `METRICS`; a limit that is no whole number is rounded inwards."""

    metric: str
    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise SpaceError(
                f"a constraint is on one of {', '.join(METRICS)}, not {self.metric[:40]!r}: "
                "use macs, for example"
            )
        if self.min is None and self.max is None:
            raise SpaceError(f"the constraint on {self.metric} has neither min nor max: give one or both")
        for limit in (self.min, self.max):
            if limit is not None and not 0 < limit < MAX_COUNT:
                raise SpaceError(
                    f"a limit on {self.metric} is above 0 and below {MAX_COUNT:.0e}, not {shortened(limit)}: "
                    "leave it out for no limit"
                )
        object.__setattr__(self, "min", None if self.min is None else math.ceil(self.min))
        object.__setattr__(self, "max", None if self.max is None else math.floor(self.max))
        low, high = self.limits
        if low > high:
            raise SpaceError(f"the constraint {self} has no whole number in it: lower min or raise max")

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest value allowed."""
        return int(self.min or 0), MAX_COUNT if self.max is None else int(self.max)

    def margins(self, cost: Cost) -> dict[str, float]:
        """Excess over each limit, relative to the limit, by name (`macs_max`); at most 0 where it holds."""
        value: int = getattr(cost, self.metric)
        margins = {}
        if self.min is not None:
            margins[f"{self.metric}_min"] = (self.min - value) / max(self.min, 1)
        if self.max is not None:
            margins[f"{self.metric}_max"] = (value - self.max) / max(self.max, 1)
        return margins

    def violation(self, cost: Cost) -> str | None:
        """Message about the limit that `cost` breaks; None where it breaks none."""
        value: int = getattr(cost, self.metric)
        low, high = self.limits
        if value < low:
            return f"{self.metric} is {value}, below its min, {low}"
        return f"{self.metric} is {value}, above its max, {high}" if value > high else None

    def __str__(self) -> str:
        low = "" if self.min is None else f"{self.min} <= "
        high = "" if self.max is None else f" <= {self.max}"
        return f"{low}{self.metric}{high}"


def shortened(values: object) -> str:
    """`values` as Python text for a message, at most 60 characters."""
    text = repr(list(values) if isinstance(values, tuple) else values)
    return text if len(text) <= 60 else text[:57] + "..."
