"""Whether two programs that compute one net agree: on every logit, and so on every class."""

from dataclasses import dataclass
from typing import Self

from torch import Tensor

from vggsearch.errors import BundleError

TOLERANCE = 1e-4
"""Largest difference of two logits that is rounding, where logits are not above 10; for larger ones its share
of a tenth of the largest."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the logits of another program are from those of training."""

    name: str
    images: int
    largest_difference: float
    """Of any two logits."""
    other_classes: int
    """Images of another most likely class; there are none but for ties within the tolerance."""

    @classmethod
    def check(cls, name: str, logits: Tensor, expected: Tensor) -> Self:
        """Compare logits [n, k]. Raises `BundleError` where they differ by more than rounding."""
        difference = float((logits - expected).abs().max())
        allowed = TOLERANCE * max(1.0, float(expected.abs().max()) / 10)
        if not difference <= allowed:
            raise BundleError(
                f"{name} must give the logits of training to {allowed:.1g}, and differs by {difference:.2g}: "
                "do not use it, and report this with the run's key"
            )
        other = int((logits.argmax(1) != expected.argmax(1)).sum())
        return cls(name, len(expected), difference, other)
