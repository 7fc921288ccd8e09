"""A store in memory, for replays of searches; its ledger is also the example of a second ledger."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vggsearch.errors import StoreError
from vggsearch.runs import Damage, Damaged, Digest, RunRecord, Stage, TrialRecord
from vggsearch.store.base import BaseLedger, check_digest, decode_record, encode_record, is_kept
from vggsearch.store.layout import OPTIONS, PENDING, RATES, SELECTION
from vggsearch.store.state import (
    ControllerState,
    Options,
    PendingCandidate,
    PendingCandidates,
    RateChoice,
    Selection,
    State,
)
from vggsearch.store.store import Store, StudyIdentity, trial_order


class MemoryLedger(BaseLedger):
    """The runs in a dictionary; ledgers with the same dictionary share their runs.

    Args:
        kept: Records with their checksums, by digest; a new dictionary by default.
        room: How many runs fit; None for any number.
    """

    def __init__(self, kept: dict[Digest, bytes] | None = None, room: int | None = None) -> None:
        self.kept = {} if kept is None else kept
        self.room = room

    def get(self, digest: Digest) -> RunRecord | None:
        """See `BaseLedger.get`."""
        check_digest(digest)
        try:
            return decode_record(self.kept[digest], digest)
        except (KeyError, Damage):
            return None

    def put(self, record: RunRecord) -> None:
        """See `BaseLedger.put`."""
        digest = record.key.digest
        if is_kept(self.get(digest), record):
            return
        if self.room is not None and len(self.kept.keys() | {digest}) > self.room:
            raise StoreError(f"a ledger in memory has room for {self.room} runs: give it more")
        self.kept[digest] = encode_record(record)

    def scan(self) -> Iterator[RunRecord | Damaged]:
        """See `BaseLedger.scan`."""
        for digest in self.digests():
            try:
                yield decode_record(self.kept[digest], digest)
            except Damage as damage:
                yield Damaged(Path(digest), str(damage))

    def digests(self, prefix: str = "") -> list[Digest]:
        """See `BaseLedger.digests`."""
        return sorted(digest for digest in self.kept if digest.startswith(prefix))

    def sweep(self) -> int:
        """See `BaseLedger.sweep`. No write in memory is interrupted."""
        return 0


class MemoryStore(Store):
    """A store of one process, which ends with it: nothing is written, nothing is locked.

    Its trials and its state are objects in memory; an ablation's plan needs a folder and has no place here.
    """

    def __init__(self) -> None:
        super().__init__(Path("in memory"), MemoryLedger())
        self._trials: dict[str, dict[tuple[Stage, int], TrialRecord]] = {}
        self._states: dict[str, MemoryState] = {}

    @contextmanager
    def lock(self, *, repairing: bool = False) -> Iterator[None]:
        """See `Store.lock`: no other process can have it."""
        del repairing
        yield

    def begin(self, study: StudyIdentity) -> None:
        """See `Store.begin`: nothing was here before."""
        options = study.options()
        if options is not None:
            self.state(study.name).put_options(options)

    def studies(self) -> list[str]:
        """See `Store.studies`."""
        return sorted(self._trials)

    def put_trial(self, trial: TrialRecord) -> None:
        """See `Store.put_trial`."""
        self._trials.setdefault(trial.study, {})[trial.stage, trial.number] = trial

    def scan_trials(self, name: str) -> Iterator[TrialRecord | Damaged]:
        """See `Store.scan_trials`."""
        yield from sorted(self._trials.get(name, {}).values(), key=trial_order)

    def state(self, name: str) -> ControllerState:
        """See `Store.state`."""
        return self._states.setdefault(name, MemoryState())


class MemoryState(ControllerState):
    """The state of one study's controller, in a dictionary."""

    def __init__(self) -> None:
        super().__init__(Path("in memory"))
        self._kept: dict[str, PendingCandidates | Selection | Options | RateChoice] = {}

    def put_pending(self, asked: tuple[PendingCandidate, ...]) -> None:
        """See `ControllerState.put_pending`."""
        self._kept[PENDING] = PendingCandidates(asked=asked)

    def put_selection(self, selection: Selection) -> None:
        """See `ControllerState.put_selection`."""
        self._kept[SELECTION] = selection

    def put_options(self, options: Options) -> None:
        """See `ControllerState.put_options`."""
        self._kept[OPTIONS] = options

    def put_rates(self, choice: RateChoice) -> None:
        """See `ControllerState.put_rates`."""
        self._kept[RATES] = choice

    def _read(self, name: str, form: type[State]) -> State | None:
        found = self._kept.get(name)
        return found if isinstance(found, form) else None
