"""What a controller writes down besides trials, so that the next one goes on where it was killed.

    studies/NAME/asked.json       candidates that were handed out and not answered yet
    studies/NAME/finalists.json   which architectures were selected, before the first of them is tested

A note that is missing or damaged costs nothing but work: what it held is asked, or selected, again.
"""

from pathlib import Path
from typing import TypeVar

from pydantic import Field, ValidationError

from vggsearch.errors import StoreError
from vggsearch.recipe import Frozen
from vggsearch.runs.sealed import Damage, read_bounded, seal, unseal, write_atomically
from vggsearch.study.events import Stage

MAX_NOTE_BYTES = 16 * 2**20


class Asked(Frozen):
    """A candidate that was handed out."""

    stage: Stage
    number: int = Field(ge=0)
    architecture: str = Field(max_length=2000)
    seed: int = Field(ge=0)
    cached: bool
    """Whether its run was going, or in the ledger, when it was first asked."""
    asked_at: float


class AskedNote(Frozen):
    """Everything that was handed out and not answered."""

    asked: tuple[Asked, ...] = ()


class Selection(Frozen):
    """The finalists."""

    architectures: tuple[str, ...]
    """In the order of selection; later selections are added at the end."""
    runs: int
    """How many answered runs they were last selected from."""
    count: int
    """How many were wanted then."""


Note = TypeVar("Note", AskedNote, Selection)


class Notes:
    """The notes of one study, in its folder of the store."""

    def __init__(self, folder: Path) -> None:
        self._asked = folder / "asked.json"
        self._selection = folder / "finalists.json"

    def asked(self) -> tuple[Asked, ...]:
        """What was handed out; some of it may have been recorded since."""
        note = _read(self._asked, AskedNote)
        return note.asked if note else ()

    def put_asked(self, asked: tuple[Asked, ...]) -> None:
        """Keep what is handed out now. Raises `StoreError`."""
        _write(self._asked, AskedNote(asked=asked))

    def selection(self) -> Selection | None:
        """The finalists, where they were selected."""
        return _read(self._selection, Selection)

    def put_selection(self, selection: Selection) -> None:
        """Fix the finalists. Raises `StoreError`."""
        _write(self._selection, selection)


def _read(path: Path, form: type[Note]) -> Note | None:
    try:
        return form.model_validate_json(unseal(read_bounded(path, MAX_NOTE_BYTES)))
    except (FileNotFoundError, Damage, ValidationError):
        return None


def _write(path: Path, note: AskedNote | Selection) -> None:
    try:
        write_atomically(path, seal(note.model_dump_json().encode()))
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror}): free space or mend permissions, "
            "and run the same command again"
        ) from error
