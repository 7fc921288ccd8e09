"""Accuracy against cost, and what became of the finalists."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from vggsearch.report.figures.style import (
    BLUE,
    GREEN,
    INK,
    MAX_VECTOR_POINTS,
    MUTED,
    ORANGE,
    PANEL,
    PAPER,
    PURPLE,
    SKY,
    Drawing,
    key_above,
    label,
    log_axis,
    panel,
    percent_axis,
)
from vggsearch.runs.frames import METRICS

KERNELS = {
    "3": ("3×3", BLUE, "o"),
    "mixed": ("mixed", GREEN, "D"),
    "5": ("5×5", ORANGE, "s"),
    "1": ("1×1", PURPLE, "^"),
    "7": ("7×7", SKY, "v"),
}
"""Name, colour and marker of a net's kernel size, darker for smaller; any other size is drawn like `OTHER`."""

OTHER = ("other", MUTED, "P")

_HERO = (5.3, 3.8)
_COLUMNS = ("stage", "architecture", "kernel_size", "mark", "val_accuracy")


def accuracy_against(
    cost: str, ranked: pd.DataFrame, front: pd.DataFrame, staircase: pd.DataFrame, finalists: pd.DataFrame, *, large: bool = False
) -> Drawing:
    """Validation accuracy over one cost.

    Args:
        cost: A column of `METRICS` with a logarithmic axis.
        ranked: Completed runs: `stage`, `architecture`, `kernel_size`, `mark`, `val_accuracy` and `cost`.
        front: Those of `ranked` that are on the study's front; `mark` names them.
        staircase: Those that no other beats in accuracy and this cost, in the order of the cost.
        finalists: `val_mean`, `val_low`, `val_high` over fresh seeds, and `cost`.
        large: Whether it is the page's first figure.
    """
    figure, axes = panel(_HERO if large else PANEL)
    low = min(_floor(ranked["val_accuracy"]), float(front["val_accuracy"].min()))
    shown = ranked[ranked["val_accuracy"] >= low]
    _cloud(axes, cost, shown)
    axes.plot(staircase[cost], 100 * staircase["val_accuracy"], color=INK, linewidth=1.1, drawstyle="steps-post", zorder=3)
    _members(axes, cost, front)
    known = finalists[finalists["val_mean"].notna()]
    if len(known):
        _intervals(axes, cost, known)
    log_axis(axes)
    percent_axis(axes)
    label(axes, METRICS[cost].title, f"{METRICS['val_accuracy'].label.capitalize()} (%)")
    key_above(axes)
    _marks(axes, cost, front)
    caption = _caption(cost, len(ranked), len(ranked) - len(shown), low, len(known)) if large else _brief_caption(cost)
    data = ranked[[*_COLUMNS, cost]].sort_values([cost, "val_accuracy"])
    title = f"Accuracy against {METRICS[cost].label}"
    return Drawing(f"accuracy_{cost}", title, caption, figure, data)


def _floor(accuracy: pd.Series) -> float:
    """Accuracy below which a few failures would squeeze all others into a corner."""
    if accuracy.empty:
        return 0.0
    low, middle, high = accuracy.quantile([0.05, 0.5, 1.0])
    floor = min(low, high - 4 * (high - middle)) - 0.002
    return float(floor if accuracy.min() < floor else accuracy.min())


def _cloud(axes: Axes, cost: str, shown: pd.DataFrame) -> None:
    for kernel in [*KERNELS, None]:
        name, colour, marker = OTHER if kernel is None else KERNELS[kernel]
        chosen = shown[~shown["kernel_size"].isin(KERNELS)] if kernel is None else shown[shown["kernel_size"] == kernel]
        if chosen.empty:
            continue
        many = len(shown) > MAX_VECTOR_POINTS
        sns.scatterplot(
            x=chosen[cost],
            y=100 * chosen["val_accuracy"],
            ax=axes,
            color=colour,
            marker=marker,
            s=12 if many else 26,
            alpha=0.45 if many else 0.75,
            linewidth=0.3,
            edgecolor=PAPER,
            label=name,
            rasterized=many,
            zorder=2,
        )


def _members(axes: Axes, cost: str, front: pd.DataFrame) -> None:
    for kernel, chosen in front.groupby("kernel_size"):
        _, colour, marker = KERNELS.get(str(kernel), OTHER)
        axes.scatter(
            chosen[cost], 100 * chosen["val_accuracy"], s=34, c=colour, marker=marker, edgecolors=INK, linewidths=0.9, zorder=4
        )


