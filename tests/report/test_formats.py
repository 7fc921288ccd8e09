"""Numbers and strangers' texts in print."""

import re

import pytest
from hypothesis import given, strategies as st

from vggsearch.report.document import formats as f

NAN = float("nan")


@pytest.mark.parametrize(
    ("function", "arguments", "printed"),
    [
        (f.percent, (0.91523,), "91.52 %"),
        (f.percent, (0.915, 1), "91.5 %"),
        (f.percent, (None,), "–"),
        (f.percent, (NAN,), "–"),
        (f.points, (0.00523,), "+0.52 pp"),
        (f.points, (-0.0012,), "−0.12 pp"),
        (f.spread, (0.9152, 0.0021), "91.52 ± 0.21 %"),
        (f.spread, (0.9152, NAN), "91.52 %"),
        (f.spread, (NAN, NAN), "–"),
        (f.interval, (0.9131, 0.9173), "91.31–91.73 %"),
        (f.interval, (NAN, NAN), "–"),
        (f.count, (10000,), "10 000"),
        (f.count, (None,), "–"),
        (f.si, (12_345_678,), "12.3 M"),
        (f.si, (999_999,), "1.00 M"),
        (f.si, (43_093_322,), "43.1 M"),
        (f.si, (15_470_264_320,), "15.5 G"),
        (f.si, (158,), "158"),
        (f.si, (1000,), "1.00 k"),
        (f.si, (0,), "0"),
        (f.si, (88,), "88"),
        (f.si, (0.5,), "0.500"),
        (f.tick, (2e6,), "2 M"),
        (f.tick, (100_000,), "100 k"),
        (f.duration, (0,), "0 s"),
        (f.duration, (4.25,), "4.2 s"),
        (f.duration, (59.4,), "59 s"),
        (f.duration, (750,), "12.5 min"),
        (f.duration, (12_300,), "3 h 25 min"),
        (f.duration, (183_600,), "2 d 3 h"),
        (f.duration, (NAN,), "–"),
        (f.milliseconds, (1.2345,), "1.23 ms"),
        (f.milliseconds, (0.0456,), "0.0456 ms"),
        (f.fixed, (-1.5, 2), "−1.50"),
    ],
)
def test_numbers_are_printed_with_sensible_digits_and_units(function, arguments, printed):
    assert function(*arguments).replace(f.NBSP, " ") == printed


@given(st.floats(min_value=1, max_value=1e15))
def test_a_prefixed_number_is_right_to_three_digits(value):
    number, _, prefix = f.si(value).partition(f.NBSP)
    size = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}[prefix]
    assert float(number) * size == pytest.approx(value, rel=5.1e-3)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'=1"),
        ("\r\n=1", "'=1"),
        (" =1", "'=1"),
        ("＝1", "'＝1"),
        ("1x16-1x32+bn+gap", "1x16-1x32+bn+gap"),
    ],
)
def test_no_csv_cell_is_a_formula(text, cell):
    assert f.csv_cell(text) == cell


@given(st.text())
def test_plain_text_is_one_printable_line(text):
    line = f.plain(text, limit=50)
    assert len(line) <= 50
    assert len(line.splitlines()) <= 1
    assert f.plain(line, limit=50) == line
    assert not re.search("[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]", line)


@given(st.text(alphabet='\\{}$&#^_~%<>"ab'))
def test_latex_has_no_character_left_that_means_something(text):
    escaped = f.latex(text)
    commands = r"\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater|textquotedbl)\{\}"
    assert re.sub(r"\\[&%$#_{}]", "", re.sub(commands, "", escaped)).strip("ab") == ""


@given(st.text(alphabet="\\`*_[]<>|~&$!()ab"))
def test_markdown_escapes_every_character_that_marks(text):
    assert re.sub(r"\\[\\`*_\[\]<>|~&$]", "", f.markdown(text)).strip("ab!()") == ""


def test_markdown_makes_no_link_of_an_address():
    assert "://" not in f.markdown("see https://example.org")
