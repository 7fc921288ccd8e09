"""Grids of learning rates that grow until the best rate is inside, and ends that are best within noise.

A best rate at an end of its grid says that a better one may lie beyond. The next rate on that side, by the
ratio of the last two of the grid, is then tried with the same seeds, until the best is inside or as many
rates were added as the plan allows. An arm of which a run failed at every rate gets smaller ones. The rule
sees validation accuracies alone, and is the same for all arms, so that it favours none.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from vggsearch.analysis.rate_choice import rate_table
from vggsearch.designs import rate_beyond

NOISE_LEVEL = 0.05
"""Two-sided level of the t test that tells a best rate from the rate beside it."""


def grown_rates(rates: pd.DataFrame, grid: Sequence[float], seeds: int, most: int) -> dict[str, list[float]]:
    """The rates that each arm tries by the results so far, rising: `grid` and at most `most` others.

    A rate is added only once all `seeds` runs at each rate so far are known, so that the answer does not
    depend on the order in which runs end.

    Args:
        rates: One row for each run: arm, lr, repeat, val_accuracy (missing where it did not complete).
        grid: At least two rates, rising.
    """
    return {
        str(arm): _grown(own.drop_duplicates(["lr", "repeat"], keep="last"), list(grid), seeds, most)
        for arm, own in rates.groupby("arm", sort=False)
    }


def flat_ends(table: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Arms whose best rate is at an end, but no better than the rate beside it as far as seeds can tell.

    Args:
        table: A `rate_table`.

    Returns:
        By arm, how much better the best rate is than the one beside it, and the smallest difference that is
        not noise: t(1 − `NOISE_LEVEL` / 2) s √(2 / n), where s is the SD over seeds at one rate, pooled over
        all arms and rates at which all runs completed. Empty where no rate has two runs.
    """
    sound = table[(table["failed"] == 0) & (table["n"] > 1)]
    freedom = int((sound["n"] - 1).sum())
    if not freedom:
        return {}
    pooled = math.sqrt(float((sound["sd"] ** 2 * (sound["n"] - 1)).sum()) / freedom)
    found = {}
    for arm in table.loc[table["at_edge"], "arm"]:
        own = table[(table["arm"] == arm) & (table["failed"] == 0)].sort_values("lr")
        at = np.flatnonzero(own["chosen"])
        if len(at) != 1 or len(own) < 2:
            continue
        place = int(at[0])
        best, beside = own.iloc[place], own.iloc[place - 1 if place else 1]
        ahead = float(best["mean"] - beside["mean"])
        noise = float(stats.t.ppf(1 - NOISE_LEVEL / 2, freedom)) * pooled * math.sqrt(2 / float(best["n"]))
        if ahead <= noise:
            found[str(arm)] = (ahead, noise)
    return found


def _grown(own: pd.DataFrame, tried: list[float], seeds: int, most: int) -> list[float]:
    grid, limit = tuple(tried), len(tried) + most
    while len(tried) < limit:
        known = own[own["lr"].isin(tried)]
        if len(known) < len(tried) * seeds:
            break
        up = _side(rate_table(known))
        if up is None:
            break
        beyond = sum(rate > grid[-1] if up else rate < grid[0] for rate in tried)
        tried = sorted([*tried, rate_beyond(grid, beyond + 1, up=up)])
    return tried


def _side(table: pd.DataFrame) -> bool | None:
    """Whether an arm's grid must grow upwards (True) or downwards; None where its best rate is inside."""
    if table["failed"].all():
        return False
    chosen = table[table["at_edge"]]
    return None if chosen.empty else bool(chosen["lr"].item() == table["lr"].max())
