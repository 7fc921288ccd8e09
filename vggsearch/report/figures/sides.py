"""Words above the two ends of an axis of differences."""

from matplotlib.axes import Axes

from vggsearch.report.document import INK


def name_sides(axes: Axes, left: str, right: str) -> None:
    """Say above the axes what its left end and its right end mean."""
    for words, align, x in ((f"← {left}", "left", 0), (f"{right} →", "right", 1)):
        axes.annotate(
            words,
            (x, 1),
            (0, 5),
            xycoords="axes fraction",
            textcoords="offset points",
            ha=align,
            va="bottom",
            fontsize=8.5,
            color=INK,
        )
