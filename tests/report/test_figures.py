"""The pieces of figures that have an answer of their own."""

import re
from itertools import pairwise

import matplotlib as mpl
import pytest
from hypothesis import given, settings, strategies as st

from vggsearch.report.document.drawing import BLUE, INK, ORANGE
from vggsearch.report.document.inline_svg import inline
from vggsearch.report.figures.style import apart, panel, png, svg, theme
from vggsearch.report.search.tradeoff_figure import KERNELS


@settings(deadline=None)
@given(st.lists(st.floats(-100, 100), max_size=12), st.floats(0.1, 10))
def test_labels_are_moved_apart_and_stay_in_order(wanted, gap):
    placed = apart(wanted, gap)
    ordered = sorted(placed)
    assert all(b - a >= gap - 1e-6 for a, b in pairwise(ordered))
    assert sum(placed) == pytest.approx(sum(wanted), abs=1e-6)
    for i, x in enumerate(wanted):
        for j, y in enumerate(wanted):
            assert not (x < y and placed[i] > placed[j])


def test_labels_that_are_apart_stay_where_they_are():
    assert apart([3.0, 1.0, 2.0], 0.5) == [3.0, 1.0, 2.0]


def test_two_labels_at_one_place_share_the_way():
    assert apart([1.0, 1.0], 0.5) == [0.75, 1.25]


def drawn(text="100 $ <b>"):
    figure, axes = panel()
    axes.plot([1, 2], [1, 2], color=BLUE, clip_on=True, marker="o")
    axes.set_xlabel(text)
    return figure


def test_texts_in_a_figure_are_texts_and_neither_markup_nor_mathematics():
    with theme():
        picture = svg(drawn())
    assert "100 $ &lt;b&gt;" in picture


def test_two_figures_on_a_page_share_no_name_and_follow_its_colours():
    with theme():
        pages = [inline(svg(drawn()), name, 'say "x" & <y>') for name in ("one", "two")]
    names = [set(re.findall(r' id="([^"]+)"', page)) for page in pages]
    assert names[0]
    assert not names[0] & names[1]
    for page, own in zip(pages, names, strict=True):
        assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', page)) == own
        assert INK not in page
        assert BLUE in page
        assert "var(--ink)" in page
        assert 'aria-label="say &#34;x&#34; &amp; &lt;y&gt;"' in page
        assert "http" not in page


def test_the_look_lasts_no_longer_than_it_is_asked_for():
    before = dict(mpl.rcParams)
    with theme():
        assert mpl.rcParams["svg.fonttype"] == "none"
    assert dict(mpl.rcParams) == before


def test_pictures_repeat():
    with theme():
        assert png(drawn()) == png(drawn())
        assert svg(drawn()) == svg(drawn())


def lightness(colour):
    """CIE L* of an sRGB colour: what is left of it in grey."""
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in mpl.colors.to_rgb(colour)
    )
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return 116 * y ** (1 / 3) - 16


def test_kernel_sizes_differ_in_marker_and_in_grey():
    assert len({marker for _, _, marker in KERNELS.values()}) == len(KERNELS)
    greys = [lightness(KERNELS[size][1]) for size in ("3", "mixed", "5")]
    assert greys[1] - greys[0] > 10
    assert greys[2] - greys[1] > 10
    assert lightness(ORANGE) - lightness(BLUE) > 20
