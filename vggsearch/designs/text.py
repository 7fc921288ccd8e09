"""Levels of factors as text, in names, claims and messages."""

from vggsearch.text import quoted

Level = bool | int | float | str
"""A value of a factor, as in a study file."""


def level_text(level: Level) -> str:
    """A level in a name or a sentence: `true`, `0.0005`, `fc128`."""
    if isinstance(level, bool):
        return "true" if level else "false"
    return f"{level:.12g}" if isinstance(level, float) else str(level)


def quoted_level(level: Level) -> str:
    """A level in an error message: text in quotes, at most 62 characters."""
    if isinstance(level, str):
        return quoted(level)
    return (repr(level) if isinstance(level, float) else level_text(level))[:60]
