"""One line of what `vggsearch doctor` found."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    state: State
    """`note` is worth knowing and stops nothing."""
    text: str
    """What is, and what to do about it where it is wrong."""


def plain(text: str) -> str:
    """`text`, which may hold a stranger's file names, without what would move a terminal's cursor."""
    return "".join(character if character.isprintable() else "?" for character in text)
