"""Learning rates: validation accuracy of each arm at each, and the effects at each."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from vggsearch.report.document import BLUE, INK, MUTED, ORANGE, PAPER, Drawing, plain
from vggsearch.report.figures.grid import grid
from vggsearch.report.figures.style import percent_axis

MOST_ARMS = 12
MOST_CONTRASTS = 12
"""More panels than that are a wall: the table has them all."""

_ACROSS = 3


def rate_figure(runs: pd.DataFrame, table: pd.DataFrame) -> Drawing:
    """A panel for each arm: its runs over the learning rate.

    Args:
        runs: One row a run: arm, lr, repeat, val_accuracy (missing where it did not complete).
        table: `rate_table` of them.
    """
    arms = list(dict.fromkeys(table["arm"]))
    shown = arms[:MOST_ARMS]
    figure, panels = grid(len(shown), min(_ACROSS, max(2, len(shown))), 1.25)
    places = _places(table["lr"])
    for arm, axes in zip(shown, panels, strict=True):
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
        _dress(axes, str(arm), places)
    _name(panels, "Validation accuracy (%)")
    rest = f" The first {MOST_ARMS} of {len(arms)} arms." if len(arms) > MOST_ARMS else ""
    caption = (
        "Dots: one run each; line: their mean; diamond: the rate that was chosen. A diamond at an end says "
        f"that the grid may have been too narrow.{rest}"
    )
    data = runs[["arm", "lr", "repeat", "outcome", "val_accuracy"]]
    return Drawing("rates_by_arm", "Every arm at every learning rate", caption, figure, data)


def robustness_figure(strip: pd.DataFrame) -> Drawing:
    """A panel for each contrast: its effect on validation over the learning rate that all arms are given.

    Args:
        strip: contrast, lr, repeat, difference, as a fraction.
    """
    contrasts = list(dict.fromkeys(strip["contrast"]))
    shown = contrasts[:MOST_CONTRASTS]
    figure, panels = grid(len(shown), min(_ACROSS, max(2, len(shown))), 1.25)
    places = _places(strip["lr"])
    for name, axes in zip(shown, panels, strict=True):
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
        _dress(axes, str(name), places)
    _name(panels, "Difference in validation accuracy (pp)")
    rest = (
        f" The first {MOST_CONTRASTS} of {len(contrasts)} contrasts."
        if len(contrasts) > MOST_CONTRASTS
        else ""
    )
    caption = (
        "The effect where all arms are given the same rate: one dot a seed, the line their mean. Would the "
        "answer be another had one rate been fixed for all? Too few seeds for a test; the pairs above are at "
        f"each arm's own rate.{rest}"
    )
    return Drawing("effects_by_rate", "Every contrast at every learning rate", caption, figure, strip)


def _places(rates: pd.Series) -> dict[float, float]:
    """Where a rate stands: evenly, as grids are by factors."""
    return {float(lr): float(i) for i, lr in enumerate(sorted(set(rates)))}


def _dress(axes: Axes, title: str, places: dict[float, float]) -> None:
    axes.set_title(plain(title, 24), fontsize=8, loc="left", pad=3)
    names = {place: f"{lr:g}" for lr, place in places.items()}
    few = [place for i, place in enumerate(names) if i % -(-len(names) // 5) == 0]
    axes.xaxis.set_major_locator(FixedLocator(few))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: names.get(float(np.round(value)), "")))
    axes.set_xlim(-0.35, len(places) - 0.65)
    axes.tick_params(labelsize=8)
    percent_axis(axes, most=4)


def _name(panels: list[Axes], y: str) -> None:
    """The names of the axes, once for all panels."""
    figure = panels[0].figure
    figure.text(0.006, 0.995, y, ha="left", va="top", fontsize=9, color=INK)
    figure.text(0.54, 0.012, "learning rate", ha="center", va="bottom", fontsize=9, color=INK)
