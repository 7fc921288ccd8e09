"""The store of runs: one file with a checksum a run, named by the digest of the run's key.

    ledger/3f/3f6c….json

One process writes (whoever holds the store's lock), any number read. A record that cannot be trusted,
because its checksum, its form or its name does not fit, is never returned: it counts as absent, so that the
run is made again, and `damaged` names it.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from vggsearch.errors import StoreError
from vggsearch.runs import (
    FINAL,
    MAX_RECORD_BYTES,
    TEMPORARY,
    Damage,
    Damaged,
    Digest,
    RunRecord,
    add_checksum,
    read_bounded,
    sweep,
    validated,
    verify_checksum,
    write_atomically,
)
from vggsearch.store.base import BaseLedger, check_digest

_NAME = re.compile(r"[0-9a-f]{64}\.json", re.ASCII)


class Ledger(BaseLedger):
    """The runs in one folder, a file each.

    Args:
        path: The folder; it need not exist before the first `put`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, digest: Digest) -> RunRecord | None:
        """See `BaseLedger.get`."""
        try:
            return _read(self._file(digest))
        except (FileNotFoundError, Damage):
            return None

    def put(self, record: RunRecord) -> None:
        """See `BaseLedger.put`. The record is on disk when this returns."""
        if stands(self.get(record.key.digest), record):
            return
        data = add_checksum(record.model_dump_json().encode())
        if len(data) > MAX_RECORD_BYTES:
            raise StoreError(
                f"a run's record has at most {MAX_RECORD_BYTES} bytes, not {len(data)}: evaluate less often"
            )
        try:
            write_atomically(self._file(record.key.digest), data)
        except OSError as error:
            raise StoreError(
                f"ledger {self.path} cannot be written ({error.strerror}): free space or mend its "
                "permissions, and run the same command again"
            ) from error

    def scan(self) -> Iterator[RunRecord | Damaged]:
        """See `BaseLedger.scan`. What is no record at all, as a folder or a link, counts as damaged."""
        for path in self._files():
            try:
                yield _read(path)
            except FileNotFoundError:
                continue
            except Damage as damage:
                yield Damaged(path, str(damage))

    def sweep(self) -> int:
        """See `BaseLedger.sweep`."""
        return sum(sweep(folder) for folder in self._folders())

    def __len__(self) -> int:
        """How many runs there are by the names of their files, which are not read: damaged ones count too."""
        return sum(_NAME.fullmatch(path.name) is not None for path in self._files())

    def _file(self, digest: Digest) -> Path:
        check_digest(digest)
        return self.path / digest[:2] / f"{digest}.json"

    def _folders(self) -> list[Path]:
        return [path for path in self._entries(self.path) if path.is_dir() and not path.is_symlink()]

    def _entries(self, folder: Path) -> list[Path]:
        try:
            return sorted(folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(
                f"ledger {self.path} cannot be read ({error.strerror}): mend its permissions, or name "
                "another store with --store"
            ) from error

    def _files(self) -> Iterator[Path]:
        for folder in self._folders():
            yield from (path for path in self._entries(folder) if not path.name.startswith(TEMPORARY))


def stands(kept: RunRecord | None, record: RunRecord) -> bool:
    """Whether `kept`, which a ledger has of a run, is not replaced by `record` of the same run."""
    return kept is not None and (kept.outcome in FINAL or kept == record)


def _read(path: Path) -> RunRecord:
    """A file's record; raises FileNotFoundError or `Damage`."""
    data = verify_checksum(read_bounded(path, MAX_RECORD_BYTES))
    record = validated(data)
    if path.name != f"{record.key.digest}.json" or path.parent.name != path.name[:2]:
        raise Damage("holds another run than its name says")
    return record
