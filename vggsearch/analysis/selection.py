"""Selection of runs, and its check with fresh seeds. Pure: `StudyResults.frame` in, tables out.

Selection uses only one accuracy on validation, `by`, and only completed runs of the stages `search` and
`baseline`. Of equally accurate nets `vggsearch.runs.standing` says which is better. The best of many equally
good candidates looks better than it is; `finalist_table` shows by how much.
"""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from vggsearch.analysis.pareto import front, thin_front
from vggsearch.runs import ARCHITECTURE_COLUMNS, Criterion, standing

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


def candidates(frame: pd.DataFrame, by: Criterion = "val_accuracy") -> pd.DataFrame:
    """Runs that may be selected: completed search and baseline runs, once each, in the frame's order."""
    chosen = frame[
        frame["stage"].isin(["search", "baseline"]) & (frame["outcome"] == "completed") & frame[by].notna()
    ]
    return chosen.drop_duplicates("digest")


def best_first(frame: pd.DataFrame, by: Criterion = "val_accuracy") -> pd.DataFrame:
    """The rows in the order of `vggsearch.runs.standing`, the best first."""
    columns = (frame[name] for name in (by, "macs", "params", "architecture"))
    keys = [standing(*row) for row in zip(*columns, strict=True)]
    return frame.iloc[sorted(range(len(frame)), key=keys.__getitem__)]


def finalists(
    frame: pd.DataFrame,
    count: int,
    objectives: Sequence[str] = ("val_accuracy",),
    reference: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """At most `count` candidates to train again, the best first; every architecture once.

    These are the front of `objectives`, thinned by `thin_front` where it has more than `count`; where it has
    fewer, the front of the remaining candidates is added, and so on. The best candidate is always among them,
    also where one that is as accurate and cheaper in an objective keeps it off the front. With accuracy as
    the only objective they are the `count` most accurate. Candidates worse than the hypervolume's `reference`
    in some objective are taken only where there are too few others.
    """
    by = criterion_of(objectives)
    left = best_first(candidates(frame, by), by).drop_duplicates("architecture")
    counts = pd.Series(True, index=left.index)
    for name, limit in (reference or {}).items():
        counts &= left[name] >= limit if name == by else left[name] <= limit
    chosen = left.iloc[:0]
    for pool in (left[counts], left[~counts]):
        while len(chosen) < count and not (layer := front(pool, objectives)).empty:
            top = pool.iloc[:1].drop(index=layer.index, errors="ignore")
            more = thin_front(layer, objectives, count - len(chosen) - len(top))
            chosen = pd.concat([chosen, top, more])
            pool = pool.drop(index=[*top.index, *layer.index])
    return best_first(chosen, by)


def criterion_of(objectives: Sequence[str]) -> Criterion:
    """The first objective, by which nets are ranked."""
    return "val_balanced_accuracy" if objectives[0] == "val_balanced_accuracy" else "val_accuracy"


def best(frame: pd.DataFrame, by: Criterion = "val_accuracy") -> "pd.Series | None":
    """The candidate that comes first by `vggsearch.runs.standing`; None if there is none."""
    return next((row for _, row in best_first(candidates(frame, by), by).iterrows()), None)


def cheapest_within(
    frame: pd.DataFrame, points: float = 0.01, cost: str = "macs", by: Criterion = "val_accuracy"
) -> "pd.Series | None":
    """The cheapest candidate with a validation accuracy at most `points` below the best.

    `points` is a fraction: 0.01 is one percentage point. Of equally cheap candidates the best is taken; None
    where there is no candidate.
    """
    found = best_first(candidates(frame, by), by)
    # A difference of exactly `points` counts as within, in spite of rounding.
    close = found[found[by] >= found[by].max() - points - 1e-12]
    return next((row for _, row in close.sort_values(cost, kind="stable").iterrows()), None)


def finalist_table(frame: pd.DataFrame, by: Criterion = "val_accuracy") -> pd.DataFrame:
    """One row for each finalist, highest `val_mean` first: `ARCHITECTURE_COLUMNS` and `FINALIST_COLUMNS`.

    `search_val` is the validation accuracy that selected it (its best among candidates; missing where there
    is none), `n` the number of completed runs with fresh seeds, `val_*` and `test_*` their mean, standard
    deviation (n − 1) and 95 % t interval; `optimism` is `search_val − val_mean`, `test_optimism` is
    `search_val − test_mean`. Finalists without a completed run have n = 0. All these are balanced accuracies
    where `by` is one.
    """
    fresh = frame[frame["stage"] == "finalists"].drop_duplicates("digest")
    promised = candidates(frame, by).groupby("architecture")[by].max()
    rows: list[dict[Hashable, object]] = []
    for architecture, runs in fresh.groupby("architecture", sort=False):
        completed = runs[runs["outcome"] == "completed"]
        search_val = float(promised.get(architecture, np.nan))
        val, test = (summary(completed[name]) for name in (by, by.replace("val_", "test_")))
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
