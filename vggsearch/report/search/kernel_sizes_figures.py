"""Kernel sizes compared: within matched pairs, and at like MACs."""

import numpy as np

from vggsearch.analysis import KernelComparison
from vggsearch.report.document import GREEN, INK, PAPER, Drawing, si
from vggsearch.report.figures import MOST_DOTS, PANEL, jitter, label, panel, percent_axis, signed_ticks
from vggsearch.report.search.tradeoff_figure import KERNELS, OTHER

NO_VERDICT = "Observational: from the nets that a search trained, not from an ablation; no verdict."

_ENOUGH = 4
"""Quartiles of fewer values are not drawn."""


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
    signed_ticks(axes.xaxis)
    axes.grid(axis="y", visible=False)
    caption = (
        f"n = {len(pairs)} pairs of trained nets that differ in their kernels alone: every block "
        f"{small}×{small} against every block {large}×{large}, or one block alone. Depth and width are "
        f"equal, MACs are not. One seed each; diamond and bar: median and quartiles. {NO_VERDICT}"
    )
    return Drawing(
        "kernel_pairs", f"{large}×{large} against {small}×{small}: matched pairs", caption, figure, pairs
    )


def bin_figure(comparison: KernelComparison) -> Drawing:
    """Accuracies of nets of one kernel size, in bins of similar MACs."""
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
                axes.scatter(
                    x + 0.14 + jitter(len(values), 0.12),
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
        "of similar MACs. They differ in depth and width too. Hollow mark and bar: median and quartiles. "
        f"{NO_VERDICT}"
    )
    return Drawing("kernel_bins", "Kernel sizes at like MACs", caption, figure, bins)
