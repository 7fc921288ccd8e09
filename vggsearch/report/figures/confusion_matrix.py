"""What classes are taken for: a confusion matrix as a heat map."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb

from vggsearch.report.document import BLUE, PAPER, VERMILION, Drawing, plain
from vggsearch.report.figures.style import WIDE, panel
from vggsearch.report.figures.worker_time import ON_DARK, ON_LIGHT

MATRIX_CLASSES = 20
"""Most classes whose matrix can be read."""

_ONE_DECIMAL = 12
"""Most classes whose cells have room for a decimal."""

_LEAST = 0.0005
"""Shares below are left blank."""


def confusion_figure(shares: npt.NDArray[np.float64], names: Sequence[str], title: str) -> Drawing:
    """Rows are true classes, columns predicted ones; errors have their own scale of colour.

    Args:
        shares: Of shape [classes, classes]: the share of a true class's images that is taken for each class,
            NaN for classes without images.
        names: Names of the classes.
        title: What the figure is called: it names the net.
    """
    k = len(names)
    side = 0.2 + 0.062 * min(18, max(map(len, names)))
    bottom, top = side + 0.15, 0.28
    size = (WIDE, bottom + top + 0.36 * min(10, max(4, k)))
    figure, axes = panel(size, left=side, bottom=bottom, top=top)
    right = np.eye(k, dtype=bool)
    errors = np.where(right, 0.0, np.nan_to_num(shares))
    for values, shown, colour, most in (
        (errors, (errors >= _LEAST), VERMILION, max(0.01, float(errors.max()))),
        (shares, right & ~np.isnan(shares), BLUE, 2.5),
    ):
        scale = LinearSegmentedColormap.from_list("scale", [_tint(colour, 0.12), _tint(colour, 0.75)])
        sns.heatmap(
            values,
            mask=~shown,
            cmap=scale,
            vmin=0,
            vmax=most,
            cbar=False,
            linewidths=0.8,
            linecolor=PAPER,
            ax=axes,
        )
    _write(axes, np.nan_to_num(shares), errors)
    labels = [plain(name, 18) for name in names]
    middle = np.arange(k) + 0.5
    axes.set_xticks(middle, labels, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(middle, labels, rotation=0)
    axes.tick_params(length=0, labelsize=8.5 if k <= _ONE_DECIMAL else 7)
    axes.grid(visible=False)
    axes.set_xlabel("predicted class")
    axes.annotate(
        "true class (% of its images)",
        (0, 1),
        (0, 5),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="left",
        va="bottom",
    )
    caption = (
        "Each row is the images of one class; its cells say what share of them is taken for each class, as "
        "the mean over seeds. On the diagonal is the accuracy of the class. Shares below 0.05 % are blank."
    )
    rows = [(names[a], names[b], shares[a, b]) for a in range(k) for b in range(k)]
    data = pd.DataFrame(rows, columns=["true_name", "predicted_name", "share"])
    return Drawing("confusion", title, caption, figure, data)


def _write(axes: Axes, shares: npt.NDArray[np.float64], errors: npt.NDArray[np.float64]) -> None:
    """The shares in percent, each in its cell."""
    k = len(shares)
    digits, size = (1, 7.5) if k <= _ONE_DECIMAL else (0, 5.5)
    dark = 0.75 * max(0.01, float(errors.max()))
    for row in range(k):
        for column in range(k):
            if shares[row, column] >= _LEAST:
                colour = ON_DARK if errors[row, column] > dark else ON_LIGHT
                text = f"{100 * shares[row, column]:.{digits}f}"
                axes.text(
                    column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=size, color=colour
                )


def _tint(colour: str, strength: float) -> tuple[float, float, float]:
    """The colour, mixed with white."""
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(colour))
    return red, green, blue
