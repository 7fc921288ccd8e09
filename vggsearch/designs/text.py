"""How names and levels are written, in messages and in claims."""

from vggsearch.text import quoted

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
