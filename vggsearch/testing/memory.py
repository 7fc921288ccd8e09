"""A ledger in memory, for tests that need no disk, and as the example of a second ledger."""

from collections.abc import Iterator
from pathlib import Path

from vggsearch.errors import StoreError
from vggsearch.runs import Damage, Damaged, Digest, RunRecord
from vggsearch.store import BaseLedger, check_digest, decode_record, encode_record, is_kept


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
