"""Selection of runs, and its check with fresh seeds. Pure: `StudyResults.frame` in, tables out.

Selection uses only validation accuracy, and only completed runs of the stages `search` and `baseline`. The
best of many equally good candidates looks better than it is; `finalist_table` shows by how much.
"""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from vggsearch.analysis.pareto import front, thin_front
from vggsearch.runs import ARCHITECTURE_COLUMNS

CONFIDENCE = 0.95

_SUMMARY = ("mean", "sd", "low", "high")

FINALIST_COLUMNS = (
    "search_val",
    "n",
    *(f"val_{name}" for name in _SUMMARY),
    *(f"test_{name}" for name in _SUMMARY),
    "optimism",
    "test_optimism",
)


def candidates(frame: pd.DataFrame) -> pd.DataFrame:
    """Runs that may be selected: completed search and baseline runs, once each, in the frame's order."""
    chosen = frame[
        frame["stage"].isin(["search", "baseline"])
        & (frame["outcome"] == "completed")
        & frame["val_accuracy"].notna()
    ]
    return chosen.drop_duplicates("digest")


def finalists(
    frame: pd.DataFrame,
    count: int,
    objectives: Sequence[str] = ("val_accuracy",),
    reference: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """At most `count` candidates to train again, most accurate first; every architecture once.

    These are the front of `objectives`, thinned by `thin_front` where it has more than `count`; where it has
    fewer, the front of the remaining candidates is added, and so on. With accuracy as the only objective they
    are the `count` most accurate. Candidates worse than the hypervolume's `reference` in some objective are
    taken only where there are too few others.
    """
    left = candidates(frame).sort_values("val_accuracy", ascending=False, kind="stable")
    left = left.drop_duplicates("architecture")
    counts = pd.Series(True, index=left.index)
    for name, limit in (reference or {}).items():
        counts &= left[name] >= limit if name == "val_accuracy" else left[name] <= limit
    chosen = left.iloc[:0]
    for pool in (left[counts], left[~counts]):
        while len(chosen) < count and not (layer := front(pool, objectives)).empty:
            chosen = pd.concat([chosen, thin_front(layer, objectives, count - len(chosen))])
            pool = pool.drop(index=layer.index)
    return chosen.sort_values("val_accuracy", ascending=False, kind="stable")


def best(frame: pd.DataFrame) -> "pd.Series | None":
    """The candidate with the highest validation accuracy, then the fewest MACs; None if there is none."""
    ranked = candidates(frame).sort_values(["val_accuracy", "macs"], ascending=[False, True], kind="stable")
    return next((row for _, row in ranked.iterrows()), None)


def cheapest_within(frame: pd.DataFrame, points: float = 0.01, cost: str = "macs") -> "pd.Series | None":
    """The cheapest candidate with a validation accuracy at most `points` below the best.

    `points` is a fraction: 0.01 is one percentage point. Of equally cheap candidates the most accurate is
    taken; None where there is no candidate.
    """
    top = best(frame)
    if top is None:
        return None
    found = candidates(frame)
    # A difference of exactly `points` counts as within, in spite of rounding.
    close = found[found["val_accuracy"] >= top["val_accuracy"] - points - 1e-12]
    ranked = close.sort_values([cost, "val_accuracy"], ascending=[True, False], kind="stable")
    return next((row for _, row in ranked.iterrows()), None)


def finalist_table(frame: pd.DataFrame) -> pd.DataFrame:
    """One row for each finalist, highest `val_mean` first: `ARCHITECTURE_COLUMNS` and `FINALIST_COLUMNS`.

    `search_val` is the validation accuracy that selected it (its best among candidates; missing where there
    is none), `n` the number of completed runs with fresh seeds, `val_*` and `test_*` their mean, standard
    deviation (n − 1) and 95 % t interval; `optimism` is `search_val − val_mean`, `test_optimism` is
    `search_val − test_mean`. Finalists without a completed run have n = 0.
    """
    fresh = frame[frame["stage"] == "finalists"].drop_duplicates("digest")
    promised = candidates(frame).groupby("architecture")["val_accuracy"].max()
    rows: list[dict[Hashable, object]] = []
    for architecture, runs in fresh.groupby("architecture", sort=False):
        completed = runs[runs["outcome"] == "completed"]
        search_val = float(promised.get(architecture, np.nan))
        val, test = summary(completed["val_accuracy"]), summary(completed["test_accuracy"])
        rows.append(
            {
                **runs.iloc[0][list(ARCHITECTURE_COLUMNS)].to_dict(),
                "search_val": search_val,
                "n": len(completed),
                **{f"val_{name}": value for name, value in val.items()},
                **{f"test_{name}": value for name, value in test.items()},
                "optimism": search_val - val["mean"],
                "test_optimism": search_val - test["mean"],
            }
        )
    table = pd.DataFrame(rows, columns=[*ARCHITECTURE_COLUMNS, *FINALIST_COLUMNS])
    return table.sort_values("val_mean", ascending=False, kind="stable", ignore_index=True)


def summary(values: pd.Series) -> dict[str, float]:
    """Mean, standard deviation (n − 1) and 95 % t interval of the mean; NaN where undefined."""
    known = values.dropna().to_numpy(dtype=float)
    if len(known) == 0:
        return dict.fromkeys(_SUMMARY, np.nan)
    mean = float(known.mean())
    if len(known) == 1:
        return {"mean": mean, "sd": np.nan, "low": np.nan, "high": np.nan}
    error = float(stats.sem(known))
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(known) - 1)) * error
    return {"mean": mean, "sd": float(known.std(ddof=1)), "low": mean - reach, "high": mean + reach}
