"""The learning rates beyond the ends of a grid, which an arm tries where its best rate is at that end."""

from collections.abc import Sequence

MAX_RATE = 1000.0
"""Largest learning rate."""

MAX_RATE_GROWTH = 10
"""Most rates that an arm may add to its grid."""


def rate_beyond(grid: Sequence[float], number: int, *, up: bool) -> float:
    """The rate `number` steps beyond an end of a rising grid, by the ratio of the two rates at that end.

    Rounded to six digits: after 0.2 and 0.4 comes 0.8.
    """
    end, beside = (grid[-1], grid[-2]) if up else (grid[0], grid[1])
    return float(f"{end * (end / beside) ** number:.6g}")


def rates_beyond(grid: Sequence[float], most: int) -> list[float]:
    """Every rate that at most `most` steps beyond either end of a rising grid reach, rising."""
    numbers = range(1, most + 1)
    return sorted(rate_beyond(grid, number, up=up) for number in numbers for up in (False, True))


def growth_problem(grid: Sequence[float], most: int) -> str:
    """Why a grid cannot grow by `most` rates, in words; empty where it can."""
    if most > MAX_RATE_GROWTH:
        return f"must be at most {MAX_RATE_GROWTH}, not {most}"
    if most and len(grid) < 2:
        return "continues a grid of two rates or more, not of one"
    reached = rates_beyond(grid, most)
    if most and not 1e-12 <= reached[0] < reached[-1] <= MAX_RATE:
        return f"lets the grid reach {reached[0]:g} and {reached[-1]:g}, and a rate is at most {MAX_RATE:g}"
    return ""
