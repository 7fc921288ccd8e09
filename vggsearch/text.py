"""Words and values as messages have them: quoted, shortened, safe to print."""

import difflib
import math
import re
from collections.abc import Sequence

_SURROGATE = re.compile("[\ud800-\udfff]")


def shown(value: object, *, quote: bool = True) -> str:
    """A value from a file as one short line that is safe to print, written as YAML would have it."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, dict):
        text = (
            "{"
            + ", ".join(f"{shown(k, quote=False)}: {shown(v, quote=False)}" for k, v in value.items())
            + "}"
        )
    elif isinstance(value, tuple | list):
        text = "[" + ", ".join(shown(item, quote=False) for item in value) + "]"
    elif isinstance(value, str) and (quote or not value.isprintable()):
        text = ascii(value) if _SURROGATE.search(value) else repr(value)
    elif isinstance(value, float) and abs(value) >= 1e5 and math.isfinite(value):
        mantissa, _, exponent = f"{value:.14e}".partition("e")
        text = f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    else:
        text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def quoted(text: str) -> str:
    """`text` in quotes for a message: unprintable characters escaped, at most 62 characters in all."""
    shown = repr(text[:80])
    return shown if len(shown) <= 62 else f"{shown[:58]}...{shown[0]}"


def suggestion(word: str, known: Sequence[str]) -> str:
    """The remedy for a word that is not one of those known."""
    near = difflib.get_close_matches(word[:80].lower(), known, 1)
    listed = ", ".join(known)
    return f"did you mean {near[0]}? (there are {listed})" if near else f"use one of {listed}"
