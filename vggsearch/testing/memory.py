"""A ledger in memory, for tests that need no disk, and as the example of a second one."""

from collections.abc import Iterator
from pathlib import Path

from vggsearch.errors import StoreError
from vggsearch.runs import Damage, Damaged, Digest, RunRecord, add_checksum, validated, verify_checksum
from vggsearch.store import BaseLedger, check_digest, stands


class MemoryLedger(BaseLedger):
    """The runs in a dictionary, which is the place: ledgers of one dictionary are handles on the same runs.

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
            return self._read(digest)
        except (KeyError, Damage):
            return None

    def put(self, record: RunRecord) -> None:
        """See `BaseLedger.put`. There is as much memory as `room` says."""
        digest = record.key.digest
        if stands(self.get(digest), record):
            return
        if self.room is not None and len(self.kept.keys() | {digest}) > self.room:
            raise StoreError(f"a ledger in memory has room for {self.room} runs: give it more")
        self.kept[digest] = add_checksum(record.model_dump_json().encode())

    def scan(self) -> Iterator[RunRecord | Damaged]:
        """See `BaseLedger.scan`."""
        for digest in sorted(self.kept):
            try:
                yield self._read(digest)
            except Damage as damage:
                yield Damaged(Path(digest), str(damage))

    def sweep(self) -> int:
        """See `BaseLedger.sweep`. A write in memory is not interrupted."""
        return 0

    def __len__(self) -> int:
        """See `BaseLedger`."""
        return len(self.kept)

    def _read(self, digest: Digest) -> RunRecord:
        """Raises KeyError or `Damage`."""
        record = validated(verify_checksum(self.kept[digest]))
        if record.key.digest != digest:
            raise Damage("holds another run than its name says")
        return record
