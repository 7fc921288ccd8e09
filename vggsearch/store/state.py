"""What a controller writes down besides trials, so that the next one continues where it was killed.

    studies/NAME/asked.json       candidates that were handed out and not answered yet
    studies/NAME/finalists.json   the selected architectures, before the first of them is tested
    studies/NAME/options.json     how many trials a search was last asked for
    studies/NAME/rates.json       the learning rate of each arm, before the first of its pairs

A file that is missing or damaged costs only work: its content is asked for, or selected, again.
"""

from pathlib import Path
from typing import TypeVar

from pydantic import Field, ValidationError

from vggsearch.runs import TEMPORARY, Damage, Digest, Moment, Stage, add_checksum, read_checksummed
from vggsearch.schema import Frozen
from vggsearch.store.files import write, writing
from vggsearch.store.layout import MAX_STATE_BYTES, OPTIONS, PENDING, RATES, SELECTION


class PendingCandidate(Frozen):
    """A candidate that was handed out and not answered."""

    stage: Stage
    number: int = Field(ge=0)
    architecture: str = Field(max_length=2000)
    seed: int = Field(ge=0)
    run: Digest | None = None
    """The digest of its run's key; None where the other fields determine it."""
    cached: bool | None
    """Whether its run was active or recorded when it was first asked for; None where that is unknown."""
    asked_at: Moment


class PendingCandidates(Frozen):
    """The content of `asked.json`."""

    asked: tuple[PendingCandidate, ...] = ()


class Selection(Frozen):
    """The finalists."""

    architectures: tuple[str, ...]
    """In the order of selection; later selections are added at the end."""
    runs: int
    """How many answered runs the last selection was made from."""
    count: int
    """How many were wanted at the last selection."""


class RateChoice(Frozen):
    """The learning rates of an ablation's arms."""

    rates: dict[str, float] = Field(default={}, max_length=100_000)
    """The rate of each arm, by the arm's name."""


class Options(Frozen):
    """What a search was last asked for."""

    in_file: int | None = None
    """`trials` of the study file."""
    trials: int | None = None
    """`trials` that was in force, from the file or an option of the command."""


State = TypeVar("State", PendingCandidates, Selection, RateChoice, Options)


class ControllerState:
    """The state of one study's controller, in the study's folder of the store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def pending(self) -> tuple[PendingCandidate, ...]:
        """The candidates that were handed out; some of them may have been recorded since."""
        found = self._read(PENDING, PendingCandidates)
        return found.asked if found else ()

    def put_pending(self, asked: tuple[PendingCandidate, ...]) -> None:
        """Keep the candidates that are handed out now. Raises `StoreError`.

        The file survives any end of the process. It does not wait for the disk, because a power failure ends
        the runs too.
        """
        path = self._folder / PENDING
        temporary = path.with_name(f"{TEMPORARY}{PENDING}")
        with writing(path):
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(add_checksum(PendingCandidates(asked=asked).model_dump_json().encode()))
            temporary.replace(path)

    def selection(self) -> Selection | None:
        """The finalists, where they were selected."""
        return self._read(SELECTION, Selection)

    def put_selection(self, selection: Selection) -> None:
        """Keep the finalists, on disk when this returns. Raises `StoreError`."""
        write(self._folder / SELECTION, selection.model_dump_json().encode())

    def options(self) -> Options | None:
        """What a search was last asked for, where that is known."""
        return self._read(OPTIONS, Options)

    def put_options(self, options: Options) -> None:
        """Keep what a search is asked for, on disk when this returns. Raises `StoreError`."""
        write(self._folder / OPTIONS, options.model_dump_json().encode())

    def rates(self) -> dict[str, float]:
        """The learning rates that were chosen, by arm."""
        found = self._read(RATES, RateChoice)
        return found.rates if found else {}

    def put_rates(self, choice: RateChoice) -> None:
        """Keep the learning rates, on disk when this returns. Raises `StoreError`."""
        write(self._folder / RATES, choice.model_dump_json().encode())

    def _read(self, name: str, form: type[State]) -> State | None:
        try:
            return read_state(self._folder / name, form)
        except (FileNotFoundError, Damage, ValidationError):
            return None


def read_state(path: Path, form: type[State]) -> State:
    """The content of a state file; raises FileNotFoundError, `Damage` and ValidationError."""
    return form.model_validate_json(read_checksummed(path, MAX_STATE_BYTES))
