"""A figure before it becomes bytes, and the colours that figures and pages share."""

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

INK, MUTED, RULE, PAPER = "#1f2328", "#6a737d", "#d8dee4", "#ffffff"
"""Text, lesser text, lines, ground. The page replaces them by its own, so that figures follow its dark
mode."""


BLUE, ORANGE, GREEN, SKY, VERMILION, PURPLE = "#0072b2", "#e69f00", "#009e73", "#56b4e9", "#d55e00", "#cc79a7"
"""Okabe & Ito (2008): told apart with every kind of colour vision."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure with the numbers in it."""

    name: str
    """Of its files."""
    title: str
    caption: str
    figure: Figure
    data: pd.DataFrame
