"""Ledgers keep their contract; the suite itself lies in `vggsearch.testing.ledgers`."""

import contextlib
import os

import pytest

from vggsearch.store import MemoryLedger
from vggsearch.store.ledger import Ledger
from vggsearch.testing.ledgers import LedgerConformance


def spoiled(data: bytes, position: float) -> bytes:
    """With one bit changed, so far into it."""
    at = int(position * len(data))
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


class TestLedger(LedgerConformance):
    @pytest.fixture(autouse=True)
    def _with_folders(self, tmp_path_factory):
        self.folder = lambda: tmp_path_factory.mktemp("store") / "ledger"

    def make(self):
        return Ledger(self.folder())

    def again(self, ledger):
        return Ledger(ledger.path)

    def damage(self, ledger, digest, position):
        path = ledger.path / digest[:2] / f"{digest}.json"
        path.write_bytes(spoiled(path.read_bytes(), position))

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

    def damage(self, ledger, digest, position):
        ledger.kept[digest] = spoiled(ledger.kept[digest], position)

    @contextlib.contextmanager
    def full(self, ledger):
        ledger.room = len(ledger)
        yield ledger
        ledger.room = None
