"""How much one accuracy says: its standard error, and which nets it cannot tell apart."""

from collections.abc import Iterable

COARSE = 0.005
"""Share of the images from which on one of them is too much: half a percentage point."""


def standard_error(accuracy: float, images: int) -> float:
    """Binomial standard error of an accuracy that was measured on so many images, a fraction.

    sqrt(p (1 − p) / n) with two right and two wrong answers added, as 16 of 16 are not certain to be all
    (Agresti & Coull 1998, https://doi.org/10.2307/2685469).
    """
    n = images + 4
    p = (accuracy * images + 2) / n
    return float((p * (1 - p) / n) ** 0.5)


def others_within(accuracies: Iterable[float], reach: float) -> int:
    """How many are at most `reach` below the highest, that one not counted."""
    values = list(accuracies)
    # A difference of exactly `reach` counts as within, in spite of rounding.
    return sum(value >= max(values) - reach - 1e-12 for value in values) - 1 if values else 0
