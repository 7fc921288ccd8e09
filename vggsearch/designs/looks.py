"""Planned looks: after how many pairs a study tests its results, and may stop."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

Looks = tuple[Annotated[int, Field(ge=1)], ...]
"""Number of pairs at each look, rising; empty for a study that looks once, at its end."""

Spending = Literal["pocock"]
"""How the error probability is divided among looks: `vggsearch.analysis.alpha_spending`."""

LOOK_PAIRS = (6, 24)
"""Fewest pairs of the first look, and most of the last.

Fewer have no p of 0.05 or less. The exact test visits 2ⁿ⁻¹ signings of n pairs: 24 take 0.2 GB and about a
second for each contrast.
"""

MAX_LOOK_CONTRASTS = 64
"""Most contrasts of a study with looks, as each adds a level at which all signings are counted."""


def looks_problem(looks: Looks, pairs: int, contrasts: int) -> str:
    """The rule that the looks of a study of at most `pairs` pairs break; empty where they break none."""
    least, most = LOOK_PAIRS
    rising = all(look < later for look, later in pairwise(looks))
    if not rising or looks[0] < least or looks[-1] > most or looks[-1] != pairs:
        return f"must be rising numbers of pairs from {least} to {most}"
    if contrasts > MAX_LOOK_CONTRASTS:
        return f"are for at most {MAX_LOOK_CONTRASTS} contrasts, and here are {contrasts}"
    return ""
