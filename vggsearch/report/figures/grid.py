"""Small panels in rows."""

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from vggsearch.report.figures.style import WIDE


def rows_of(number: int, across: int) -> int:
    """How many rows hold `number` panels, `across` in a row."""
    return -(-number // across)


def panel_grid(
    number: int,
    across: int,
    total: float,
    *,
    left: float,
    right: float,
    top: float,
    wspace: float,
    hspace: float,
) -> tuple[Figure, list[Axes]]:
    """A figure with `number` panels, `across` in a row, on common vertical axes.

    `total` is its height; that and the margins are in inches. `wspace` and `hspace` are the spaces between
    panels as fractions of a panel.
    """
    bottom = 0.48
    figure = Figure(figsize=(WIDE, total))
    FigureCanvasAgg(figure)
    axes = list(figure.subplots(rows_of(number, across), across, squeeze=False, sharey=True).flat)
    figure.subplots_adjust(
        left=left / WIDE,
        right=1 - right / WIDE,
        bottom=bottom / total,
        top=1 - top / total,
        wspace=wspace,
        hspace=hspace,
    )
    for unused in axes[number:]:
        unused.set_axis_off()
    return figure, axes[:number]
