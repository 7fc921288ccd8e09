"""The effect of every contrast: each seed a dot, the mean and its interval, the margin."""

from collections.abc import Mapping, Sequence
from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from vggsearch.designs import Contrast
from vggsearch.report.ablation.ablation_findings import ContrastFinding
from vggsearch.report.document import INK, MUTED, PAPER, RULE, Drawing, missing, plain
from vggsearch.report.figures import (
    MOST_DOTS,
    VERDICT_COLOURS,
    WIDE,
    first_of,
    jitter,
    name_sides,
    panel,
    signed_ticks,
)

MOST_ROWS = 30
"""Only the table shows further contrasts."""

_LEFT = 1.75
"""Inches of the left margin."""

_NAME_WIDTH, _SIDE_WIDTH = 26, 17
"""Most characters of a line of a contrast's name, and of the name of a side."""


def effect_figure(
    name: str,
    title: str,
    effects: Sequence[ContrastFinding],
    seeds: Mapping[str, pd.Series],
    margin: float,
    level: str,
    accuracy: str,
) -> Drawing:
    """The effects, in the order given.

    Args:
        name: Beginning of the names of the figure's files.
        title: Title of the figure.
        effects: Findings with at least one pair each.
        seeds: By contrast, the differences of its pairs, as fractions.
        margin: Half the width of the shaded band, a fraction.
        level: Confidence level of the intervals, as printed.
        accuracy: What the differences are of: `test accuracy`.
    """
    shown = effects[:MOST_ROWS]
    figure, axes = panel((WIDE, 1.0 + 0.5 * len(shown)), left=_LEFT, top=0.32, bottom=0.5)
    axes.axvspan(-100 * margin, 100 * margin, color=RULE, alpha=0.55, linewidth=0, zorder=0)
    axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
    for i, effect in enumerate(shown):
        _row(axes, i, effect, 100 * seeds[effect.contrast.name].to_numpy(dtype=float))
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_yticks(range(len(shown)), [_label(effect) for effect in shown])
    axes.grid(axis="y", visible=False)
    crossed = shown[0].contrast.question == "do they interact"
    axes.set_xlabel(f"{'difference of differences' if crossed else 'difference'} in {accuracy} (pp)")
    signed_ticks(axes.xaxis, 7)
    _reach(axes, margin)
    _name_sides(axes, shown)
    caption = (
        f"Dots: one seed each, the difference between the arms that share it. Diamond and bar: mean and "
        f"{level} interval. Shaded: ±{100 * margin:g} pp, within which a difference does not matter."
        f"{first_of(MOST_ROWS, len(effects))}"
    )
    return Drawing(f"{name}_by_seed", title, caption, figure, _data(effects, seeds))


def _row(axes: Axes, at: int, effect: ContrastFinding, values: np.ndarray) -> None:
    colour = VERDICT_COLOURS.get(str(effect.verdict), MUTED)
    if len(values) <= MOST_DOTS:
        y = at - 0.16 + jitter(len(values), 0.3)
        axes.scatter(values, y, s=14, color=colour, alpha=0.55, edgecolors="none", zorder=2)
    below = at + 0.2
    if not missing(effect.low):
        axes.plot([100 * effect.low, 100 * effect.high], [below] * 2, color=INK, linewidth=1.8, zorder=3)
    axes.plot(100 * effect.mean, below, "D", color=colour, markeredgecolor=PAPER, markersize=6.5, zorder=4)


def _label(effect: ContrastFinding) -> str:
    lines = wrap(plain(effect.contrast.name, 50), _NAME_WIDTH, max_lines=2, placeholder=" …")
    return "\n".join((*lines, f"{effect.verdict}, n = {effect.n}"))


def _reach(axes: Axes, margin: float) -> None:
    """Widen the axis until it shows zero and the whole margin."""
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, -140 * margin), max(high, 140 * margin))


def _name_sides(axes: Axes, effects: Sequence[ContrastFinding]) -> None:
    """Name the side that each end of the axis favours, where all contrasts have the same two sides."""
    left, right = _sides([effect.contrast for effect in effects])
    name_sides(axes, left, right)


def _sides(contrasts: Sequence[Contrast]) -> tuple[str, str]:
    if contrasts[0].question == "do they interact":
        return "negative", "positive"
    named = [contrast for contrast in contrasts if "everything" not in contrast.held] or contrasts
    better, worse = ({getattr(each, side) for each in named} for side in ("better", "worse"))
    other = min(worse, key=len)  # `5×5` of `5×5` and `5×5 then 1×1`
    if len(better) == 1 and all(text.startswith(other) for text in worse):
        return f"{plain(other, _SIDE_WIDTH)} better", f"{plain(better.pop(), _SIDE_WIDTH)} better"
    return "against the claim", "for the claim"


def _data(effects: Sequence[ContrastFinding], seeds: Mapping[str, pd.Series]) -> pd.DataFrame:
    rows = [
        (effect.contrast.name, pair, float(value))
        for effect in effects
        for pair, value in seeds[effect.contrast.name].items()
    ]
    return pd.DataFrame(rows, columns=["contrast", "pair", "difference"])
