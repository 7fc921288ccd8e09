"""The effect of one contrast on the accuracy of each class."""

import numpy as np
import pandas as pd

from vggsearch.designs import Contrast
from vggsearch.report.document import BLUE, INK, MUTED, PAPER, Drawing, plain
from vggsearch.report.figures import WIDE, name_sides, panel, signed_ticks

MOST_CLASSES = 20
"""Most classes that are drawn."""


def class_effects_figure(contrast: Contrast, table: pd.DataFrame, level: str) -> Drawing:
    """Mean difference and interval of each class, the largest difference in favour of the claim on top.

    Args:
        contrast: The contrast, which names the sides.
        table: One row for each class: `name`, `mean`, `low`, `high`, `shown`.
        level: Confidence level of the intervals, as printed.
    """
    largest = table.loc[table["mean"].abs().sort_values(ascending=False, kind="stable").index]
    rows = largest.head(MOST_CLASSES).sort_values("mean", ascending=False, kind="stable")
    left = min(2.2, 0.3 + 0.068 * max(map(len, rows["name"])))
    figure, axes = panel((WIDE, 0.95 + 0.24 * max(2, len(rows))), left=left)
    axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
    y = np.arange(len(rows), dtype=float)
    mean = rows["mean"]
    reach = np.vstack([mean - rows["low"].fillna(mean), rows["high"].fillna(mean) - mean])
    axes.hlines(y, 100 * (mean - reach[0]), 100 * (mean + reach[1]), color=MUTED, linewidth=1.4, zorder=2)
    for shown, colour in ((True, BLUE), (False, PAPER)):
        of = rows["shown"].to_numpy() == shown
        axes.plot(
            100 * mean[of], y[of], "o", color=colour, markeredgecolor=INK, markeredgewidth=0.8, zorder=3
        )
    axes.set_yticks(y, list(rows["name"]))
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("difference in test accuracy of the class (pp)")
    signed_ticks(axes.xaxis, 7)
    ends = f"{plain(contrast.worse, 22)} better", f"{plain(contrast.better, 22)} better"
    if contrast.question == "do they interact":
        ends = "negative", "positive"
    name_sides(axes, ends[0], ends[1])
    largest_of = f" The {MOST_CLASSES} largest of {len(table)}." if len(table) > MOST_CLASSES else ""
    caption = (
        f"{plain(contrast.name)}: mean over pairs and paired-t {level} interval, not corrected for the "
        f"number of classes. Filled: shown after Holm's correction over all classes.{largest_of}"
    )
    return Drawing("class_effects", "Differences by class", caption, figure, rows)
