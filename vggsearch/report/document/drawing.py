"""A figure before it becomes bytes, and the colours that figures and pages share."""

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

INK, MUTED, RULE, PAPER = "#1f2328", "#6a737d", "#d8dee4", "#ffffff"
"""Colours of text, secondary text, lines and background. A page in dark mode replaces them by its own."""

BLUE, ORANGE, GREEN, SKY, VERMILION, PURPLE = "#0072b2", "#e69f00", "#009e73", "#56b4e9", "#d55e00", "#cc79a7"
"""Colours of Okabe & Ito (2008), which people with every kind of colour vision can tell apart."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure, and the numbers in it."""

    name: str
    """Name of its files, without a suffix."""
    title: str
    caption: str
    figure: Figure
    data: pd.DataFrame
