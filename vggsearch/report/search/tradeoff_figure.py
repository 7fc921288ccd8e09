"""Accuracy against cost."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from vggsearch.report.document import BLUE, GREEN, INK, MUTED, ORANGE, PAPER, PURPLE, SKY, Drawing
from vggsearch.report.figures import (
    MAX_VECTOR_POINTS,
    PANEL,
    WIDE,
    key_above,
    label,
    letter,
    log_axis,
    panel,
    percent_axis,
)
from vggsearch.runs import METRICS, Criterion

KERNELS = {
    "3": ("3×3", BLUE, "o"),
    "mixed": ("mixed", GREEN, "D"),
    "5": ("5×5", ORANGE, "s"),
    "1": ("1×1", PURPLE, "^"),
    "7": ("7×7", SKY, "v"),
}
"""Name, colour and marker by kernel size; smaller kernels are darker. `OTHER` is for all other sizes."""

OTHER = ("other", MUTED, "P")

_HERO = (WIDE, 3.8)
_COLUMNS = ("stage", "architecture", "kernel_size", "mark")


def accuracy_against(
    cost: str,
    by: Criterion,
    ranked: pd.DataFrame,
    front: pd.DataFrame,
    staircase: pd.DataFrame,
    finalists: pd.DataFrame,
    *,
    large: bool = False,
) -> Drawing:
    """Validation accuracy over one cost.

    Args:
        cost: A column of `METRICS` with a logarithmic axis.
        by: The column of the accuracy.
        ranked: Completed runs: `stage`, `architecture`, `kernel_size`, `mark`, `by` and `cost`.
        front: Runs of `ranked` that are on the study's front; `mark` names them.
        staircase: Runs that no other beats in accuracy and this cost, in the order of the cost.
        finalists: `val_mean`, `val_low`, `val_high` over fresh seeds, and `cost`.
        large: Whether it is the page's first figure.
    """
    figure, axes = panel(_HERO if large else PANEL)
    low = _floor(ranked[by], front[by])
    shown = ranked[ranked[by] >= low]
    _cloud(axes, cost, by, shown)
    axes.plot(
        staircase[cost],
        100 * staircase[by],
        color=INK,
        linewidth=1.1,
        drawstyle="steps-post",
        zorder=3,
    )
    _members(axes, cost, by, front)
    known = finalists[finalists["val_mean"].notna()]
    if len(known):
        _intervals(axes, cost, known)
    log_axis(axes)
    percent_axis(axes)
    top = 100 * float(ranked[by].max())
    room = 0.05 * (top - 100 * low) or 0.5
    axes.set_ylim(100 * low - room, top + room)
    label(axes, METRICS[cost].title, f"{METRICS[by].label.capitalize()} (%)")
    key_above(axes)
    _marks(axes, cost, by, front)
    caption = (
        _caption(cost, len(ranked), len(ranked) - len(shown), low, len(known))
        if large
        else _brief_caption(cost)
    )
    data = ranked[[*_COLUMNS, by, cost]].sort_values([cost, by])
    title = f"Accuracy against {METRICS[cost].label}"
    return Drawing(f"accuracy_{cost}", title, caption, figure, data)


def _floor(accuracy: pd.Series, front: pd.Series) -> float:
    """The accuracy below which nets are not drawn, as they would squeeze all others into a corner.

    Members of the front are kept unless they are far below.
    """
    low, middle, high = accuracy.quantile([0.05, 0.5, 1.0])
    floor = min(low, high - 4 * (high - middle))
    return float(max(accuracy.min(), min(floor, max(front.min(), high - 8 * (high - middle)))))


def _cloud(axes: Axes, cost: str, by: Criterion, shown: pd.DataFrame) -> None:
    for kernel in [*KERNELS, None]:
        name, colour, marker = OTHER if kernel is None else KERNELS[kernel]
        own = ~shown["kernel_size"].isin(KERNELS) if kernel is None else shown["kernel_size"] == kernel
        chosen = shown[own]
        if chosen.empty:
            continue
        many = len(shown) > MAX_VECTOR_POINTS
        sns.scatterplot(
            x=chosen[cost],
            y=100 * chosen[by],
            ax=axes,
            color=colour,
            marker=marker,
            s=7 if many else 26,
            alpha=1 if many else 0.75,
            linewidth=0 if many else 0.3,
            edgecolor=PAPER,
            label=name,
            rasterized=many,
            zorder=2,
        )


def _members(axes: Axes, cost: str, by: Criterion, front: pd.DataFrame) -> None:
    for kernel, chosen in front[front["mark"] != ""].groupby("kernel_size"):
        _, colour, marker = KERNELS.get(str(kernel), OTHER)
        axes.scatter(
            chosen[cost],
            100 * chosen[by],
            s=34,
            c=colour,
            marker=marker,
            edgecolors=INK,
            linewidths=0.9,
            zorder=4,
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


def _marks(axes: Axes, cost: str, by: Criterion, front: pd.DataFrame) -> None:
    """Letters above the members of the front; a letter that would touch another is left out."""
    if front.empty:
        return
    front = front[front["mark"] != ""]
    at = axes.transData.transform(np.column_stack([front[cost], 100 * front[by]]))
    placed: list[tuple[float, float]] = []
    scale = axes.figure.dpi / 72
    # Both ends of the front matter most, so they are labelled first.
    order = [0, len(front) - 1, *range(1, len(front) - 1)]
    for i in dict.fromkeys(order):
        x, y = at[i] + np.array([-5.5, 5.5]) * scale
        if all(abs(x - a) > 9 * scale or abs(y - b) > 9 * scale for a, b in placed):
            placed.append((x, y))
            where = front[cost].iloc[i], 100 * front[by].iloc[i]
            letter(axes, front["mark"].iloc[i], where, (-3, 3), "right", "bottom", zorder=6)


def _caption(cost: str, total: int, hidden: int, low: float, finalists: int) -> str:
    caption = (
        f"Every completed search and baseline run ({total}), one seed each. The line is the front of "
        f"accuracy and {METRICS[cost].label}. The members of the study's front are ringed; their letters are "
        "those of table 1."
    )
    if finalists:
        caption += " Bars: mean and 95 % t interval of the finalists' fresh seeds."
    if hidden:
        runs = f"{hidden} run{'s' if hidden > 1 else ''} below {100 * low:.1f} %"
        caption += f" Only the table has the {runs}."
    return caption


def _brief_caption(cost: str) -> str:
    of = {"conv_params": " alone, without those of the head", "params": " of the whole net, head included"}
    return f"The same, over the {METRICS[cost].label}{of.get(cost, '')}."
