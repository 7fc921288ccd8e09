"""The verdict on a contrast, one of five words, and the fewest pairs that can reach one.

    n       complete pairs                     alpha   level of the tests
    p       exact sign-flip p                  p_tost  p of the two one-sided t tests against ±margin

Both p are Holm-adjusted over the contrasts of the study beforehand.
"""

from enum import StrEnum

MIN_PAIRS = 6
"""Fewest pairs with which a sign-flip test can reach p ≤ 0.05: 2 / 2⁵ is 0.0625, 2 / 2⁶ is 0.031."""


class Verdict(StrEnum):
    """The answer to a contrast's claim."""

    SUPPORTED = "supported"
    """A difference is shown, in the claimed direction; for an interaction, in either."""
    REFUTED = "refuted"
    """A difference is shown, in the direction opposite to the claim."""
    EQUIVALENT = "equivalent"
    """The true difference is smaller than the margin, whether or not it is 0."""
    UNDECIDED = "undecided"
    """Neither a difference nor equivalence is shown."""
    DESCRIPTIVE = "descriptive"
    """Fewer than `MIN_PAIRS` pairs: no verdict is given."""

    @property
    def decides(self) -> bool:
        """Whether the verdict answers the question."""
        return self in (Verdict.SUPPORTED, Verdict.REFUTED, Verdict.EQUIVALENT)


def verdict(
    n: int,
    mean: float,
    p_holm: float,
    p_tost_holm: float,
    *,
    alpha: float,
    question: str = "which is better",
) -> Verdict:
    """The verdict on a contrast with the mean difference `mean`.

    Equivalence comes first: a difference shown to be smaller than the margin is too small to matter, even
    where `sign_is_certain`. A p of NaN shows nothing.

    Args:
        question: `Contrast.question`; "do they interact" is supported by a difference of either sign.
    """
    if n < MIN_PAIRS:
        return Verdict.DESCRIPTIVE
    if p_tost_holm <= alpha:
        return Verdict.EQUIVALENT
    if p_holm <= alpha:
        claimed = mean > 0 or question == "do they interact"
        return Verdict.SUPPORTED if claimed else Verdict.REFUTED
    return Verdict.UNDECIDED


def sign_is_certain(n: int, p_holm: float, *, alpha: float) -> bool:
    """Whether the difference is shown not to be 0, even if it is smaller than the margin."""
    return n >= MIN_PAIRS and p_holm <= alpha


def best_possible_p(n: int, contrasts: int = 1) -> float:
    """Smallest Holm-adjusted sign-flip p that `n` pairs can reach where `contrasts` are tested."""
    return min(1.0, contrasts * 2.0 / 2.0**n)


def pairs_needed_for_any_verdict(contrasts: int, alpha: float) -> int:
    """Fewest pairs with which each of `contrasts` can be supported or refuted at level `alpha`.

    6 contrasts at 0.05 need 8 pairs. Fewer pairs, from `MIN_PAIRS` on, can show only equivalence, or a
    difference where the other contrasts show theirs first.
    """
    n = MIN_PAIRS
    while best_possible_p(n, contrasts) > alpha:
        n += 1
    return n
