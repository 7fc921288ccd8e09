"""Learning curves of two sides of a contrast, mean and spread over seeds."""

import pandas as pd
from matplotlib.ticker import FuncFormatter

from vggsearch.report.document import BLUE, VERMILION, Drawing, plain
from vggsearch.report.figures import label, panel, percent_axis, round_ticks, time_unit

_WORDS = {
    "epoch": ("passes over the training images", "epoch"),
    "train_s": ("training seconds without evaluation", "training second"),
}

_LINES = ((BLUE, "-", "o"), (VERMILION, (0, (4, 1.5)), "s"))


def arm_curve_figure(curves: pd.DataFrame, x: str, names: dict[str, str]) -> Drawing:
    """Validation accuracy over epochs or training seconds.

    Args:
        curves: side, point, n, epoch, train_s, mean, sd; one row for each point of a side's curve.
        x: `epoch` or `train_s`.
        names: The name of each side, in their order.
    """
    figure, axes = panel()
    unit, scale = time_unit(float(curves["train_s"].max())) if x == "train_s" else ("", 1.0)
    for (side, name), (colour, dashes, marker) in zip(names.items(), _LINES, strict=False):
        own = curves[curves["side"] == side]
        at, mean, sd = own[x] / scale, 100 * own["mean"], 100 * own["sd"].fillna(0.0)
        axes.fill_between(at, mean - sd, mean + sd, color=colour, alpha=0.18, linewidth=0)
        axes.plot(
            at,
            mean,
            marker,
            linestyle=dashes,
            color=colour,
            markersize=4,
            linewidth=1.5,
            label=f"{plain(name, 22)}, n = {int(own['n'].max())}",
        )
    top = 100 * float((curves["mean"] + curves["sd"].fillna(0)).max())
    low = 100 * float(curves["mean"].quantile(0.1))
    axes.set_ylim(min(low, top - 1) - 0.3, top + 0.3)
    axes.set_xlim(left=0)
    round_ticks(axes.xaxis)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    percent_axis(axes)
    label(axes, "epochs" if x == "epoch" else f"training time ({unit})", "Validation accuracy (%)")
    axes.legend(loc="lower right", handlelength=2.2)
    words, short = _WORDS[x]
    caption = (
        f"Validation accuracy over {words}: mean over seeds, and a band of one standard deviation. Before "
        "the end of a run it is measured on a fixed part of the validation images."
    )
    return Drawing(f"learning_by_{x}", f"Learning curves by {short}", caption, figure, curves)
