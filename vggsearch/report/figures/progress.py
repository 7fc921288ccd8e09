"""What was found when: anytime curves of the search and of random search, learning curves of the front."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from vggsearch.report.document import BLUE, INK, MUTED, ORANGE, Drawing, tick
from vggsearch.report.figures.style import PANEL, apart, label, panel, percent_axis

_LINES = {"search": (BLUE, "-", 1.8), "baseline": (ORANGE, (0, (4, 1.5)), 1.8)}
"""Colour, dashes and width of a stage."""

_MARK_PT = 9
"""Room of a letter, in points."""

MOST_CURVES = 10
"""More learning curves than that hide each other; the front is then thinned evenly."""


def anytime_figure(
    curves: Mapping[str, pd.DataFrame], names: Mapping[str, str], luck: pd.DataFrame | None, luck_of: str
) -> Drawing:
    """Best validation accuracy so far over training time.

    Args:
        curves: `anytime_best` of each stage.
        names: What a stage is called in the legend.
        luck: `luck_of_random` of the random trials, if there are any.
        luck_of: The legend's words for it.
    """
    figure, axes = panel()
    unit, seconds = _time_unit(max(float(curve["spent_s"].max()) for curve in curves.values()))
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
        _stairs(axes, curve["spent_s"] / seconds, 100 * curve["val_accuracy"], stage, names[stage])
    _focus(axes, ((curve["spent_s"], 100 * curve["val_accuracy"]) for curve in curves.values()))
    _time_axes(axes, f"training time spent ({unit})", "Best validation accuracy (%)")
    caption = (
        "Best validation accuracy among completed runs, against the training time that all runs up to then "
        "had taken, failed and "
        "pruned ones included. One search is one draw: it says little about the method in general."
    )
    if luck is not None and len(luck):
        caption += (
            " The band is exact: nine in ten orders in which the random trials could have come keep random "
            "search inside it."
        )
    data = pd.concat([curve.assign(stage=stage) for stage, curve in curves.items()], ignore_index=True)
    if luck is not None and len(luck):
        data = pd.concat([data, luck.assign(stage="orders of random search")], ignore_index=True)
    return Drawing("anytime_best", "Best so far", caption, figure, data)


def hypervolume_figure(
    curves: Mapping[str, pd.DataFrame], names: Mapping[str, str], reference: str
) -> Drawing:
    """Hypervolume so far over training time; `curves` have `trial`, `spent_s` and `hypervolume`, `reference`
    is in words."""
    figure, axes = panel()
    unit, seconds = _time_unit(max(float(curve["spent_s"].max()) for curve in curves.values()))
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
    """Leave out what was reached in the first moments, which would flatten the rest."""
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
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    percent_axis(axes)
    label(axes, x, y)
    axes.legend(loc="lower right")


def _time_unit(longest_s: float) -> tuple[str, float]:
    if longest_s < 180:
        return "s", 1.0
    return ("min", 60.0) if longest_s < 3 * 3600 else ("h", 3600.0)


def curve_figure(curves: pd.DataFrame, front: pd.DataFrame, x: str) -> Drawing:
    """Learning curves of the front.

    Args:
        curves: `curves_frame` of the members' runs.
        front: Members in the order of their MACs: `run`, `mark`, `macs`.
        x: `fraction` of the budget or training `images`.
    """
    figure, axes = panel()
    named = front[front["mark"] != ""]
    chosen = named.iloc[
        np.unique(np.linspace(0, len(named) - 1, min(len(named), MOST_CURVES)).round().astype(int))
    ]
    colours = sns.color_palette("viridis_r", as_cmap=True)(np.linspace(0.15, 1, len(chosen)))
    scale = 100.0 if x == "fraction" else 1.0
    ends: list[tuple[float, float]] = []
    marks: list[str] = []
    for colour, (run, mark) in zip(
        colours, chosen[["run", "mark"]].itertuples(index=False, name=None), strict=True
    ):
        curve = curves[curves["run"] == run]
        if curve.empty:
            continue
        axes.plot(scale * curve[x], 100 * curve["val_accuracy"], color=colour, linewidth=1.5)
        ends.append((scale * float(curve[x].iloc[-1]), 100 * float(curve["val_accuracy"].iloc[-1])))
        marks.append(mark)
    shown = curves[curves["run"].isin(chosen["run"])]
    floor = 100 * float(shown["val_accuracy"].quantile(0.12)) if len(shown) else 0.0
    top = max((y for _, y in ends), default=1.0)
    axes.set_ylim(min(floor, top - 1) - 0.5, top + 0.06 * (top - floor) + 0.3)
    _time_axes_of_curves(axes, x)
    _end_marks(axes, ends, marks)
    words = "fraction of the budget spent" if x == "fraction" else "training images seen"
    thinned = f" {len(chosen)} of the front's {len(front)} members." if len(chosen) < len(front) else ""
    caption = (
        f"Validation accuracy against {words}, lighter for fewer MACs; letters as in table 1.{thinned} "
        f"Before the end it is measured on "
        "a fixed part of the validation images."
    )
    name = "curves_budget" if x == "fraction" else "curves_images"
    return Drawing(name, f"Learning curves by {words}", caption, figure, shown[_CURVE_DATA])


_CURVE_DATA = [
    "run",
    "architecture",
    "step",
    "images",
    "fraction",
    "train_s",
    "train_loss",
    "val_accuracy",
    "val_loss",
]


def _time_axes_of_curves(axes: Axes, x: str) -> None:
    percent_axis(axes)
    if x == "fraction":
        axes.set_xlim(0, 104)
        label(axes, "budget spent (%)", "Validation accuracy (%)")
    else:
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value) if value else "0"))
        label(axes, "training images seen", "Validation accuracy (%)")


def _end_marks(axes: Axes, ends: list[tuple[float, float]], marks: list[str]) -> None:
    """Each curve's letter at its end; those that would cover each other are moved up and down."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    place = axes.get_position()
    across, up = place.width * PANEL[0] * 72 / (right - left), place.height * PANEL[1] * 72 / (high - low)
    for group in _near([x * across for x, _ in ends]):
        placed = apart([ends[i][1] * up for i in group], _MARK_PT)
        over = max(0.0, max(placed) - high * up)
        for i, y in zip(group, placed, strict=True):
            axes.annotate(
                marks[i],
                ends[i],
                (5, y - over - ends[i][1] * up),
                textcoords="offset points",
                ha="left",
                va="center",
                fontsize=8,
                fontweight="bold",
                color=INK,
                annotation_clip=False,
            )


def _near(positions: list[float]) -> list[list[int]]:
    """Indices in groups whose neighbours are less than a letter's width apart."""
    groups: list[list[int]] = []
    for i in sorted(range(len(positions)), key=positions.__getitem__):
        if not groups or positions[i] - positions[groups[-1][-1]] > _MARK_PT:
            groups.append([])
        groups[-1].append(i)
    return groups
