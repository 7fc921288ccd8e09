"""Finalists: the value that selected them, and fresh seeds."""

import numpy as np
import pandas as pd

from vggsearch.report.document import BLUE, INK, ORANGE, PAPER, Drawing
from vggsearch.report.figures import PANEL, panel


def finalist_figure(finalists: pd.DataFrame) -> Drawing:
    """Accuracy of each finalist in the search, and with fresh seeds on validation and on the test set."""
    rows = finalists.reset_index(drop=True)
    figure, axes = panel((PANEL[0], 1.05 + 0.42 * max(2, len(rows))), left=0.45)
    y = -np.arange(len(rows), dtype=float)
    for column, low, high, shift, colour, marker, name in (
        ("val_mean", "val_low", "val_high", 0.0, BLUE, "o", "fresh seeds, validation"),
        ("test_mean", "test_low", "test_high", -0.24, ORANGE, "s", "fresh seeds, test"),
    ):
        mean = rows[column].astype(float)
        reach = np.vstack([mean - rows[low].fillna(mean), rows[high].fillna(mean) - mean]).astype(float)
        axes.errorbar(
            100 * mean,
            y + shift,
            xerr=100 * reach,
            fmt=marker,
            color=colour,
            markeredgecolor=INK,
            markeredgewidth=0.6,
            ecolor=INK,
            markersize=5.5,
            elinewidth=1.0,
            capsize=2,
            label=name,
            zorder=3,
        )
    axes.plot(
        100 * rows["search_val"],
        y + 0.24,
        "D",
        markersize=5,
        markerfacecolor=PAPER,
        color=INK,
        label="search, validation",
    )
    axes.set_yticks(y, rows["mark"])
    axes.set_ylim(-len(rows) + 0.45, 0.55)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("accuracy (%)")
    handles, names = axes.get_legend_handles_labels()
    order = [
        names.index(name) for name in ("search, validation", "fresh seeds, validation", "fresh seeds, test")
    ]
    axes.legend(
        [handles[i] for i in order],
        [names[i] for i in order],
        loc="lower left",
        bbox_to_anchor=(-0.08, 1.0),
        ncols=3,
        columnspacing=1.0,
        handletextpad=0.2,
    )
    caption = (
        "The value that selected a finalist (one seed, validation), and the means of its fresh seeds with "
        "95 % t intervals. Selection makes the first value too high; their difference is the optimism."
    )
    return Drawing("finalists", "Finalists: promised and kept", caption, figure, rows)
