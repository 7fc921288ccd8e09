"""Learning curves of the front."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from vggsearch.report.document import Drawing, tick
from vggsearch.report.figures import PANEL, apart, label, letter, panel, percent_axis

_MARK_PT = 9
"""Room of a letter, in points."""

MOST_CURVES = 10
"""More learning curves would hide each other; the front is then thinned evenly."""

_CURVE_DATA = "run architecture step images fraction train_s train_loss val_accuracy val_loss"


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
    percent_axis(axes)
    if x == "fraction":
        axes.set_xlim(0, 104)
    else:
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value) if value else "0"))
    name = "budget spent (%)" if x == "fraction" else "training images seen"
    label(axes, name, "Validation accuracy (%)")
    _end_marks(axes, ends, marks)
    words = "fraction of the budget spent" if x == "fraction" else "training images seen"
    thinned = f" {len(chosen)} of the front's {len(front)} members." if len(chosen) < len(front) else ""
    caption = (
        f"Validation accuracy against {words}, lighter for fewer MACs; letters as in table 1.{thinned} "
        "Before the end of a run it is measured on a fixed part of the validation images."
    )
    name = "curves_budget" if x == "fraction" else "curves_images"
    return Drawing(name, f"Learning curves by {words}", caption, figure, shown[_CURVE_DATA.split()])


def _end_marks(axes: Axes, ends: list[tuple[float, float]], marks: list[str]) -> None:
    """Each curve's letter at its end; letters that would overlap are moved up and down."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    place = axes.get_position()
    across, up = place.width * PANEL[0] * 72 / (right - left), place.height * PANEL[1] * 72 / (high - low)
    for group in _near([x * across for x, _ in ends]):
        placed = apart([ends[i][1] * up for i in group], _MARK_PT)
        over = max(0.0, max(placed) - high * up)
        for i, y in zip(group, placed, strict=True):
            offset = (5, y - over - ends[i][1] * up)
            letter(axes, marks[i], ends[i], offset, "left", "center", clip=False)


def _near(positions: list[float]) -> list[list[int]]:
    """Indices in groups whose neighbours are less than a letter's width apart."""
    groups: list[list[int]] = []
    for i in sorted(range(len(positions)), key=positions.__getitem__):
        if not groups or positions[i] - positions[groups[-1][-1]] > _MARK_PT:
            groups.append([])
        groups[-1].append(i)
    return groups
