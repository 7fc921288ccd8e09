"""Learning rates: validation accuracy of each arm at each, and the effects at each."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from vggsearch.report.document import BLUE, INK, MUTED, ORANGE, PAPER, Drawing, plain
from vggsearch.report.figures import first_of, panel_grid, percent_axis, rows_of

MOST_PANELS = 12
"""Only the table shows further arms and contrasts."""

_ACROSS = 3


def rate_figure(runs: pd.DataFrame, table: pd.DataFrame) -> Drawing:
    """A panel for each arm: its runs over the learning rate.

    Args:
        runs: One row a run: arm, lr, repeat, val_accuracy (missing where it did not complete).
        table: `rate_table` of them.
    """
    arms = list(dict.fromkeys(table["arm"]))
    figure, panels, places = _panels(arms, table["lr"], "Validation accuracy (%)")
    for arm, axes in panels.items():
        own, means = runs[runs["arm"] == arm], table[table["arm"] == arm]
        axes.plot(
            [places[lr] for lr in means["lr"]], 100 * means["mean"], color=MUTED, linewidth=1.2, zorder=1
        )
        axes.scatter(
            [places[lr] for lr in own["lr"]],
            100 * own["val_accuracy"].astype(float),
            s=13,
            color=BLUE,
            edgecolors="none",
            alpha=0.75,
            zorder=2,
        )
        best = means[means["chosen"]]
        axes.plot(
            [places[lr] for lr in best["lr"]],
            100 * best["mean"],
            "D",
            color=ORANGE,
            markeredgecolor=INK,
            markersize=6,
            zorder=3,
        )
    caption = (
        "Dots: one run each; line: their mean; diamond: the rate that was chosen. A diamond at an end says "
        f"that the grid may have been too narrow.{first_of(MOST_PANELS, len(arms), 'arms')}"
    )
    data = runs[["arm", "lr", "repeat", "outcome", "val_accuracy"]]
    return Drawing("rates_by_arm", "Every arm at every learning rate", caption, figure, data)


def robustness_figure(strip: pd.DataFrame) -> Drawing:
    """A panel for each contrast: its effect on validation over the learning rate that all arms have.

    Args:
        strip: contrast, lr, repeat, difference, as a fraction.
    """
    contrasts = list(dict.fromkeys(strip["contrast"]))
    figure, panels, places = _panels(contrasts, strip["lr"], "Difference in validation accuracy (pp)")
    for name, axes in panels.items():
        own = strip[strip["contrast"] == name]
        axes.axhline(0, color=INK, linewidth=0.8, zorder=1)
        means = own.groupby("lr")["difference"].mean()
        axes.plot([places[float(str(lr))] for lr in means.index], 100 * means, color=MUTED, linewidth=1.2)
        axes.scatter(
            [places[lr] for lr in own["lr"]],
            100 * own["difference"],
            s=13,
            color=BLUE,
            edgecolors=PAPER,
            linewidths=0.3,
            zorder=3,
        )
    caption = (
        "The effect where all arms have the same rate: one dot a seed, the line their mean. It shows whether "
        "one rate for all would have given another answer. There are too few seeds for a test; the pairs "
        f"above are at each arm's own rate.{first_of(MOST_PANELS, len(contrasts), 'contrasts')}"
    )
    return Drawing("effects_by_rate", "Every contrast at every learning rate", caption, figure, strip)


def _panels(names: list[str], rates: pd.Series, y: str) -> tuple[Figure, dict[str, Axes], dict[float, float]]:
    """A panel for each of the first names, and the place of each rate, evenly spaced.

    Both axes are named once for all panels; `y` is the vertical one.
    """
    shown = names[:MOST_PANELS]
    across = min(_ACROSS, max(2, len(shown)))
    down = rows_of(len(shown), across)
    margins = {"left": 0.42, "right": 0.1, "top": 0.5}
    total = down * 1.25 + (down - 1) * 0.62 + 0.5 + 0.48
    figure, panels = panel_grid(len(shown), across, total, wspace=0.14, hspace=0.62 / 1.25, **margins)
    places = {float(lr): float(i) for i, lr in enumerate(sorted(set(rates)))}
    labels = {place: f"{lr:g}" for lr, place in places.items()}
    few = [place for i, place in enumerate(labels) if i % -(-len(labels) // 5) == 0]
    for name, axes in zip(shown, panels, strict=True):
        axes.set_title(plain(name, 24), fontsize=8, loc="left", pad=3)
        axes.xaxis.set_major_locator(FixedLocator(few))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: labels.get(float(np.round(at)), "")))
        axes.set_xlim(-0.35, len(places) - 0.65)
        axes.tick_params(labelsize=8)
        percent_axis(axes, most=4)
    figure.text(0.006, 0.995, y, ha="left", va="top", fontsize=9, color=INK)
    figure.text(0.54, 0.012, "learning rate", ha="center", va="bottom", fontsize=9, color=INK)
    return figure, dict(zip(shown, panels, strict=True)), places
