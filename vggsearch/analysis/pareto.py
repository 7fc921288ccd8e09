"""Dominance, fronts and hypervolume over a table of runs. Pure: a DataFrame in, a DataFrame or a number out.

An objective is a column of `vggsearch.runs.METRICS`, which says whether more or less of it is better. Rows in
which an objective is missing are left out.

For volumes, costs (every metric with a logarithmic axis) are replaced by their log10, and accuracies stay
fractions: halving a cost then counts the same at any cost. With the objectives `val_accuracy, macs` the unit
of a hypervolume is accuracy × decades of MACs. moocore computes it
(https://multi-objective.github.io/moocore/).
"""

from collections.abc import Mapping, Sequence

import moocore
import numpy as np
import numpy.typing as npt
import pandas as pd

from vggsearch.runs import METRICS

Points = npt.NDArray[np.float64]

_MARGIN = 0.1
"""Distance of the reference of `thin_front` beyond a front's worst values, as a share of its extent."""


def dominates(first: Mapping[str, float], second: Mapping[str, float], objectives: Sequence[str]) -> bool:
    """Whether `first` is at least as good as `second` in every objective, and better in one."""
    signs = _signs(objectives)
    gains = [sign * (first[name] - second[name]) for sign, name in zip(signs, objectives, strict=True)]
    return all(gain >= 0 for gain in gains) and any(gain > 0 for gain in gains)


def front(frame: pd.DataFrame, objectives: Sequence[str]) -> pd.DataFrame:
    """The rows that no other row dominates, best in the first objective first.

    Of rows that are equal in every objective the first is kept, so that a run that answered two trials occurs
    once.
    """
    known = _known(frame, objectives)
    if known.empty:
        return known
    kept: npt.NDArray[np.bool_] = moocore.is_nondominated(
        _values(known, objectives), maximise=_maximise(objectives)
    )
    return known.loc[kept].sort_values(list(objectives), ascending=_ascending(objectives), kind="stable")


def staircase(frame: pd.DataFrame, cost: str, accuracy: str = "val_accuracy") -> pd.DataFrame:
    """The front of two objectives, cheapest row first; `drawstyle="steps-post"` draws it as a staircase.

    Costs and accuracies both increase strictly from row to row.
    """
    return front(frame, (accuracy, cost)).iloc[::-1]


def hypervolume(frame: pd.DataFrame, objectives: Sequence[str], reference: Mapping[str, float]) -> float:
    """Volume that the rows of `frame` dominate, bounded by `reference`.

    Rows that are not better than the reference in every objective add nothing.

    Args:
        reference: A value for each objective, in the unit of its column; costs above 0.
    """
    known = _known(frame, objectives)
    if known.empty:
        return 0.0
    at = _scaled(np.array([[reference[name] for name in objectives]], dtype=float), objectives)[0]
    scaled = _scaled(_values(known, objectives), objectives)
    return float(moocore.hypervolume(scaled, ref=at, maximise=_maximise(objectives)))


def hypervolume_over_trials(
    frame: pd.DataFrame, objectives: Sequence[str], reference: Mapping[str, float]
) -> pd.Series:
    """The hypervolume of each row and all rows before it, indexed as `frame`: the anytime curve.

    Rows in which an objective is missing (runs that did not complete) repeat the value before them.
    """
    at = _scaled(np.array([[reference[name] for name in objectives]], dtype=float), objectives)
    # moocore minimises; with the reference at the origin only points below it in every objective add volume.
    signs = -np.array(_signs(objectives))
    points = (_scaled(_values(frame, objectives), objectives) - at) * signs
    best = np.empty((0, len(objectives)))
    volumes = np.zeros(len(frame))
    volume = 0.0
    for i, point in enumerate(points):
        if bool(np.all(point < 0)) and not bool(np.any(np.all(best <= point, axis=1))):
            best = moocore.filter_dominated(np.vstack([best, point]))
            volume = float(moocore.hypervolume(best, ref=np.zeros(len(objectives))))
        volumes[i] = volume
    return pd.Series(volumes, index=frame.index, name="hypervolume")


def thin_front(frame: pd.DataFrame, objectives: Sequence[str], count: int) -> pd.DataFrame:
    """At most `count` rows of the front that keep most of its hypervolume, in the front's order.

    The row that adds least is dropped repeatedly, but never the best one in the first objective. The
    reference lies a tenth of the front's extent beyond its worst values, so that both ends of the front
    count (Ishibuchi et al. 2018, https://doi.org/10.1162/evco_a_00226).
    """
    rows = front(frame, objectives)
    scaled = _scaled(_values(rows, objectives), objectives) * -np.array(_signs(objectives))
    kept = np.arange(len(rows))
    if len(rows) > count:
        low, high = scaled.min(axis=0), scaled.max(axis=0)
        extent = np.where(high > low, high - low, 1.0)
        scaled = (scaled - low) / extent
    while len(kept) > max(count, 1):
        added = moocore.hv_contributions(scaled[kept], ref=np.full(len(objectives), 1 + _MARGIN))
        kept = np.delete(kept, 1 + int(np.argmin(added[1:])))
    return rows.iloc[kept[:count]]


def _known(frame: pd.DataFrame, objectives: Sequence[str]) -> pd.DataFrame:
    return frame[frame[list(objectives)].notna().all(axis=1)]


def _values(frame: pd.DataFrame, objectives: Sequence[str]) -> Points:
    return frame[list(objectives)].to_numpy(dtype=np.float64, na_value=np.nan)


def _signs(objectives: Sequence[str]) -> list[float]:
    """+1 where more is better, -1 where less is better."""
    return [1.0 if up else -1.0 for up in _maximise(objectives)]


def _maximise(objectives: Sequence[str]) -> list[bool]:
    directions = [METRICS[name].better for name in objectives]
    if None in directions:
        raise ValueError(
            f"an objective has a direction in METRICS, and one of {', '.join(objectives)} has none"
        )
    return [direction == "higher" for direction in directions]


def _ascending(objectives: Sequence[str]) -> list[bool]:
    return [not up for up in _maximise(objectives)]


def _scaled(values: Points, objectives: Sequence[str]) -> Points:
    scaled = values.copy()
    for column, name in enumerate(objectives):
        if METRICS[name].axis == "log":
            with np.errstate(divide="ignore"):
                scaled[:, column] = np.log10(scaled[:, column])
    return scaled
