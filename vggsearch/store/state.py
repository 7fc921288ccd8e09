"""What a controller writes down besides trials, so that the next one goes on where it was killed.

    studies/NAME/asked.json       candidates that were handed out and not answered yet
    studies/NAME/finalists.json   which architectures were selected, before the first of them is tested
    studies/NAME/rates.json       which learning rate each arm got, before the first of its pairs

A note that is missing or damaged costs nothing but work: what it held is asked, or selected, again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import Field, ValidationError

from vggsearch.errors import StoreError
from vggsearch.runs import (
    TEMPORARY,
    Damage,
    Digest,
    Moment,
    Stage,
    add_checksum,
    read_bounded,
    verify_checksum,
    write_atomically,
)
from vggsearch.schema import Frozen

MAX_NOTE_BYTES = 16 * 2**20


class PendingCandidate(Frozen):
    """A candidate that was handed out."""

    stage: Stage
    number: int = Field(ge=0)
    architecture: str = Field(max_length=2000)
    seed: int = Field(ge=0)
    run: Digest | None = None
    """Of the run's key; None where it is known from the rest."""
    cached: bool | None
    """Whether its run was going, or in the ledger, when it was first asked; None where nobody knows."""
    asked_at: Moment


class PendingCandidates(Frozen):
    """Everything that was handed out and not answered."""

    asked: tuple[PendingCandidate, ...] = ()


class Selection(Frozen):
    """The finalists."""

    architectures: tuple[str, ...]
    """In the order of selection; later selections are added at the end."""
    runs: int
    """How many answered runs they were last selected from."""
    count: int
    """How many were wanted then."""


class RateChoice(Frozen):
    """The learning rates of an ablation's arms."""

    rates: dict[str, float] = Field(default={}, max_length=100_000)
    """By arm."""


Note = TypeVar("Note", PendingCandidates, Selection, RateChoice)


class ControllerState:
    """The notes of one study, in its folder of the store."""

    def __init__(self, folder: Path) -> None:
        self._asked = folder / "asked.json"
        self._selection = folder / "finalists.json"
        self._rates = folder / "rates.json"

    def pending(self) -> tuple[PendingCandidate, ...]:
        """What was handed out; some of it may have been recorded since."""
        note = _read(self._asked, PendingCandidates)
        return note.asked if note else ()

    def put_pending(self, asked: tuple[PendingCandidate, ...]) -> None:
        """Keep what is handed out now. Raises `StoreError`.

        Survives any end of the process. It is not worth waiting for the disk, as a power failure ends the
        runs too.
        """
        temporary = self._asked.with_name(f"{TEMPORARY}{self._asked.name}")
        with _writing(self._asked):
            self._asked.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(_sealed(PendingCandidates(asked=asked)))
            temporary.replace(self._asked)

    def selection(self) -> Selection | None:
        """The finalists, where they were selected."""
        return _read(self._selection, Selection)

    def put_selection(self, selection: Selection) -> None:
        """Fix the finalists, on disk when this returns. Raises `StoreError`."""
        with _writing(self._selection):
            write_atomically(self._selection, _sealed(selection))

    def rates(self) -> dict[str, float]:
        """The learning rates that were chosen, by arm."""
        note = _read(self._rates, RateChoice)
        return note.rates if note else {}

    def put_rates(self, choice: RateChoice) -> None:
        """Fix the learning rates, on disk when this returns. Raises `StoreError`."""
        with _writing(self._rates):
            write_atomically(self._rates, _sealed(choice))


def _read(path: Path, form: type[Note]) -> Note | None:
    try:
        return form.model_validate_json(verify_checksum(read_bounded(path, MAX_NOTE_BYTES)))
    except (FileNotFoundError, Damage, ValidationError):
        return None


def _sealed(note: PendingCandidates | Selection | RateChoice) -> bytes:
    return add_checksum(note.model_dump_json().encode())


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror}): free space or mend permissions, "
            "and run the same command again"
        ) from error
