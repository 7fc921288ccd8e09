"""The forest plot shows what the meta-analysis of its cells says."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from vggsearch.analysis.meta_analysis import random_effects
from vggsearch.report.figures.forest_plot import MOST_CELLS, forest_figure
from vggsearch.report.figures.style import svg, theme


def cells(count, data_sets=6):
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "cell": [f"data {i % data_sets}, ÷ {4 + i}" for i in range(count)],
            "data_set": [f"data {i % data_sets}" for i in range(count)],
            "effect": rng.normal(0.004, 0.002, size=count),
            "se": rng.uniform(0.0005, 0.002, size=count),
            "n": [10] * count,
        }
    )


def drawn(table):
    with theme():
        found = random_effects(table, 0.05)
        return found, forest_figure(table, found, ("5×5", "3×3"), "test accuracy", 0.05)


def test_every_cell_has_its_interval_and_all_together_a_diamond():
    table = cells(6)
    found, drawing = drawn(table)
    (axes,) = drawing.figure.axes
    reach = stats.t.ppf(0.975, 9) * table["se"]
    assert drawing.data["low"].tolist() == pytest.approx((table["effect"] - reach).tolist())
    assert drawing.data["weight"].tolist() == pytest.approx(list(found.weights))
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [
        *(f"{cell}, n = 10" for cell in table["cell"]),
        "all 6 cells",
    ]
    (diamond,) = axes.patches
    assert diamond.get_xy()[:, 0].min() == pytest.approx(100 * found.low)
    assert diamond.get_xy()[:, 0].max() == pytest.approx(100 * found.high)
    assert f"the sign-flip p is {found.p:.2g}" in drawing.caption
    with theme():
        assert b"5\xc3\x975 better" in svg(drawing.figure).encode()


def test_with_fewer_data_sets_the_caption_has_no_p():
    _, drawing = drawn(cells(10, data_sets=5))
    assert " p is " not in drawing.caption


def test_two_cells_have_no_range_for_a_third_and_many_are_cut():
    found, drawing = drawn(cells(2))
    assert np.isnan(found.predicted_low)
    assert len(drawing.figure.axes[0].patches) == 1
    _, drawing = drawn(cells(MOST_CELLS + 5))
    assert f"The first {MOST_CELLS} of {MOST_CELLS + 5} cells." in drawing.caption
    assert len(drawing.data) == MOST_CELLS + 5


def test_intervals_that_a_study_gave_are_kept():
    table = cells(4).assign(low=-0.01, high=0.02)
    _, drawing = drawn(table)
    assert set(drawing.data["low"]) == {-0.01}
