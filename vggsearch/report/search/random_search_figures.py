"""What the search and random search had found after each run."""

from collections.abc import Iterable, Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from vggsearch.report.document import BLUE, MUTED, ORANGE, Drawing
from vggsearch.report.figures import label, panel, percent_axis, round_ticks, time_unit
from vggsearch.runs import METRICS, Criterion

_LINES = {"search": (BLUE, "-", 1.8), "baseline": (ORANGE, (0, (4, 1.5)), 1.8)}
"""Colour, dashes and width of a stage."""


def anytime_figure(
    curves: Mapping[str, pd.DataFrame],
    by: Criterion,
    names: Mapping[str, str],
    luck: pd.DataFrame | None,
    luck_of: str,
) -> Drawing:
    """Best validation accuracy so far over training time.

    Args:
        curves: `anytime_best` of each stage.
        by: The column of the accuracy.
        names: Names of the stages in the legend.
        luck: `luck_of_random` of the random trials, if there are any.
        luck_of: Its name in the legend.
    """
    figure, axes = panel()
    accuracy = METRICS[by].label
    unit, seconds = time_unit(max(float(curve["spent_s"].max()) for curve in curves.values()))
    if luck is not None and len(luck):
        axes.fill_between(
            luck["spent_s"] / seconds,
            100 * luck["low"],
            100 * luck["high"],
            color=MUTED,
            alpha=0.18,
            linewidth=0,
            label=luck_of,
            zorder=1,
        )
    for stage, curve in curves.items():
        _stairs(axes, curve["spent_s"] / seconds, 100 * curve[by], stage, names[stage])
    _focus(axes, ((curve["spent_s"], 100 * curve[by]) for curve in curves.values()))
    _time_axes(axes, f"training time spent ({unit})", f"Best {accuracy} (%)")
    caption = (
        f"Best {accuracy} among completed runs, against the training time of all runs so far, failed "
        "and pruned ones included. One search is one draw: it says little about the method in general."
    )
    if luck is not None and len(luck):
        caption += (
            " The band is exact: in nine of ten possible orders of its trials, random search stays inside it."
        )
    data = pd.concat([curve.assign(stage=stage) for stage, curve in curves.items()], ignore_index=True)
    if luck is not None and len(luck):
        data = pd.concat([data, luck.assign(stage="orders of random search")], ignore_index=True)
    return Drawing("anytime_best", "Best so far", caption, figure, data)


def hypervolume_figure(
    curves: Mapping[str, pd.DataFrame], names: Mapping[str, str], reference: str
) -> Drawing:
    """Hypervolume so far over training time.

    `curves` have `trial`, `spent_s` and `hypervolume`; `reference` is the caption.
    """
    figure, axes = panel()
    unit, seconds = time_unit(max(float(curve["spent_s"].max()) for curve in curves.values()))
    for stage, curve in curves.items():
        _stairs(axes, curve["spent_s"] / seconds, curve["hypervolume"], stage, names[stage])
    _focus(axes, ((curve["spent_s"], curve["hypervolume"]) for curve in curves.values()))
    _time_axes(axes, f"training time spent ({unit})", "Hypervolume of the front")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    data = pd.concat([curve.assign(stage=stage) for stage, curve in curves.items()], ignore_index=True)
    return Drawing("anytime_hypervolume", "Hypervolume so far", reference, figure, data)


def _stairs(axes: Axes, x: pd.Series, y: pd.Series, stage: str, name: str) -> None:
    colour, dashes, width = _LINES[stage]
    axes.plot(
        x, y, drawstyle="steps-post", color=colour, linestyle=dashes, linewidth=width, label=name, zorder=3
    )
    axes.plot(
        x.iloc[-1:], y.iloc[-1:], "o" if stage == "search" else "s", color=colour, markersize=4.5, zorder=4
    )


def _focus(axes: Axes, curves: Iterable[tuple[pd.Series, pd.Series]]) -> None:
    """Cut off the values of the first moments, which would flatten the rest."""
    pairs = list(curves)
    top = max(float(y.max()) for _, y in pairs)
    moment = 0.03 * max(float(x.max()) for x, _ in pairs)
    early = [y[x <= moment] for x, y in pairs]
    bottom = min(
        float(y.iloc[0] if first.empty else first.iloc[-1])
        for first, (_, y) in zip(early, pairs, strict=True)
    )
    room = (top - bottom) or abs(top) * 0.01 or 1.0
    axes.set_ylim(bottom - 0.08 * room, top + 0.08 * room)


def _time_axes(axes: Axes, x: str, y: str) -> None:
    axes.set_xlim(left=0)
    round_ticks(axes.xaxis)
    percent_axis(axes)
    label(axes, x, y)
    axes.legend(loc="lower right")
