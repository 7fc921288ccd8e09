"""What a crash is attributed to: chance, the candidate, or a broken set-up."""

from vggsearch.errors import VggSearchError
from vggsearch.runs import Digest
from vggsearch.study.control.active import ActiveRun

MAX_ATTEMPTS = 2
"""A crashed run is made once more, because the cause may be temporary."""

MAX_FIRST_CRASHES = 3
"""So many different runs may crash before any run ends otherwise; then the set-up is to blame."""


class Crashes:
    """Runs that crashed for good and are not recorded while the set-up may be to blame.

    Args:
        trusted: Whether an earlier session of the study had runs that did not crash.
    """

    def __init__(self, *, trusted: bool) -> None:
        self._trusted = trusted
        self._proven = False
        """Whether a run has ended without a crash in this session."""
        self.held: list[ActiveRun] = []

    def find(self, digest: Digest) -> ActiveRun | None:
        """The run of that digest, where it is held."""
        return next((run for run in self.held if run.key.digest == digest), None)

    def note_success(self) -> list[ActiveRun]:
        """A run ended without a crash, so the set-up works; returns the held runs, to be recorded."""
        self._proven = True
        return self._release()

    def note_crash(self, run: ActiveRun) -> list[ActiveRun]:
        """A run crashed for good; returns the runs to be recorded.

        Raises `VggSearchError` where too many crashed before any other ended.
        """
        self.held.append(run)
        if self._proven:
            return self._release()
        if len(self.held) >= MAX_FIRST_CRASHES:
            raise self._broken()
        return []

    def note_end(self) -> list[ActiveRun]:
        """Nothing is active any more; returns the held runs, to be recorded.

        Raises `VggSearchError` where no run of the study ever ended without a crash.
        """
        if self.held and not self._trusted:
            raise self._broken()
        return self._release()

    def _release(self) -> list[ActiveRun]:
        released, self.held = self.held, []
        return released

    def _broken(self) -> VggSearchError:
        count, run = len(self.held), self.held[-1].run
        which = "first run" if count == 1 else f"first {count} runs"
        return VggSearchError(
            f"the {which} crashed, so the set-up is to blame ({run.reason if run else ''}): "
            "repair it, and run the same command again"
        )
