"""What a study had found after each run, and how much of it is due to the order of the runs."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import gammaln

from vggsearch.runs import Criterion

FloatArray = npt.NDArray[np.float64]


def spent(stage: pd.DataFrame) -> pd.DataFrame:
    """The trials of one stage in the order in which they ended, with the time spent so far.

    Adds `trial` (from 1) and `spent_s`: the training seconds of this and all earlier trials, including
    failed, pruned and cached ones. A run that answered several trials counts once.
    """
    ended = stage.sort_values(["told_at", "number"], kind="stable")
    paid = ended["train_s"].fillna(0.0).where(~ended["digest"].duplicated() | ended["digest"].isna(), 0.0)
    return ended.assign(trial=np.arange(1, len(ended) + 1), spent_s=paid.cumsum())


def anytime_best(stage: pd.DataFrame, by: Criterion = "val_accuracy") -> pd.DataFrame:
    """Best accuracy `by` of the completed runs so far, as the corners of a staircase.

    Columns: `trial`, `spent_s`, `by` and `architecture` of the best run. The last row is the end of
    the stage.
    """
    ended = spent(stage)
    value = ended[by].where(ended["outcome"] == "completed")
    best = value.cummax().ffill()
    holder = ended["architecture"].where(value.notna() & (value == best) & (best != best.shift())).ffill()
    steps = ended[["trial", "spent_s"]].assign(**{by: best}, architecture=holder)
    return _corners(steps, by)


def _corners(steps: pd.DataFrame, column: str) -> pd.DataFrame:
    """The rows where `column` changes, and the last row; they are enough to draw the staircase."""
    kept = steps[column].notna() & (steps[column] != steps[column].shift())
    if len(steps):
        kept.iloc[-1] = bool(steps[column].notna().iloc[-1])
    return steps[kept].reset_index(drop=True)


def luck_of_random(
    stage: pd.DataFrame, by: Criterion = "val_accuracy", *, low: float = 0.05, high: float = 0.95
) -> pd.DataFrame:
    """Quantiles of the best of the first k trials of random search, over all orders of its N trials.

    Exact, without resampling: the best of k drawn without replacement is at most the j-th smallest of N with
    probability C(j, k) / C(N, k) (Dodge et al., EMNLP 2019, for draws with replacement). A failed trial
    counts as worse than any other. Columns: `trial`, `spent_s` (k times the mean cost of a trial), `low`,
    `median`, `high`; at most 200 rows.
    """
    ended = spent(stage)
    total = len(ended)
    if total < 2:
        return pd.DataFrame(columns=["trial", "spent_s", "low", "median", "high"], dtype=float)
    value = ended[by].where(ended["outcome"] == "completed").fillna(-np.inf)
    ordered = np.sort(value.to_numpy(dtype=float))
    drawn = np.unique(np.linspace(1, total, min(total, 200)).round().astype(int))
    mean_s = float(ended["spent_s"].iloc[-1]) / total
    quantiles = [_best_of(ordered, int(k), (low, 0.5, high)) for k in drawn]
    band = pd.DataFrame(np.array(quantiles), columns=["low", "median", "high"]).replace(-np.inf, np.nan)
    return pd.concat([pd.DataFrame({"trial": drawn, "spent_s": drawn * mean_s}), band], axis=1)


def _best_of(ordered: FloatArray, k: int, levels: tuple[float, ...]) -> FloatArray:
    """Quantiles of the largest of `k` values drawn without replacement from `ordered`, an ascending array."""
    total = len(ordered)
    at = np.arange(k, total + 1)
    # log of C(j, k) / C(N, k): the chance that all k drawn are among the j smallest
    chance = gammaln(at + 1) - gammaln(at - k + 1) - gammaln(total + 1) + gammaln(total - k + 1)
    return np.take(ordered, k - 1 + np.searchsorted(chance, np.log(levels) - 1e-12), mode="clip")
