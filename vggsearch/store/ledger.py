"""The ledger in a folder: one file with a checksum a run, named by the digest of the run's key.

    ledger/3f/3f6c….json

One process writes: the holder of the store's lock. Any number read. A record whose checksum, form or name
does not fit is never returned: it counts as absent, so that the run is made again, and `damaged` names it.
"""

from collections.abc import Iterator
from pathlib import Path

from vggsearch.errors import StoreError
from vggsearch.runs import (
    MAX_RECORD_BYTES,
    Damage,
    Damaged,
    Digest,
    RunRecord,
    read_bounded,
    sweep,
    write_atomically,
)
from vggsearch.store.base import BaseLedger, check_digest, decode_record, encode_record, is_kept
from vggsearch.store.files import entries, read_each, reading, writing
from vggsearch.store.layout import RECORD, folders, record_path


class Ledger(BaseLedger):
    """The runs in one folder, a file each.

    Args:
        path: The folder; it need not exist before the first `put`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, digest: Digest) -> RunRecord | None:
        """See `BaseLedger.get`."""
        check_digest(digest)
        try:
            return read_record(record_path(self.path, digest))
        except (FileNotFoundError, Damage):
            return None

    def put(self, record: RunRecord) -> None:
        """See `BaseLedger.put`."""
        digest = record.key.digest
        if is_kept(self.get(digest), record):
            return
        data = encode_record(record)
        if len(data) > MAX_RECORD_BYTES:
            raise StoreError(
                f"a run's record has at most {MAX_RECORD_BYTES} bytes, not {len(data)}: evaluate less often"
            )
        path = record_path(self.path, digest)
        with writing(path):
            write_atomically(path, data)

    def scan(self) -> Iterator[RunRecord | Damaged]:
        """See `BaseLedger.scan`. What is no record's file, as a folder or a link, counts as damaged."""
        return read_each(self._files(), read_record)

    def digests(self, prefix: str = "") -> list[Digest]:
        """See `BaseLedger.digests`. The names of the files tell."""
        names = (path.name for path in self._files(prefix[:2]))
        return [name[:64] for name in names if RECORD.fullmatch(name) and name.startswith(prefix)]

    def sweep(self) -> int:
        """See `BaseLedger.sweep`."""
        return sum(map(sweep, self._shards()))

    def _shards(self) -> list[Path]:
        with reading(self.path):
            return folders(self.path)

    def _files(self, prefix: str = "") -> Iterator[Path]:
        """What lies in the shards whose names begin with `prefix`."""
        for shard in self._shards():
            if shard.name.startswith(prefix):
                yield from entries(shard)


def read_record(path: Path) -> RunRecord:
    """The record in a ledger's file; raises FileNotFoundError and `Damage`."""
    record = decode_record(read_bounded(path, MAX_RECORD_BYTES), path.stem)
    if path != record_path(path.parents[1], path.stem):
        raise Damage("holds another run than its name says")
    return record
