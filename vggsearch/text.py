"""Words and values as messages have them: quoted, shortened, safe to print."""

import difflib
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""What `json` can write."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&$])")


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


NEAR = 0.7
"""Similarity (`difflib`, 0 to 1) from which a known word is offered for a misspelt one."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be, or begins; None where none is near."""
    word, known = word[:80].lower(), list(known)
    begun = sorted((each for each in known if len(word) > 3 and each.startswith(word)), key=len)
    return next(iter(begun or difflib.get_close_matches(word, known, 1, NEAR)), None)


def suggestion(word: str, known: Sequence[str]) -> str:
    """The remedy for a word that is not one of those known."""
    near = nearest(word, known)
    return f"did you mean {near}?" if near else f"use one of {', '.join(known)}"


def percent(fraction: float | None) -> str:
    """0.9123 -> `91.23 %`; a dash where there is none."""
    return "–" if fraction is None else f"{100 * fraction:.2f} %"


def short_count(count: float) -> str:
    """15470264320 -> `15.5 G`: three digits and a power of a thousand."""
    for power, prefix in ((4, " T"), (3, " G"), (2, " M"), (1, " k")):
        if abs(count) >= 0.9995 * 1000**power:
            return f"{count / 1000**power:.3g}{prefix}"
    return f"{count:.3g}"


def shape_text(shape: Sequence[int]) -> str:
    """(1, 28, 28) -> `1×28×28`."""
    return "×".join(map(str, shape))


def size(count: float) -> str:
    """Bytes for people: 1536 -> `1.5 kB`, in powers of a thousand."""
    return f"{short_count(count)}B" if abs(count) >= 999.5 else f"{count:.0f} B"


def duration(seconds: float) -> str:
    """`42 s`, `3 min 05 s`, `2 h 07 min`, `3 d 04 h`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600:02d} h"


def plain(text: object, limit: int = 400) -> str:
    """A text from a file as one line of at most `limit` characters.

    Control and direction characters are replaced.
    """
    line = " ".join(printable(str(text)).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def printable(text: str) -> str:
    """A text of several lines; control and direction characters become U+FFFD, and tabs become spaces."""
    if text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")
    return "".join("�" if _unprintable(c) else c for c in text)


def _unprintable(character: str) -> bool:
    return character != "\n" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co")


def markdown(text: str) -> str:
    """A text escaped for a line of Markdown: no markup, HTML, link or table column is left in it."""
    return _MARKDOWN.sub(r"\\\1", text).replace("://", ":&#47;&#47;").replace("www.", "www&#46;")
