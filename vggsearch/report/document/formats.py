"""Numbers, and texts from files, as a person reads them.

A missing number is an en dash. The space before a unit does not break. A text that comes from a study file, a
run or a data set's name passes through `plain`, and then through the escape of its output format.
"""

import math

from vggsearch.text import markdown as markdown, plain as plain, printable as printable

MISSING = "–"
NBSP = "\u00a0"

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_FORMULA = tuple("=+-@＝＋－＠")
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    '"': r"\textquotedbl{}",
    NBSP: "~",
    "–": "--",
    "−": "$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
}


def missing(value: float | None) -> bool:
    """Whether there is no number to print."""
    return value is None or not math.isfinite(value)


def fixed(value: float | None, digits: int) -> str:
    """`1.50`, with a true minus sign."""
    return MISSING if value is None or missing(value) else f"{value:.{digits}f}".replace("-", "−")


def percent(fraction: float | None, digits: int = 2) -> str:
    """A fraction in percent: 0.9152 is `91.52 %`."""
    if fraction is None or missing(fraction):
        return MISSING
    return f"{fixed(100 * fraction, digits)}{NBSP}%"


def points(fraction: float | None, digits: int = 2) -> str:
    """A difference of fractions in percentage points, with its sign: `+0.52 pp`."""
    if fraction is None or missing(fraction):
        return MISSING
    return f"{100 * fraction:+.{digits}f}{NBSP}pp".replace("-", "−")


def spread(mean: float | None, sd: float | None) -> str:
    """Mean and standard deviation of fractions: `91.52 ± 0.21 %`, or the mean alone."""
    if mean is None or sd is None or missing(mean) or missing(sd):
        return percent(mean)
    return f"{fixed(100 * mean, 2)}{NBSP}±{NBSP}{fixed(100 * sd, 2)}{NBSP}%"


def interval(low: float | None, high: float | None) -> str:
    """An interval of fractions: `91.31–91.73 %`."""
    if low is None or high is None or missing(low) or missing(high):
        return MISSING
    return f"{fixed(100 * low, 2)}–{fixed(100 * high, 2)}{NBSP}%"


def count(value: float | None) -> str:
    """A whole number with its thousands set apart: `10 000`."""
    if value is None or missing(value):
        return MISSING
    return f"{value:,.0f}".replace(",", NBSP).replace("-", "−")


def si(value: float | None) -> str:
    """Three digits and a prefix, for MACs and parameters: 12 345 678 is `12.3 M`."""
    if value is None or missing(value):
        return MISSING
    if abs(value) < 1000 and float(value).is_integer():
        return f"{value:.0f}".replace("-", "−")
    rounded = float(f"{value:.3g}")
    for size, prefix in _PREFIXES:
        if abs(rounded) >= size:
            return f"{_three(rounded / size)}{NBSP}{prefix}".replace("-", "−")
    return _three(rounded).replace("-", "−")


def tick(value: float) -> str:
    """A label on a logarithmic axis: 2e6 is `2 M`, 0.5 is `0.5`."""
    return si(value).replace(".00", "").replace(".0" + NBSP, NBSP)


def duration(seconds: float | None) -> str:
    """`42 s`, `12.5 min`, `3 h 25 min`, `2 d 3 h`."""
    if seconds is None or missing(seconds):
        return MISSING
    if seconds == 0:
        return f"0{NBSP}s"
    if seconds < 99.5:
        return f"{seconds:.{1 if seconds < 9.95 else 0}f}{NBSP}s"
    if seconds < 59.95 * 60:
        return f"{seconds / 60:.1f}{NBSP}min"
    minutes = round(seconds / 60)
    if minutes < 48 * 60:
        return f"{minutes // 60}{NBSP}h{NBSP}{minutes % 60}{NBSP}min"
    hours = round(seconds / 3600)
    return f"{hours // 24}{NBSP}d{NBSP}{hours % 24}{NBSP}h"


def milliseconds(value: float | None) -> str:
    """`1.23 ms`."""
    return MISSING if value is None or missing(value) else f"{_three(value)}{NBSP}ms"


def optional_number(value: float) -> str:
    """A learning rate or another setting: `0.05`; nothing where it is missing."""
    return "" if missing(value) else f"{value:g}"


def level(fraction: float) -> str:
    """A confidence level: 0.95 is `95 %`."""
    return f"{100 * fraction:.4g}{NBSP}%"


def signed_percent(fraction: float) -> str:
    """A relative difference: `+15 %`, `−0.4 %`, `0 %`."""
    if missing(fraction):
        return MISSING
    if fraction == 0:
        return f"0{NBSP}%"
    digits = 0 if abs(fraction) >= 0.0995 else 1 if abs(fraction) >= 0.0005 else 2
    return f"{100 * fraction:+.{digits}f}{NBSP}%".replace("-", "−")


def _three(value: float) -> str:
    """Three significant digits without an exponent."""
    rounded = float(f"{value:.3g}")
    digits = 2 - math.floor(math.log10(abs(rounded))) if rounded else 2
    return f"{rounded:.{min(max(digits, 0), 9)}f}"


def latex(text: str) -> str:
    """A text escaped for LaTeX, in text mode."""
    return "".join(_LATEX.get(c, c) for c in text)


def csv_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula (OWASP: CSV injection)."""
    line = plain(text, limit=4000)
    return f"'{line}" if line.startswith(_FORMULA) else line
