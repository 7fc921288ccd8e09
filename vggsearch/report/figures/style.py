"""The look of all figures: fonts, colours, sizes, axes, and their output as SVG and PNG."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator
from PIL import Image

from vggsearch.report.document import BLUE, GREEN, INK, MUTED, PAPER, RULE, VERMILION, tick

PANEL = (4.9, 3.55)
"""Inches of a panel, which is legible on a phone and at half the width of a page."""

DPI = 150
CLOUD_DPI = 110
"""Resolution of the pictures inside an SVG."""

WIDE = 5.3
"""Inches of the widest figures."""

MOST_DOTS = 400
"""A strip of more dots is a blot; only its summary is drawn."""

MARKERS = "osD^vP*Xhd"

VERDICT_COLOURS: Mapping[str, str] = {"supported": BLUE, "refuted": VERMILION, "equivalent": GREEN}
"""Colours by verdict; other verdicts are drawn in `MUTED`."""

MAX_VECTOR_POINTS = 1200
"""A cloud of more points is drawn as one picture inside the SVG."""


@contextmanager
def theme() -> Iterator[None]:
    """Draw and save figures in the report's look inside the `with` block, and nowhere else."""
    look = sns.axes_style("ticks") | sns.plotting_context("paper")
    own: dict[str, object] = {
        "font.family": ["sans-serif"],
        # Texts are measured in matplotlib's own font, so that every machine lays figures out alike.
        "font.sans-serif": ["DejaVu Sans", "Verdana", "Helvetica", "Arial"],
        "font.size": 9,
        "axes.labelsize": 9,
        "axes.titlesize": 9,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "legend.fontsize": 8.5,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": MUTED,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": RULE,
        "grid.linewidth": 0.6,
        "xtick.major.size": 3,
        "ytick.major.size": 0,
        "xtick.minor.size": 1.5,
        "axes.facecolor": PAPER,
        "figure.facecolor": PAPER,
        "savefig.facecolor": PAPER,
        "legend.frameon": False,
        "legend.handletextpad": 0.3,
        "legend.columnspacing": 1.2,
        "axes.unicode_minus": True,
        # Labels hold texts from files, in which a dollar sign is a dollar sign.
        "text.parse_math": False,
        "text.usetex": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "vggsearch",
        "path.simplify": True,
    }
    with mpl.rc_context(look | own):
        yield


def panel(
    size: tuple[float, float] = PANEL, *, left: float = 0.52, bottom: float = 0.47, top: float = 0.36
) -> tuple[Figure, Axes]:
    """An empty figure with one pair of axes; margins in inches."""
    figure = Figure(figsize=size)
    FigureCanvasAgg(figure)
    width, height = size
    axes = figure.add_axes(
        (left / width, bottom / height, 1 - (left + 0.12) / width, 1 - (bottom + top) / height)
    )
    return figure, axes


def label(axes: Axes, x: str, y: str) -> None:
    """Name both axes; the name of the vertical axis stands level above it."""
    axes.set_xlabel(x, labelpad=4)
    axes.set_ylabel("")
    axes.annotate(
        y,
        (0, 1),
        (-30, 9),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="left",
        va="bottom",
        color=INK,
    )


def key_above(axes: Axes, columns: int = 4) -> None:
    """The legend, in one line above the axes, to the right of the vertical axis' name."""
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.02, 1.0),
        ncols=columns,
        borderpad=0.2,
        handlelength=1.4,
        borderaxespad=0.2,
    )


def log_axis(axes: Axes) -> None:
    """A logarithmic horizontal axis with labels such as `2 M`."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    narrow = high / low < 30
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if narrow else (1.0,)))
    axes.xaxis.set_minor_locator(LogLocator(subs=tuple(range(2, 10))) if not narrow else NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(low, high)


def round_ticks(axis: Axis, most: int = 6) -> None:
    """At most about `most` ticks, at round numbers."""
    axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 5, 10]))


def signed_ticks(axis: Axis, most: int = 6) -> None:
    """Round numbers with their signs, and a plain 0."""
    round_ticks(axis, most)
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:+g}".replace("-", "−") if abs(value) > 1e-9 else "0")
    )


def percent_axis(axes: Axes, *, most: int = 6) -> None:
    """Round numbers on a vertical axis in percent or percentage points."""
    round_ticks(axes.yaxis, most)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))
    axes.grid(axis="x", visible=False)


def time_unit(longest_s: float) -> tuple[str, float]:
    """The unit of an axis of times up to `longest_s`, and its seconds."""
    if longest_s < 180:
        return "s", 1.0
    return ("min", 60.0) if longest_s < 3 * 3600 else ("h", 3600.0)


def letter(
    axes: Axes,
    text: str,
    at: tuple[float, float],
    offset: tuple[float, float],
    ha: Literal["left", "right"],
    va: Literal["bottom", "center"],
    *,
    clip: bool | None = None,
    zorder: float = 3,
) -> None:
    """A bold letter `offset` points from a mark."""
    axes.annotate(
        text,
        at,
        offset,
        textcoords="offset points",
        ha=ha,
        va=va,
        fontsize=8,
        fontweight="bold",
        color=INK,
        annotation_clip=clip,
        zorder=zorder,
    )


def first_of(most: int, total: int, things: str = "") -> str:
    """What a caption says where only the first `most` of `total` things are drawn."""
    return f" The first {most} of {total}{things and f' {things}'}." if total > most else ""


def apart(wanted: Sequence[float], gap: float) -> list[float]:
    """The positions nearest to `wanted` that are at least `gap` apart and in the same order.

    Neighbours that are too close become a group around their mean (pool-adjacent-violators).
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    groups: list[tuple[float, int]] = []  # sum of (wanted - offset), members
    for rank, i in enumerate(order):
        groups.append((wanted[i] - rank * gap, 1))
        while len(groups) > 1 and groups[-2][0] / groups[-2][1] > groups[-1][0] / groups[-1][1]:
            total, members = groups.pop()
            groups[-1] = (groups[-1][0] + total, groups[-1][1] + members)
    level = [total / members for total, members in groups for _ in range(members)]
    placed = [0.0] * len(wanted)
    for rank, i in enumerate(order):
        placed[i] = level[rank] + rank * gap
    return placed


def jitter(number: int, width: float = 0.3) -> npt.NDArray[np.float64]:
    """Offsets that spread dots evenly, the same every time: the golden ratio's low-discrepancy sequence."""
    steps = np.arange(number, dtype=np.float64) * 0.618033988749895
    return np.asarray(width * ((steps + 0.5) % 1.0 - 0.5), dtype=np.float64)


def svg(figure: Figure) -> str:
    """The figure as SVG, without a date or a version; texts are kept as texts."""
    buffer = io.StringIO()
    figure.savefig(
        buffer,
        format="svg",
        dpi=CLOUD_DPI,
        metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
    )
    return buffer.getvalue()


def png(figure: Figure) -> bytes:
    """The figure as a PNG of at most 256 colours, without a version."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="rgba", dpi=DPI)
    width, height = (int(inches * DPI) for inches in figure.get_size_inches())
    image = Image.frombytes("RGBA", (width, height), buffer.getvalue()).convert("RGB")
    image = image.quantize(256, dither=Image.Dither.NONE)
    small = io.BytesIO()
    image.save(small, format="PNG", optimize=True)
    return small.getvalue()
