"""Learning curves of two sides of a contrast, mean and spread over seeds."""

import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator

from vggsearch.report.document import BLUE, VERMILION, Drawing, plain
from vggsearch.report.figures.style import label, panel, percent_axis

_LINES = ((BLUE, "-", "o"), (VERMILION, (0, (4, 1.5)), "s"))

AXES = {"epoch": "epochs", "train_s": "training time"}


def arm_curve_figure(curves: pd.DataFrame, x: str, names: dict[str, str]) -> Drawing:
    """Validation accuracy over epochs or training seconds.

    Args:
        curves: side, point, n, epoch, train_s, mean, sd; one row a point of a side's curve.
        x: `epoch` or `train_s`.
        names: What a side is called, in their order.
    """
    figure, axes = panel()
    longest = float(curves["train_s"].max())
    unit, scale = ("s", 1.0) if longest < 180 else ("min", 60.0) if longest < 3 * 3600 else ("h", 3600.0)
    scale = scale if x == "train_s" else 1.0
    for (side, name), (colour, dashes, marker) in zip(names.items(), _LINES, strict=False):
        own = curves[curves["side"] == side]
        at, mean, sd = own[x] / scale, 100 * own["mean"], 100 * own["sd"].fillna(0.0)
        axes.fill_between(at, mean - sd, mean + sd, color=colour, alpha=0.18, linewidth=0)
        text = f"{plain(name, 22)}, n = {int(own['n'].max())}"
        axes.plot(
            at, mean, color=colour, linestyle=dashes, marker=marker, markersize=4, linewidth=1.5, label=text
        )
    top, low = (
        100 * float((curves["mean"] + curves["sd"].fillna(0)).max()),
        100 * float(curves["mean"].quantile(0.1)),
    )
    axes.set_ylim(min(low, top - 1) - 0.3, top + 0.3)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    percent_axis(axes)
    label(axes, "epochs" if x == "epoch" else f"training time ({unit})", "Validation accuracy (%)")
    axes.legend(loc="lower right", handlelength=2.2)
    words = {"epoch": "passes over the training images", "train_s": "training seconds, evaluation apart"}[x]
    caption = (
        f"Validation accuracy over {words}; mean over seeds, band of one standard deviation. Before the "
        "end it is measured on a fixed part of the validation images."
    )
    short = {"epoch": "epoch", "train_s": "training second"}[x]
    return Drawing(f"learning_by_{x}", f"Learning curves by {short}", caption, figure, curves)
