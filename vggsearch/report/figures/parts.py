"""Kernel sizes compared, and where the workers' time went."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from vggsearch.analysis import TIME_PARTS, KernelComparison, Spending
from vggsearch.report.document import BLUE, GREEN, INK, MUTED, NBSP, ORANGE, PAPER, RULE, SKY, Drawing, si
from vggsearch.report.figures.style import MOST_DOTS, PANEL, jitter, label, panel, percent_axis
from vggsearch.report.figures.tradeoff import KERNELS, OTHER

NO_VERDICT = "Observational: what a search happened to train, not the ablation; no verdict."

_ENOUGH = 4
"""Fewer values than that have a median, but no quartiles worth drawing."""

_PARTS = {
    "completed": ("trained to the end", BLUE),
    "pruned": ("pruned", SKY),
    "failed": ("failed", ORANGE),
    "overhead": ("evaluation, set-up", MUTED),
    "waiting": ("waiting", RULE),
}


def pair_figure(comparison: KernelComparison) -> Drawing:
    """Differences within matched pairs, by what was changed."""
    small, large, pairs = comparison.small, comparison.large, comparison.pairs
    changes = sorted(set(pairs["change"]), key=lambda change: (change != "every block", change))
    figure, axes = panel((PANEL[0], 1.25 + 0.5 * max(2, len(changes))), left=1.25, top=0.2)
    difference = 100 * pairs["difference"]
    axes.axvline(0, color=INK, linewidth=0.8, zorder=1)
    for i, change in enumerate(changes):
        values = difference[pairs["change"] == change].to_numpy()
        if len(values) <= MOST_DOTS:
            y = i + 0.16 + jitter(len(values), 0.22)
            axes.scatter(values, y, s=15, color=GREEN, edgecolors=PAPER, linewidths=0.3, alpha=0.85, zorder=3)
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
        if len(values) >= _ENOUGH:
            axes.plot([low, high], [i - 0.14] * 2, color=INK, linewidth=2.2, solid_capstyle="butt", zorder=2)
        axes.plot(middle, i - 0.14, "D", color=PAPER, markeredgecolor=INK, markersize=5, zorder=4)
    axes.set_ylim(len(changes) - 0.45, -0.55)
    names = [f"{change}\nn = {int((pairs['change'] == change).sum())}" for change in changes]
    axes.set_yticks(range(len(changes)), names)
    axes.set_ylabel("")
    axes.set_xlabel(f"validation accuracy, {large}×{large} minus {small}×{small} (pp)")
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:+g}".replace("-", "−") if value else "0")
    )
    axes.grid(axis="y", visible=False)
    caption = (
        f"n = {len(pairs)} pairs of trained nets that are alike but for their kernels: every block "
        f"{small}×{small} against every block "
        f"{large}×{large}, or one block alone. Equal depth and width, not equal MACs. One seed each; "
        f"diamond and bar: median and quartiles. {NO_VERDICT}"
    )
    return Drawing(
        "kernel_pairs", f"{large}×{large} against {small}×{small}: matched pairs", caption, figure, pairs
    )


def bin_figure(comparison: KernelComparison) -> Drawing:
    """Accuracies of nets of one kernel size, within bins of like MACs."""
    bins, sizes = comparison.bins, (str(comparison.small), str(comparison.large))
    figure, axes = panel(bottom=0.72)
    accuracy = 100 * bins["val_accuracy"]
    for at, size in enumerate(sizes):
        name, colour, marker = KERNELS.get(size, (f"{size}×{size}", *OTHER[1:]))
        chosen = bins[bins["kernel_size"] == size]
        axes.plot([], [], marker, color=colour, label=f"{name}, n = {len(chosen)}", markersize=5)
        for number, values in (100 * chosen["val_accuracy"]).groupby(chosen["bin"]):
            x = int(str(number)) - 1.07 + (at - 0.5) * 0.36
            if len(bins) <= MOST_DOTS:
                where = x + 0.14 + jitter(len(values), 0.12)
                axes.scatter(
                    where,
                    values,
                    s=15,
                    color=colour,
                    marker=marker,
                    edgecolors=PAPER,
                    linewidths=0.3,
                    zorder=3,
                )
            low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
            if len(values) >= _ENOUGH:
                axes.plot([x, x], [low, high], color=colour, linewidth=2.2, solid_capstyle="butt", zorder=2)
            axes.plot(x, middle, marker, color=PAPER, markeredgecolor=colour, markersize=5, zorder=4)
    edges = bins.groupby("bin").agg({"macs_from": "first", "macs_to": "first"})
    labels = [f"{si(low)} to\n{si(high)}" for low, high in edges.itertuples(index=False, name=None)]
    axes.set_xticks(range(len(edges)), labels)
    axes.set_xlim(-0.5, len(edges) - 0.5)
    if len(accuracy):
        top, middle = float(accuracy.max()), float(accuracy.median())
        axes.set_ylim(max(float(accuracy.min()), top - 8 * (top - middle)) - 0.4, top + 0.4)
    percent_axis(axes)
    label(axes, "MACs per image", "Validation accuracy (%)")
    axes.legend(loc="lower right", bbox_to_anchor=(1.02, 1.0), ncols=2, borderpad=0.2)
    caption = (
        f"Completed nets whose kernels are all {sizes[0]}×{sizes[0]} or all {sizes[1]}×{sizes[1]}, in bins "
        f"of like MACs; they differ in "
        f"depth and width too. Hollow mark and bar: median and quartiles. {NO_VERDICT}"
    )
    return Drawing("kernel_bins", "Kernel sizes at like MACs", caption, figure, bins)


def spending_figure(spent: Spending, names: Mapping[str, str]) -> Drawing:
    """Worker time by stage and part, stacked; `names` of the stages, in their order."""
    table = spent.frame.pivot(index="stage", columns="part", values="seconds").reindex(
        columns=list(TIME_PARTS)
    )
    stages = [stage for stage in names if stage in table.index]
    table = table.loc[stages]
    margin = max(0.85, 0.2 + 0.065 * max((len(names[stage]) for stage in stages), default=0))
    figure, axes = panel((_WIDE, 0.95 + 0.45 * max(1, len(stages))), left=margin, top=0.42)
    longest = float(table.sum(axis=1).max())
    unit, seconds = ("h", 3600.0) if longest >= 3 * 3600 else ("min", 60.0) if longest >= 180 else ("s", 1.0)
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
        _shares(
            axes, part, values, left, table.sum(axis=1).to_numpy(dtype=float) / seconds, longest / seconds
        )
        left += values
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"worker time ({unit})")
    axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
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
        f"the last. “Failed” is training "
        "time of runs that diverged, crashed, timed out or ran out of memory."
    )
    return Drawing("budget", "Where the time went", caption, figure, spent.frame)


ON_DARK, ON_LIGHT = "#fffffe", "#1f2327"
"""Text on a coloured ground, the same in light and dark pages."""

_WIDE = 5.3


def _shares(
    axes: Axes, part: str, values: np.ndarray, left: np.ndarray, totals: np.ndarray, longest: float
) -> None:
    """Percentages inside the segments that are wide enough."""
    for i, value in enumerate(values):
        if value > 0.065 * longest:
            dark = part in ("completed", "overhead")
            axes.text(
                left[i] + value / 2,
                i,
                f"{100 * value / totals[i]:.0f}{NBSP}%",
                ha="center",
                va="center",
                fontsize=8,
                color=ON_DARK if dark else ON_LIGHT,
            )
