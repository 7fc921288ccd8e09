"""`BaseLedger`: what the store of runs promises, wherever it keeps them."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator

from vggsearch.errors import StoreError
from vggsearch.runs import Damaged, Digest, RunRecord

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


class BaseLedger(ABC):
    """Keeps what came of runs, one record a run, by the digest of its key.

    `vggsearch.testing.ledgers` holds the tests that every ledger passes.

    **What stands.** A record whose outcome is in `vggsearch.runs.FINAL` stands for ever. Any other stands
    until the next one of its run is put. Putting what is there already changes nothing.

    **What is trusted.** A record is returned as it was put, to the bit, or not at all. One that was damaged
    since, or forged, counts as absent, so that its run is made again and `put` takes its place; `damaged`
    names it, and it hides no other.

    **When.** What `put` returned from is there for good. What it raised from, or was killed in, leaves what
    was there before, or the new record, whole.

    **One writer.** One process puts and sweeps, by one handle. Any number of others read meanwhile, and see
    what was put from then on.
    """

    @abstractmethod
    def get(self, digest: Digest) -> RunRecord | None:
        """The record of that run, or None where there is none or it is damaged.

        Raises `StoreError` where `digest` is not 64 lower-case hexadecimal digits.
        """

    @abstractmethod
    def put(self, record: RunRecord) -> None:
        """Keep a record, for good when this returns; it is ignored where the one that is there is `FINAL`.

        Raises `StoreError` where it cannot be written; what was there before is then still there.
        """

    @abstractmethod
    def scan(self) -> Iterator[RunRecord | Damaged]:
        """Every record in order of digest, and in between what is damaged; nothing raises for one of them."""

    @abstractmethod
    def sweep(self) -> int:
        """Remove what interrupted writes left behind, and count it; only for the ledger's one writer."""

    @abstractmethod
    def __len__(self) -> int:
        """How many runs there are, without reading them: damaged ones count too."""

    def damaged(self) -> list[Damaged]:
        """Everything that is not a record it can trust, and why. Reads the whole ledger."""
        return [found for found in self.scan() if isinstance(found, Damaged)]

    def __contains__(self, digest: object) -> bool:
        return (
            isinstance(digest, str) and _DIGEST.fullmatch(digest) is not None and self.get(digest) is not None
        )

    def __iter__(self) -> Iterator[RunRecord]:
        return (found for found in self.scan() if isinstance(found, RunRecord))


def check_digest(digest: str) -> None:
    """Raise `StoreError` where that is not the name of a run."""
    if _DIGEST.fullmatch(digest) is None:
        raise StoreError(
            f"a run is named by 64 hexadecimal digits, not {digest[:70]!r}: copy them from a trial table"
        )
