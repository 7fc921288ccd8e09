"""What an effect costs: against the difference in MACs, and in measured training seconds."""

import pandas as pd
from matplotlib.axes import Axes

from vggsearch.report.document import INK, MUTED, Drawing, Record, missing, plain
from vggsearch.report.figures import MARKERS, VERDICT_COLOURS, label, panel, percent_axis, signed_ticks

_NAMES = {"macs": "MACs", "train_s": "measured training seconds"}


def price_figure(table: pd.DataFrame, cost: str, accuracy: str) -> Drawing:
    """Effect against the relative difference in one cost.

    Args:
        table: contrast, verdict, mean, low, high (fractions), and `{cost}_difference`: the better side's cost
            relative to the worse side's, minus 1.
        cost: `macs` or `train_s`.
        accuracy: The accuracy that effects are differences of: `test accuracy`.
    """
    rows = table[table[f"{cost}_difference"].notna()]
    figure, axes = panel(top=0.36)
    axes.axhline(0, color=INK, linewidth=0.8, zorder=1)
    axes.axvline(0, color=INK, linewidth=0.8, zorder=1)
    for i, row in enumerate(rows.to_dict("records")):
        _mark(axes, row, float(row[f"{cost}_difference"]), MARKERS[i % len(MARKERS)])
    axes.margins(x=0.15, y=0.12)
    percent_axis(axes)
    for axis in (axes.xaxis, axes.yaxis):
        signed_ticks(axis)
    label(axes, f"{_NAMES[cost]} of the favoured side against the other (%)", f"Effect on {accuracy} (pp)")
    axes.legend(fontsize=7.5, loc="best", handletextpad=0.1, labelspacing=0.25, borderpad=0.2)
    caption = (
        f"Each contrast's effect and interval, against how much more {_NAMES[cost]} the side favoured by the "
        "claim takes. Upper left: better and cheaper; upper right: better, and paid for."
    )
    return Drawing(f"price_{cost}", f"Effect against {_NAMES[cost]}", caption, figure, rows)


def _mark(axes: Axes, row: Record, x: float, marker: str) -> None:
    mean, low, high = (100 * row[name] for name in ("mean", "low", "high"))
    colour = VERDICT_COLOURS.get(str(row["verdict"]), MUTED)
    if not missing(low):
        axes.plot([100 * x] * 2, [low, high], color=colour, linewidth=1.2, zorder=2)
    axes.plot(
        100 * x,
        mean,
        marker,
        color=colour,
        markeredgecolor=INK,
        markeredgewidth=0.5,
        markersize=6.5,
        linestyle="none",
        label=plain(row["contrast"], 26),
        zorder=3,
    )
