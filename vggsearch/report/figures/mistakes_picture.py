"""Images that a net got wrong most confidently, as one picture."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from vggsearch.report.document import INK, Drawing, Record, percent, plain
from vggsearch.report.figures.grid import rows_of
from vggsearch.report.figures.style import WIDE

_ACROSS = 4
_TILE = 1.05
_TEXT = 0.56
"""Inches of a picture, and of the three lines under it."""


def mistakes_figure(
    mistakes: pd.DataFrame, pixels: Sequence[npt.NDArray[np.uint8]], title: str, channels: int
) -> Drawing:
    """A grid of images, each with its true class, the predicted class, and the probability of that.

    Args:
        mistakes: One row for each image: `true_name`, `predicted_name`, `probability`, `agreeing`, `runs`.
        pixels: The images in the same order, of shape [1 or 3, height, width].
        title: What the figure is called: it names the net.
        channels: Number of channels that the net sees.
    """
    rows = rows_of(len(mistakes), _ACROSS)
    height = rows * (_TILE + _TEXT + 0.08)
    figure = Figure(figsize=(WIDE, height))
    FigureCanvasAgg(figure)
    for i, (row, image) in enumerate(zip(mistakes.to_dict("records"), pixels, strict=True)):
        left = (i % _ACROSS + 0.5) * WIDE / _ACROSS - _TILE / 2
        top = i // _ACROSS * (_TILE + _TEXT + 0.08) + _TILE
        axes = figure.add_axes((left / WIDE, 1 - top / height, _TILE / WIDE, _TILE / height))
        grey = image.shape[0] == 1
        axes.imshow(
            image[0] if grey else np.moveaxis(image, 0, -1),
            cmap="gray" if grey else None,
            vmin=0,
            vmax=255,
            interpolation="none",
        )
        axes.set_axis_off()
        axes.annotate(
            _words(row),
            (0.5, 0),
            (0, -3),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=8,
            linespacing=1.15,
            color=INK,
        )
    caption = (
        "The true class, the class that was predicted instead, the probability that the net gave it, and "
        "how many of the runs predict it. Of each run its 20 surest mistakes are kept. These images show "
        "what the net finds hard, and labels that may be wrong."
    )
    if channels not in (1, 3):
        some = "first three are shown as red, green and blue" if channels > 3 else "first is shown"
        caption += f" Of the {channels} channels of an image the {some}."
    return Drawing("mistakes", title, caption, figure, mistakes)


def _words(row: Record) -> str:
    sure = f"{percent(row['probability'], 1)}, {row['agreeing']} of {row['runs']}"
    return f"{plain(row['true_name'], 20)}\n→ {plain(row['predicted_name'], 18)}\n{sure}"
