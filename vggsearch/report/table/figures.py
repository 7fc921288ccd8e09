"""The figures of a table: each network at two budgets, and the shares of variance."""

import numpy as np
import pandas as pd

from vggsearch.report.document import BLUE, INK, ORANGE, SKY, Drawing
from vggsearch.report.figures import PANEL, key_above, label, panel
from vggsearch.tables import Table

COLOURS = (SKY, BLUE, ORANGE)
MARKS = ("o", "s", "D")


def fidelity_figure(table: Table) -> Drawing | None:
    """Mean accuracy at each shorter budget against that at the full one; None where none is shorter."""
    runs = table.frame()
    runs = runs[runs["outcome"] == "completed"]
    means = runs.pivot_table(index="architecture", columns="amount", values="val_accuracy")
    full = table.header.full
    shorter = [one.amount for one in table.fidelities if one.amount < full.amount and one.amount in means]
    if full.amount not in means or not shorter:
        return None
    figure, axes = panel(PANEL)
    for number, amount in enumerate(shorter):
        both = means[[amount, full.amount]].dropna()
        axes.plot(
            100 * both[full.amount],
            100 * both[amount],
            MARKS[number % len(MARKS)],
            color=COLOURS[number % len(COLOURS)],
            markersize=2.4,
            markeredgewidth=0,
            alpha=0.7,
            label=f"{amount:g}",
        )
    label(axes, f"accuracy at {full} (%)", "accuracy at a shorter budget (%)")
    key_above(axes)
    caption = "One point a network and budget: validation accuracy, mean over seeds."
    data = means.reset_index().rename(columns={amount: f"at_{amount:g}" for amount in means.columns})
    return Drawing("fidelities", "Short runs against full ones", caption, figure, data)


def shares_figure(shares: pd.DataFrame) -> Drawing:
    """Shares of variance as bars, in the order of the table."""
    y = -np.arange(len(shares), dtype=float)
    figure, axes = panel((PANEL[0], 0.8 + 0.2 * len(shares)), left=1.6)
    axes.barh(y, 100 * shares["added"], 0.66, color=BLUE, edgecolor=INK, linewidth=0.6)
    axes.set_yticks(y, shares["factor"])
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("share of the variance (%), added to all other factors")
    caption = (
        "What a linear model of all factors explains less without one of them; the last rows are all "
        "factors, what else differs between networks, and the seed."
    )
    return Drawing("shares", "Shares of variance", caption, figure, shares)
