"""How names and levels are written, in messages and in claims."""

import difflib
from collections.abc import Sequence

from vggsearch.arch.spec import quoted

Level = bool | int | float | str
"""A value that a factor takes, as study files have it."""


def shown(level: Level) -> str:
    """A level as names and sentences have it: `true`, `0.0005`, `fc128`."""
    if isinstance(level, bool):
        return "true" if level else "false"
    return f"{level:.12g}" if isinstance(level, float) else str(level)


def given(level: Level) -> str:
    """A level as a message gives it back: text in quotes, and at most a line of it."""
    if isinstance(level, str):
        return quoted(level)
    return (repr(level) if isinstance(level, float) else shown(level))[:60]


def suggestion(word: str, known: Sequence[str]) -> str:
    """The remedy for a word that is not one of those known."""
    near = difflib.get_close_matches(word[:80].lower(), known, 1)
    listed = ", ".join(known)
    return f"did you mean {near[0]}? (there are {listed})" if near else f"use one of {listed}"