def _intervals(axes: Axes, cost: str, known: pd.DataFrame) -> None:
    mean = known["val_mean"]
    reach = np.vstack([mean - known["val_low"].fillna(mean), known["val_high"].fillna(mean) - mean])
    axes.errorbar(
        known[cost],
        100 * mean,
        yerr=100 * reach,
        fmt="_",
        markersize=7,
        color=INK,
        elinewidth=1.0,
        capsize=2,
        capthick=0.8,
        zorder=5,
        label="finalist, fresh seeds",
    )


def _marks(axes: Axes, cost: str, front: pd.DataFrame) -> None:
    """Letters above the front's members, moved aside or left out where they would touch."""
    if front.empty:
        return
    front = front[front["mark"] != ""]
    at = axes.transData.transform(np.column_stack([front[cost], 100 * front["val_accuracy"]]))
    placed: list[tuple[float, float]] = []
    scale = axes.figure.dpi / 72
    # Both ends of the front matter most, so they are labelled first.
    order = [0, len(front) - 1, *range(1, len(front) - 1)]
    for i in dict.fromkeys(order):
        x, y = at[i] + np.array([-5.5, 5.5]) * scale
        if all(abs(x - a) > 9 * scale or abs(y - b) > 9 * scale for a, b in placed):
            placed.append((x, y))
            axes.annotate(
                front["mark"].iloc[i], (front[cost].iloc[i], 100 * front["val_accuracy"].iloc[i]), (-3, 3), textcoords="offset points",
                ha="right", va="bottom", fontsize=8, fontweight="bold", color=INK, zorder=6,
            )  # fmt: skip


def _caption(cost: str, total: int, hidden: int, low: float, finalists: int) -> str:
    parts = [
        f"Every completed search and baseline run ({total}), one seed each. The line is the front of accuracy and "
        f"{METRICS[cost].label}; ringed are the members of the study's front, with letters as in table 1."
    ]
    if finalists:
        parts.append("Bars: mean and 95 % t interval of the finalists' fresh seeds.")
    if hidden:
        parts.append(f"{hidden} run{'s' if hidden > 1 else ''} below {100 * low:.1f} % not drawn, but in the table.")
    return " ".join(parts)


def _brief_caption(cost: str) -> str:
    of = {"conv_params": " alone; the head's are not counted", "params": " of the whole net, the head's among them"}
    return f"As the figure before, over the {METRICS[cost].label}{of.get(cost, '')}."


def finalist_figure(finalists: pd.DataFrame) -> Drawing:
    """What a search promised, and what fresh seeds gave, on validation and on the test set, finalist by finalist."""
    rows = finalists.reset_index(drop=True)
    figure, axes = panel((PANEL[0], 1.05 + 0.42 * max(2, len(rows))), left=0.45)
    y = -np.arange(len(rows), dtype=float)
    for column, low, high, shift, colour, marker, name in (
        ("val_mean", "val_low", "val_high", 0.0, BLUE, "o", "fresh seeds, validation"),
        ("test_mean", "test_low", "test_high", -0.24, ORANGE, "s", "fresh seeds, test"),
    ):
        mean = rows[column].astype(float)
        reach = np.vstack([mean - rows[low].fillna(mean), rows[high].fillna(mean) - mean]).astype(float)
        axes.errorbar(
            100 * mean, y + shift, xerr=100 * reach, fmt=marker, color=colour, markeredgecolor=INK, markeredgewidth=0.6,
            ecolor=INK, markersize=5.5, elinewidth=1.0, capsize=2, label=name, zorder=3,
        )  # fmt: skip
    axes.plot(
        100 * rows["search_val"], y + 0.24, "D", markersize=5, markerfacecolor=PAPER, color=INK, label="search, validation"
    )
    axes.set_yticks(y, rows["mark"])
    axes.set_ylim(-len(rows) + 0.45, 0.55)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("accuracy (%)")
    handles, names = axes.get_legend_handles_labels()
    order = [names.index(name) for name in ("search, validation", "fresh seeds, validation", "fresh seeds, test")]
    axes.legend(
        [handles[i] for i in order], [names[i] for i in order], loc="lower left", bbox_to_anchor=(-0.08, 1.0), ncols=3,
        columnspacing=1.0, handletextpad=0.2,
    )  # fmt: skip
    caption = (
        "The value that selected a finalist (one seed, validation), and the means of its fresh seeds with 95 % t intervals. "
        "Selection makes the first too good: its distance to the second is the optimism."
    )
    return Drawing("finalists", "Finalists: promised and kept", caption, figure, rows)

