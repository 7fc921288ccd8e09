"""Accuracy of each class, of several nets or arms side by side."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from vggsearch.report.document import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, Drawing
from vggsearch.report.figures.style import MARKERS, WIDE, first_of, panel, round_ticks

MOST_CLASSES = 20
"""Most classes that are drawn."""

_COLOURS = (BLUE, ORANGE, GREEN, PURPLE)


def class_accuracy_figure(means: pd.DataFrame, arms: Mapping[str, str]) -> Drawing:
    """Mean accuracy of each class with its interval, the hardest class on top.

    Args:
        means: One row for each arm and class: `arm`, `class`, `name`, `mean`, `low`, `high`.
        arms: The arms to draw, at most four, and their labels. The first one orders the classes.
    """
    first = means[means["arm"] == next(iter(arms))].dropna(subset="mean")
    hardest = first.sort_values("mean", kind="stable")
    shown = hardest.head(MOST_CLASSES)
    names = dict(zip(shown["class"], shown["name"], strict=True))
    left = 0.3 + 0.068 * max(map(len, names.values()))
    spread = 0.16 * (len(arms) - 1)
    size = (WIDE, 0.95 + (0.2 + spread * 0.75) * max(2, len(names)))
    figure, axes = panel(size, left=min(left, 2.2))
    y = pd.Series(np.arange(len(names), dtype=float), index=list(names))
    rows = means[means["arm"].isin(list(arms)) & means["class"].isin(list(names))]
    for i, (arm, label) in enumerate(arms.items()):
        of = rows[rows["arm"] == arm]
        reach = np.vstack(
            [of["mean"] - of["low"].fillna(of["mean"]), of["high"].fillna(of["mean"]) - of["mean"]]
        )
        axes.errorbar(
            100 * of["mean"],
            y[of["class"]].to_numpy() + spread * (i / max(1, len(arms) - 1) - 0.5) * 1.2,
            xerr=100 * reach,
            fmt=MARKERS[i],
            color=_COLOURS[i],
            markeredgecolor=INK,
            markeredgewidth=0.5,
            ecolor=MUTED,
            markersize=4.5,
            elinewidth=1.0,
            capsize=1.5,
            label=label,
            zorder=3,
        )
    axes.set_yticks(y, list(names.values()))
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("test accuracy of the class (%)")
    round_ticks(axes.xaxis)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=4, columnspacing=1.0, handletextpad=0.2)
    caption = (
        "Mean over runs with other seeds, and its 95 % t interval. The hardest class is on top."
        + first_of(MOST_CLASSES, len(hardest), "classes")
    )
    return Drawing("class_accuracy", "Accuracy by class", caption, figure, rows)
