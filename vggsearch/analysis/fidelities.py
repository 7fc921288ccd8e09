"""How well short runs stand for long ones: rank correlations, the noise of seeds, shares of variance.

Tables have one row a run and the columns architecture, amount (of the budget), seed and `value`, which is
the accuracy; what did not complete is left out by the caller.

    v[m, s]     value of member m with seed s at one budget
    sd_seed     √ of the mean over members of the variance over seeds
    sd_member   √ of the variance of the members' means, less sd_seed² / seeds
    reliability sd_member² / (sd_member² + sd_seed²): the correlation between two seeds
"""

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

Array = npt.NDArray[Any]

LEAST = 3
"""Fewest members of which a correlation is given."""

TOP = 0.1
"""Share of the members that counts as the best."""


def fidelity_correlations(runs: pd.DataFrame) -> pd.DataFrame:
    """Rank correlations between every two budgets, over the members that have both.

    One seed of the lower budget is compared with another seed of the higher one, and the results are averaged
    over the pairs of seeds: so chance that both runs share is not taken for agreement. Where there is one
    seed, it is compared with itself. Columns: low, high, members, seed_pairs, spearman, kendall, and top, the
    share of the members in the best tenth at `low` that are in the best tenth at `high`.
    """
    rows = []
    by_budget = {float(str(amount)): _by_seed(part) for amount, part in runs.groupby("amount")}
    for low, high in combinations(sorted(by_budget), 2):
        one, other = by_budget[low], by_budget[high]
        pairs = [(a, b) for a in one.columns for b in other.columns if a != b]
        pairs = pairs or [(a, b) for a in one.columns for b in other.columns]
        found = [
            agreement(both.iloc[:, 0].to_numpy(), both.iloc[:, 1].to_numpy())
            for a, b in pairs
            if len(both := pd.concat([one[a], other[b]], axis=1).dropna()) >= LEAST
        ]
        if found:
            members = len(one.index.intersection(other.index))
            rows.append((low, high, members, len(found), *np.nanmean(found, axis=0)))
    return pd.DataFrame(rows, columns=["low", "high", "members", "seed_pairs", "spearman", "kendall", "top"])


def agreement(x: Array, y: Array) -> tuple[float, float, float]:
    """Spearman's ρ, Kendall's τ, and the share of the best tenth by `x` that is in the best tenth by `y`."""
    count = max(1, round(TOP * len(x)))
    best = set(np.argsort(-x, kind="stable")[:count]) & set(np.argsort(-y, kind="stable")[:count])
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan"), float("nan"), len(best) / count
    rho, tau = stats.spearmanr(x, y).statistic, stats.kendalltau(x, y).statistic
    return float(rho), float(tau), len(best) / count


def seed_noise(runs: pd.DataFrame) -> pd.DataFrame:
    """The spread over seeds and over members, at each budget, of the members with several seeds.

    Columns: amount, members, seeds (their mean number), mean, sd_seed, sd_member, reliability.
    """
    rows = []
    for amount, part in runs.groupby("amount"):
        groups = part.groupby("architecture")["value"]
        counts = groups.count()
        several = counts[counts > 1].index
        if len(several) < LEAST:
            continue
        kept = counts.loc[several]
        within = float(groups.var().loc[several].mean())
        between = float(groups.mean().loc[several].var() - (within / kept).mean())
        between = max(0.0, between)
        share = between / (between + within) if between + within > 0 else float("nan")
        mean = float(groups.mean().mean())
        rows.append((amount, len(several), float(kept.mean()), mean, within**0.5, between**0.5, share))
    columns = ["amount", "members", "seeds", "mean", "sd_seed", "sd_member", "reliability"]
    return pd.DataFrame(rows, columns=columns)


def variance_shares(runs: pd.DataFrame, factors: pd.DataFrame) -> pd.DataFrame:
    """How much of the variance of `value` each factor explains.

    Args:
        runs: Runs at one budget.
        factors: The levels of each factor, one row an architecture, which is the index; NaN where it does
            not apply. Factors that sort the architectures alike are one factor, under the first name.

    Columns: factor, alone (share of the variance between its levels, where it applies), and added (what the
    linear model of all factors explains less without it). The last rows are all factors together, their
    interactions (what else differs between members), and the seed.
    """
    levels = factors.loc[runs["architecture"]].reset_index(drop=True)
    codes = {name: pd.factorize(levels[name])[0] for name in map(str, levels)}
    kept: dict[str, Array] = {}
    for name, code in codes.items():
        if code.max() > 0 and not any(np.array_equal(code, other) for other in kept.values()):
            kept[name] = code
    value = runs["value"].to_numpy(dtype=float)
    total = float(((value - value.mean()) ** 2).sum())
    if total == 0 or not kept:
        return pd.DataFrame(columns=["factor", "alone", "added"])
    whole = _explained(value, list(kept.values()))
    rows: list[tuple[str, float, float]] = []
    for name, code in kept.items():
        rest = [other for key, other in kept.items() if key != name]
        rows.append((name, _alone(value, code), (whole - _explained(value, rest)) / total))
    member = _between(value, pd.factorize(runs["architecture"])[0])
    between = max(0.0, member - whole - _by_chance(levels, value, total - member, runs))
    last = (("all factors", whole), ("their interactions", between), ("seed", total - whole - between))
    rows += [(name, squares / total, squares / total) for name, squares in last]
    return pd.DataFrame(rows, columns=["factor", "alone", "added"])


def _by_seed(runs: pd.DataFrame) -> pd.DataFrame:
    return runs.pivot_table(index="architecture", columns="seed", values="value", observed=True)


def _by_chance(levels: pd.DataFrame, value: Array, within: float, runs: pd.DataFrame) -> float:
    """The sum of squares between members, beside the linear model, that the noise of seeds alone gives."""
    members = runs["architecture"].nunique()
    if members == len(value):
        return 0.0
    parameters = 1 + sum(levels[name].nunique() - 1 for name in levels)
    return max(0, members - parameters) * within / (len(value) - members)


def _alone(value: Array, code: Array) -> float:
    there = value[code >= 0]
    total = float(((there - there.mean()) ** 2).sum())
    return _between(there, code[code >= 0]) / total if total else 0.0


def _between(value: Array, code: Array) -> float:
    """Sum of squares between the groups of `code`."""
    means = pd.Series(value).groupby(code).transform("mean")
    return float((means - value.mean()).pow(2).sum())


def _explained(value: Array, codes: list[Array]) -> float:
    """Sum of squares that a linear model of categorical factors explains."""
    columns = [np.ones_like(value)]
    for code in codes:
        columns += [(code == level).astype(float) for level in range(1, int(code.max()) + 1)]
    design = np.column_stack(columns)
    fitted = design @ np.linalg.lstsq(design, value, rcond=None)[0]
    return float(((fitted - value.mean()) ** 2).sum())
