"""Ledgers keep their contract; the suite itself lies in `vggsearch.testing.ledgers`."""

import contextlib
import os

import pytest

from vggsearch.runs import Ledger
from vggsearch.testing.ledgers import LedgerConformance
from vggsearch.testing.memory import MemoryLedger


def spoiled(data: bytes) -> bytes:
    """With one bit changed, in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


class TestLedger(LedgerConformance):
    @pytest.fixture(autouse=True)
    def _with_folders(self, tmp_path_factory):
        self.folder = lambda: tmp_path_factory.mktemp("store") / "ledger"

    def make(self):
        return Ledger(self.folder())

    def again(self, ledger):
        return Ledger(ledger.path)

    def damage(self, ledger, digest):
        path = ledger.path / digest[:2] / f"{digest}.json"
        path.write_bytes(spoiled(path.read_bytes()))

    @contextlib.contextmanager
    def full(self, ledger):
        def no_room(_):
            raise OSError(28, "No space left on device")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fsync", no_room)
            yield ledger


class TestMemoryLedger(LedgerConformance):
    def make(self):
        return MemoryLedger()

    def again(self, ledger):
        return MemoryLedger(ledger.kept)

    def damage(self, ledger, digest):
        ledger.kept[digest] = spoiled(ledger.kept[digest])

    @contextlib.contextmanager
    def full(self, ledger):
        ledger.room = len(ledger)
        yield ledger
        ledger.room = None
