"""Means of a factorial's cells. Lines that are not parallel show an interaction."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from vggsearch.report.document import PAPER, Drawing
from vggsearch.report.figures import MARKERS, label, panel_grid, percent_axis, rows_of

MOST_PANELS = 6
"""Only the CSV file has further pairs of factors."""


def interaction_figure(cells: pd.DataFrame, accuracy: str) -> Drawing:
    """A panel for every two factors: the first along the axis, one line for each level of the second.

    `cells` is from `interaction_cells`; `accuracy` says what its means are of: `test accuracy`.
    """
    groups = list(cells.groupby(["factor", "other"], sort=False))
    shown = groups[:MOST_PANELS]
    across = min(2, len(shown))
    margins = {"left": 0.5, "right": 0.12, "top": 0.42}
    total = 2.5 * rows_of(len(shown), across) + 0.3
    figure, panels = panel_grid(len(shown), across, total, wspace=0.22, hspace=0.62, **margins)
    for axes, (_, own) in zip(panels, shown, strict=True):
        _panel(axes, own, accuracy)
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
            marker=MARKERS[i % len(MARKERS)],
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
