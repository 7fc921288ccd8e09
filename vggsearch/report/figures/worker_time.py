"""Where the workers' time went."""

from collections.abc import Mapping

import numpy as np

from vggsearch.analysis import TIME_PARTS, Spending
from vggsearch.report.document import BLUE, MUTED, NBSP, ORANGE, PAPER, RULE, SKY, Drawing
from vggsearch.report.figures.style import WIDE, panel, round_ticks, time_unit

_PARTS = {
    "completed": ("trained to the end", BLUE),
    "pruned": ("pruned", SKY),
    "failed": ("failed", ORANGE),
    "overhead": ("evaluation, set-up", MUTED),
    "waiting": ("waiting", RULE),
}

ON_DARK, ON_LIGHT = "#fffffe", "#1f2327"
"""Text on a coloured ground, the same in light and dark pages."""


def spending_figure(spent: Spending, names: Mapping[str, str]) -> Drawing:
    """Worker time by stage and part, stacked. `names` gives the stages, in their order."""
    table = spent.frame.pivot(index="stage", columns="part", values="seconds")
    stages = [stage for stage in names if stage in table.index]
    table = table.loc[stages]
    margin = max(0.85, 0.2 + 0.065 * max((len(names[stage]) for stage in stages), default=0))
    figure, axes = panel((WIDE, 0.95 + 0.45 * max(1, len(stages))), left=margin, top=0.42)
    longest = float(table.sum(axis=1).max())
    unit, seconds = time_unit(longest)
    left = np.zeros(len(stages))
    for part in TIME_PARTS:
        values = table[part].to_numpy(dtype=float) / seconds
        if values.sum() <= 0:
            continue
        name, colour = _PARTS[part]
        axes.barh(
            [names[stage] for stage in stages],
            values,
            left=left,
            color=colour,
            edgecolor=PAPER,
            linewidth=0.8,
            height=0.62,
            label=name,
        )
        totals = table.sum(axis=1).to_numpy(dtype=float) / seconds
        colour = ON_DARK if part in ("completed", "overhead") else ON_LIGHT
        for i, value in enumerate(values):
            if value > 0.065 * longest / seconds:  # wide enough for its percentage
                share, at = f"{100 * value / totals[i]:.0f}{NBSP}%", left[i] + value / 2
                axes.text(at, i, share, ha="center", va="center", fontsize=8, color=colour)
        left += values
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"worker time ({unit})")
    round_ticks(axes.xaxis, 7)
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.12, 1.0),
        ncols=5,
        columnspacing=1.1,
        handlelength=1.0,
        handletextpad=0.4,
    )
    caption = (
        f"Wall-clock time of {spent.workers} worker{'s' if spent.workers > 1 else ''} from the first run to "
        "the last. “Failed” is training time of runs that diverged, crashed, timed out or ran out of memory."
    )
    return Drawing("budget", "Where the time went", caption, figure, spent.frame)
