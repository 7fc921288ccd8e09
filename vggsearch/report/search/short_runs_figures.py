"""The figures of short runs: against full ones, and what a surrogate believed."""

import pandas as pd

from vggsearch.report.document import BLUE, INK, MUTED, ORANGE, SKY, Drawing
from vggsearch.report.figures import PANEL, key_above, label, panel

COLOURS = (SKY, BLUE, ORANGE)
MARKS = ("o", "s", "D")


def short_runs_figure(pairs: pd.DataFrame, measured: str) -> Drawing:
    """Short runs against the full runs of the same nets; columns architecture, budget, short, full."""
    figure, axes = panel(PANEL)
    for number, (budget, own) in enumerate(pairs.groupby("budget", sort=False)):
        axes.plot(
            100 * own["full"],
            100 * own["short"],
            MARKS[number % len(MARKS)],
            color=COLOURS[number % len(COLOURS)],
            markersize=4,
            markeredgecolor=INK,
            markeredgewidth=0.4,
            label=str(budget),
        )
    label(axes, f"full run, {measured} (%)", f"short run, {measured} (%)")
    key_above(axes)
    caption = "One point a net that was trained for a short budget and for the full one."
    return Drawing("short_runs", "Short runs against full ones", caption, figure, pairs)


def beliefs_figure(found: pd.DataFrame, measured: str) -> Drawing:
    """What came against what was believed; columns believed, spread, came."""
    figure, axes = panel(PANEL)
    axes.errorbar(
        100 * found["believed"],
        100 * found["came"],
        xerr=196 * found["spread"],
        fmt="o",
        color=BLUE,
        ecolor=MUTED,
        elinewidth=0.7,
        markersize=4,
        markeredgecolor=INK,
        markeredgewidth=0.4,
    )
    ends = [100 * float(found["came"].min()), 100 * float(found["came"].max())]
    axes.plot(ends, ends, color=INK, linewidth=0.8)
    label(axes, f"expected {measured} (%), 95 % interval", f"what came, {measured} (%)")
    caption = "One point a full run that the surrogate chose; on the line it came as expected."
    return Drawing("beliefs", "Expected and reached", caption, figure, found)
