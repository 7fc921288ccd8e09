"""A forest plot: the effect of every cell of a meta-analysis, and what they say together."""

from textwrap import wrap

import pandas as pd
from matplotlib.axes import Axes
from scipy import stats

from vggsearch.analysis import MetaAnalysis
from vggsearch.report.document import BLUE, INK, MUTED, NBSP, PAPER, RULE, Drawing, level, missing, plain
from vggsearch.report.figures.sides import name_sides
from vggsearch.report.figures.style import WIDE, first_of, panel, signed_ticks

MOST_CELLS = 40
"""Only the table shows further cells."""

_LEFT = 1.75
"""Inches of the left margin."""

_NAME_WIDTH = 26
"""Most characters of a line of a cell's name."""


def forest_figure(
    cells: pd.DataFrame, found: MetaAnalysis, sides: tuple[str, str], accuracy: str, alpha: float
) -> Drawing:
    """Every cell with its interval, then the mean of all and the range in which one more is expected.

    Args:
        cells: One row for each cell, in the order of the plot: `cell`, `data_set`, `effect`, `se`, `n`
            (pairs), and optionally `low` and `high`, by default a t interval of n − 1 degrees of freedom.
            Effects are fractions.
        found: The `random_effects` of all cells.
        sides: The side that a negative effect favours, and the one that a positive effect favours.
        accuracy: What the differences are of: `test accuracy`.
        alpha: The intervals are at confidence 1 − alpha.
    """
    data = _with_intervals(cells, found, alpha)
    shown = data.head(MOST_CELLS)
    figure, axes = panel((WIDE, 1.35 + 0.3 * len(shown)), left=_LEFT, top=0.32, bottom=0.5)
    axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
    effects, low, high = (100 * shown[name].to_numpy(dtype=float) for name in ("effect", "low", "high"))
    weights = data["weight"].to_numpy(dtype=float)
    for at in range(len(shown)):
        axes.plot([low[at], high[at]], [at, at], color=MUTED, linewidth=1.4, zorder=2)
        size = 3 + 5 * (weights[at] / weights.max()) ** 0.5
        axes.plot(effects[at], at, "s", color=BLUE, markeredgecolor=PAPER, markersize=size, zorder=3)
    last = len(shown) + 0.4
    _together(axes, last, found)
    labels = [_label(*row) for row in zip(shown["cell"], shown["n"], strict=True)]
    axes.set_yticks([*range(len(shown)), last], [*labels, f"all {found.cells} cells"])
    axes.set_ylim(last + 0.7, -0.7)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"difference in {accuracy} (pp)")
    signed_ticks(axes.xaxis, 7)
    _name_sides(axes, sides)
    return Drawing("forest", "The effect in every cell", _caption(found, alpha, len(data)), figure, data)


def _with_intervals(cells: pd.DataFrame, found: MetaAnalysis, alpha: float) -> pd.DataFrame:
    data = cells.reset_index(drop=True).assign(weight=list(found.weights))
    if "low" not in data:
        reach = stats.t.ppf(1 - alpha / 2, data["n"] - 1) * data["se"]
        data = data.assign(low=data["effect"] - reach, high=data["effect"] + reach)
    return data


def _together(axes: Axes, at: float, found: MetaAnalysis) -> None:
    """A diamond as wide as the interval of the mean, over a band as wide as that of one more cell."""
    axes.axhline(at - 0.7, color=RULE, linewidth=0.8)
    if not missing(found.predicted_low):
        ends = [100 * found.predicted_low, 100 * found.predicted_high]
        axes.plot(ends, [at, at], color=MUTED, linewidth=4, alpha=0.45, solid_capstyle="butt", zorder=2)
    x = [100 * value for value in (found.low, found.mean, found.high, found.mean)]
    axes.fill(x, [at, at - 0.26, at, at + 0.26], color=INK, linewidth=0, zorder=3)


def _label(cell: object, n: object) -> str:
    lines = wrap(plain(str(cell), 50), _NAME_WIDTH, max_lines=2, placeholder=" …")
    return "\n".join((*lines[:-1], f"{lines[-1]}, n = {n}")) if lines else f"n = {n}"


def _name_sides(axes: Axes, sides: tuple[str, str]) -> None:
    left, right = (plain(side, 17) for side in sides)
    name_sides(axes, f"{left} better", f"{right} better")


def _caption(found: MetaAnalysis, alpha: float, cells: int) -> str:
    general = (
        "" if missing(found.p) else f" Over the {found.data_sets} data sets the sign-flip p is {found.p:.2g}."
    )
    return (
        f"Squares: one study each, larger where it weighs more; bars: {level(1 - alpha)} intervals. Diamond: "
        "the mean over cells and its interval (random effects, Paule–Mandel, Hartung–Knapp). Broad bar: "
        "where the true effect of one more such cell is expected. Between cells the true effect varies by "
        f"{100 * found.tau:.2f}{NBSP}pp (SD); {100 * found.i2:.0f}{NBSP}% of the variance is not error (I²)."
        f"{general}{first_of(MOST_CELLS, cells, 'cells')}"
    )
