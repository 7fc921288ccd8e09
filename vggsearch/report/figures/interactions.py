"""Means of a factorial's cells: lines that are not parallel interact."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from vggsearch.report.document import PAPER, Drawing
from vggsearch.report.figures.style import label, percent_axis

MOST_PANELS = 6
"""More pairs of factors than that are in the CSV file alone."""

_WIDTH, _HEIGHT = 5.3, 2.5
"""Inches of the figure, and of a row of panels."""

_MARKERS = "osD^vP*X"


def interaction_figure(cells: pd.DataFrame, accuracy: str) -> Drawing:
    """A panel for every two factors, from `interaction_cells`: one along the axis, a line a level of the
    other. `accuracy` is what their means are of: `test accuracy`."""
    groups = list(cells.groupby(["factor", "other"], sort=False))
    shown = groups[:MOST_PANELS]
    across = min(2, len(shown))
    down = -(-len(shown) // across)
    size = (_WIDTH, _HEIGHT * down + 0.3)
    figure = Figure(figsize=size)
    FigureCanvasAgg(figure)
    axes = figure.subplots(down, across, squeeze=False, sharey=True)
    for place, (_, own) in zip(axes.flat, shown, strict=False):
        _panel(place, own, accuracy)
    for place in list(axes.flat)[len(shown) :]:
        place.set_axis_off()
    figure.subplots_adjust(
        left=0.5 / size[0],
        right=1 - 0.12 / size[0],
        bottom=0.48 / size[1],
        top=1 - 0.42 / size[1],
        wspace=0.22,
        hspace=0.62,
    )
    left = f" {MOST_PANELS} of {len(groups)} pairs of factors." if len(groups) > MOST_PANELS else ""
    caption = (
        f"Mean {accuracy} over all seeds, and over the levels of the other factors; bars: one standard "
        f"error. Parallel lines: no interaction.{left}"
    )
    return Drawing("cell_means", "Means of cells", caption, figure, cells)


def _panel(axes: Axes, own: pd.DataFrame, accuracy: str) -> None:
    levels, others = list(dict.fromkeys(own["level"])), list(dict.fromkeys(own["other_level"]))
    colours = sns.color_palette("viridis_r", as_cmap=True)
    for i, other in enumerate(others):
        line = own[own["other_level"] == other]
        colour = colours(0.2 + 0.8 * i / max(1, len(others) - 1))
        axes.errorbar(
            [levels.index(level) + 0.05 * (i - (len(others) - 1) / 2) for level in line["level"]],
            100 * line["mean"],
            yerr=100 * line["se"].fillna(0.0),
            color=colour,
            marker=_MARKERS[i % len(_MARKERS)],
            markeredgecolor=PAPER,
            markersize=6,
            linewidth=1.5,
            elinewidth=1.0,
            label=f"{own['other'].iloc[0]} {other}",
        )
    axes.set_xticks(range(len(levels)), levels)
    axes.margins(x=0.15)
    percent_axis(axes, most=5)
    label(axes, str(own["factor"].iloc[0]), f"{accuracy.capitalize()} (%)")
    axes.legend(loc="best", fontsize=7.5, handlelength=1.4)
