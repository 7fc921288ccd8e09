"""`BaseLedger`: what every ledger promises, wherever it keeps its records."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from vggsearch.errors import StoreError
from vggsearch.runs import (
    FINAL,
    Damage,
    Damaged,
    Digest,
    RunRecord,
    add_checksum,
    validated,
    verify_checksum,
)
from vggsearch.store.layout import DIGEST


class BaseLedger(ABC):
    """Keeps the results of runs, one record a run, by the digest of its key.

    `vggsearch.testing.ledgers` holds the tests that every ledger passes.

    **Replacing.** A record whose outcome is in `vggsearch.runs.FINAL` is kept for ever; only the name of its
    weights may be added or change. Any other is kept until the next record of its run is put. Putting a
    record that is there already changes nothing.

    **Damage.** A record is returned exactly as it was put, or not at all. A damaged or forged record counts
    as absent, so that its run is made again and `put` replaces it. `damaged` names it. It hides no other.

    **Durability.** When `put` returns, the record is on disk. When `put` raises or is killed, the ledger
    holds the old record or the new one, whole.

    **One writer.** One process puts and sweeps, through one object. Any number of others read at the same
    time, and see every record that was put before they read.
    """

    @abstractmethod
    def get(self, digest: Digest) -> RunRecord | None:
        """The record of that run; None where there is none or it is damaged.

        Raises `StoreError` where `digest` is not 64 lower-case hexadecimal digits.
        """

    @abstractmethod
    def put(self, record: RunRecord) -> None:
        """Keep a record, on disk when this returns; ignored where `is_kept` says that the present one stays.

        Raises `StoreError` where it cannot be written; the old record is then still there.
        """

    @abstractmethod
    def scan(self) -> Iterator[RunRecord | Damaged]:
        """Every record in order of digest, and what is damaged between them. Raises for no single record."""

    @abstractmethod
    def digests(self, prefix: str = "") -> list[Digest]:
        """The digests that begin with `prefix`, in order, without reading records: damaged ones count too."""

    @abstractmethod
    def sweep(self) -> int:
        """Remove what interrupted writes left, and count it; only for the ledger's one writer."""

    def damaged(self) -> list[Damaged]:
        """Everything that is not a sound record, and why. Reads the whole ledger."""
        return [found for found in self.scan() if isinstance(found, Damaged)]

    def has_final(self, digest: Digest) -> bool:
        """Whether the run has a record that is kept for ever."""
        record = self.get(digest)
        return record is not None and record.outcome in FINAL

    def __len__(self) -> int:
        return len(self.digests())

    def __contains__(self, digest: object) -> bool:
        return (
            isinstance(digest, str) and DIGEST.fullmatch(digest) is not None and self.get(digest) is not None
        )

    def __iter__(self) -> Iterator[RunRecord]:
        return (found for found in self.scan() if isinstance(found, RunRecord))


def check_digest(digest: str) -> None:
    """Raise `StoreError` where `digest` is not the name of a run."""
    if DIGEST.fullmatch(digest) is None:
        raise StoreError(
            f"a run is named by 64 hexadecimal digits, not {digest[:70]!r}: copy them from a trial table"
        )


def is_kept(present: RunRecord | None, record: RunRecord) -> bool:
    """Whether a ledger keeps the `present` record of a run where `record` of the same run is put."""
    if present is None or present == record:
        return present is not None
    if present.outcome not in FINAL:
        return False
    return record.weights is None or record != present.model_copy(update={"weights": record.weights})


def encode_record(record: RunRecord) -> bytes:
    """The bytes in which a ledger keeps a record: JSON and its checksum."""
    return add_checksum(record.model_dump_json().encode())


def decode_record(data: bytes, digest: Digest) -> RunRecord:
    """The record of the run `digest` in such bytes; raises `Damage` where they do not hold it."""
    record = validated(verify_checksum(data))
    if record.key.digest != digest:
        raise Damage("holds another run than its name says")
    return record
