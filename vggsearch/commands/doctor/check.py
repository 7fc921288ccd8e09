"""`Check`: one line of what `vggsearch doctor` found."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked."""

    name: str
    state: State
    """`note` is worth knowing and stops nothing."""
    text: str
    """What was found, and what to do about it where it is wrong; unprintable characters are replaced."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", printable(self.text))


def printable(text: str) -> str:
    """`text`, which may hold file names from anyone, without what would move a terminal's cursor."""
    return "".join(character if character.isprintable() else "?" for character in text)


def counted(count: int, word: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
