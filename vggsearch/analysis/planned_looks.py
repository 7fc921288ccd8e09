"""What a study may say at a planned look: which look was reached, its level, and the p of all looks so far.

Intervals at a look have the level of that look (`vggsearch.analysis.alpha_spending`), so that those of all
looks together miss the truth with probability alpha at most: repeated confidence intervals (Jennison &
Turnbull 1989, https://doi.org/10.1111/j.2517-6161.1989.tb01433.x). They cover as often as they say whenever
the study stops, and for whatever reason. Equivalence is shown in the same way, with one-sided intervals
(Jennison & Turnbull 1993, Biometrics 49, 31).
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from vggsearch.analysis.alpha_spending import nominal_levels, spent_share
from vggsearch.analysis.power import POWER, power_of_difference, power_of_equivalence
from vggsearch.analysis.sequential import sequential_p, sequential_tost_p
from vggsearch.analysis.sign_flip import FloatArray
from vggsearch.designs import Contrast, Looks


def looks_reached(pairs: pd.DataFrame, contrasts: Sequence[Contrast], looks: Looks) -> int:
    """How many of `looks` were reached: every weighted arm has a row, completed or not, for each pair.

    Args:
        pairs: One row for each run: `arm`, `pair`.
    """
    arms = {arm for contrast in contrasts for arm in contrast.weights}
    rows = pairs[pairs["arm"].isin(list(arms))].drop_duplicates(["arm", "pair"])
    counts = rows.groupby("pair")["arm"].count()
    whole = {float(str(pair)) for pair, count in counts.items() if count == len(arms)}
    return sum(whole.issuperset(range(1, number + 1)) for number in looks)


def interval_levels(looks: Looks, reached: int, alpha: float) -> tuple[float, float]:
    """Two-sided level of the interval and one-sided level of that of TOST; NaN before the first look."""
    if not looks:
        return alpha, alpha
    if not reached:
        return math.nan, math.nan
    return 2 * nominal_levels(looks, alpha / 2)[reached - 1], nominal_levels(looks, alpha)[reached - 1]


def p_at_looks(
    found: "pd.Series[float]",
    tost: Callable[[FloatArray], float],
    looks: Looks,
    reached: int,
    levels: Sequence[float],
) -> tuple[float, float]:
    """The sign-flip p and the TOST p of the first `reached` looks, each among `levels`.

    Args:
        found: Differences of the complete pairs, indexed by pair, ascending.
        tost: The TOST p of one look's differences.
    """
    values, numbers = np.asarray(found, dtype=np.float64), found.index.to_numpy()
    ends = [int(np.searchsorted(numbers, number, side="right")) for number in looks[:reached]]
    groups = np.split(values, ends[:-1])[:reached] if ends else []
    p_tost = [tost(values[:end]) for end in ends]
    return sequential_p(groups, looks, levels), sequential_tost_p(p_tost, looks, levels)


def differences_can_show(looks: Looks, alpha: float, contrasts: int) -> list[bool]:
    """For each look, whether it can show a difference before any other contrast has shown one.

    Pairs are few, and signings are whole: 6 pairs have a least p of 2/64.
    """
    return [2.0 / 2.0**pairs <= alpha / contrasts * spent_share(pairs / looks[-1]) + 1e-12 for pairs in looks]


def more_pairs_at_looks(
    mean: float, sd: float, looks: Looks, reached: int, alpha: float, margin: float, contrasts: int
) -> int | None:
    """Number of further pairs up to the first planned look that decides with probability `POWER`.

    As `vggsearch.analysis.power.more_pairs`, but only looks after the first `reached` count, each at its own
    level. None where none of them is expected to decide, and before the first look.
    """
    if not reached or math.isnan(mean) or math.isnan(sd):
        return None
    level, attainable = alpha / contrasts, differences_can_show(looks, alpha, contrasts)
    two_sided, one_sided = nominal_levels(looks, level / 2), nominal_levels(looks, level)
    for k, pairs in list(enumerate(looks))[reached:]:
        difference = attainable[k] and power_of_difference(mean, sd, pairs, 2 * two_sided[k]) >= POWER
        if difference or power_of_equivalence(mean, sd, pairs, one_sided[k], margin) >= POWER:
            return pairs - looks[reached - 1]
    return None
