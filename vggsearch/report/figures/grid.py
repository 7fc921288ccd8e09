"""Small panels in rows, alike but for one thing."""

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

WIDTH = 5.3
"""Inches of a grid: as wide as the widest figure of a page."""


def grid(
    number: int, across: int, height: float, *, top: float = 0.5, gap: float = 0.62
) -> tuple[Figure, list[Axes]]:
    """A figure with `number` panels of `height` inches, `across` in a row, on common vertical axes.

    `top` and `gap` are inches above the first row, and between rows.
    """
    down = -(-number // across)
    bottom, left, right = 0.48, 0.42, 0.1
    total = down * height + (down - 1) * gap + top + bottom
    figure = Figure(figsize=(WIDTH, total))
    FigureCanvasAgg(figure)
    axes = list(figure.subplots(down, across, squeeze=False, sharey=True, sharex=False).flat)
    figure.subplots_adjust(
        left=left / WIDTH,
        right=1 - right / WIDTH,
        bottom=bottom / total,
        top=1 - top / total,
        wspace=0.14,
        hspace=gap / height,
    )
    for unused in axes[number:]:
        unused.set_axis_off()
    return figure, axes[:number]
