"""The conformance suite of ledgers: the tests of a new ledger inherit it.

```python
class TestMyLedger(LedgerConformance):
    def make(self):
        return MyLedger(...)

    def again(self, ledger):
        return MyLedger(...)  # with the same runs

    def damage(self, ledger, digest, position): ...

    def full(self, ledger): ...
```
"""
# ruff: noqa: D102 - the names of tests say what they test

import functools
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import get_args

from hypothesis import HealthCheck, given, settings, strategies as st

from vggsearch.devices import DeviceKind
from vggsearch.errors import StoreError
from vggsearch.recipe import RECIPES, Budget
from vggsearch.runs import FINAL, CurvePoint, DataKey, Digest, Outcome, Provenance, RunKey, RunRecord
from vggsearch.store import BaseLedger
from vggsearch.testing.fake import artificial_record, run_key

NO_NAMES = ("", "0" * 63, "0" * 65, "A" * 64, "../" * 22, "0" * 64 + "\n", "٠" * 64)
"""Texts that are not the digest of a run and must be refused."""

_REPLACED = sorted(set(Outcome) - FINAL)


def record(seed: int = 0, outcome: Outcome = Outcome.COMPLETED, **changes: object) -> RunRecord:
    """A record for tests; `changes` replace its fields."""
    return artificial_record(run_key(seed)).model_copy(update={"outcome": outcome, **changes})


def records() -> st.SearchStrategy[RunRecord]:
    """Records of every kind, with extreme values."""
    counts = st.integers(0, 2**63 - 1)
    numbers = st.floats(allow_nan=False, allow_infinity=False)
    amounts = st.floats(0, 1e12)
    fractions = st.floats(0, 1)
    texts = st.text(st.characters(codec="utf-8"), max_size=30)
    keys = st.builds(
        RunKey,
        architecture=st.sampled_from(["1x8+gap", "1x16-2x32k5,3+bn+fc64"]),
        input_shape=st.tuples(st.integers(1, 4), st.integers(4, 64), st.integers(4, 64)),
        num_classes=st.integers(2, 1000),
        data=st.builds(
            DataKey,
            name=texts,
            digest=st.just("a" * 64),
            val_fraction=st.floats(0.01, 0.9),
            split_seed=counts,
            split_digest=st.just("b" * 64),
        ),
        recipe=st.sampled_from(list(RECIPES.values())),
        budget=st.builds(Budget, seconds=st.floats(1e-3, 1e6))
        | st.builds(Budget, steps=st.integers(1, 10**9)),
        seed=counts,
        evaluate_on=st.sampled_from(["validation", "test"]),
        device=st.sampled_from(get_args(DeviceKind)),
        device_model=st.none() | texts,
    )
    points = st.builds(
        CurvePoint,
        **dict.fromkeys(("step", "images", "val_images"), counts),
        **dict.fromkeys(("fraction", "val_accuracy"), fractions),
        train_s=amounts,
        train_loss=st.none() | numbers,
        val_loss=numbers,
    )
    provenance = st.builds(
        Provenance,
        **dict.fromkeys(("vggsearch", "python", "torch", "platform", "processor"), texts),
        **dict.fromkeys(("commit", "gpu"), st.none() | texts),
        **dict.fromkeys(("threads", "cpu_count"), counts),
        **dict.fromkeys(("started_at", "finished_at"), st.floats(0, 1e10)),
        bit_reproducible=st.booleans(),
    )
    return st.builds(
        RunRecord,
        **dict.fromkeys(("steps", "images"), counts),
        key=keys,
        outcome=st.sampled_from(Outcome),
        reason=texts,
        **dict.fromkeys(("val_accuracy", "val_balanced_accuracy", "val_majority"), st.none() | fractions),
        val_loss=st.none() | numbers,
        curve=st.lists(points, max_size=3).map(tuple),
        train_s=amounts,
        peak_memory_bytes=st.none() | counts,
        contended=st.booleans(),
        provenance=st.none() | provenance,
    )


class LedgerConformance(ABC):
    """The tests that every ledger passes."""

    @abstractmethod
    def make(self) -> BaseLedger:
        """An empty ledger in a place of its own."""

    @abstractmethod
    def again(self, ledger: BaseLedger) -> BaseLedger:
        """Another object with the runs of `ledger`, as another process opens it."""

    @abstractmethod
    def damage(self, ledger: BaseLedger, digest: Digest, position: float) -> None:
        """Change a bit of that run's kept bytes; `position` is from 0, the beginning, to 1, past the end."""

    @abstractmethod
    def full(self, ledger: BaseLedger) -> AbstractContextManager[object]:
        """A context in which the ledger's place has no room for another byte."""

    def test_an_empty_ledger_holds_nothing(self) -> None:
        ledger = self.make()
        assert (list(ledger), len(ledger), ledger.damaged(), ledger.sweep()) == ([], 0, [], 0)
        assert ledger.get("0" * 64) is None
        assert "0" * 64 not in ledger

    @given(found=st.lists(records(), max_size=4, unique_by=lambda found: found.key.digest))
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    def test_what_is_put_is_what_is_got_in_order_of_digest(self, found: list[RunRecord]) -> None:
        ledger = self.make()
        for each in found:
            ledger.put(each)
            ledger.put(each)
        for handle in (ledger, self.again(ledger)):
            assert [handle.get(each.key.digest) for each in found] == found
            assert list(handle) == sorted(found, key=lambda each: each.key.digest)
            assert len(handle) == len(found)
            assert all(each.key.digest in handle for each in found)
            assert handle.damaged() == []

    def test_final_outcomes_stand_and_others_are_replaced(self) -> None:
        for first in Outcome:
            for second in (Outcome.COMPLETED, *_REPLACED):
                ledger = self.make()
                ledger.put(record(outcome=first, steps=1))
                ledger.put(record(outcome=second, steps=2))
                kept = record(outcome=first, steps=1) if first in FINAL else record(outcome=second, steps=2)
                assert list(ledger) == [kept]
                assert ledger.get(kept.key.digest) == kept
                assert len(ledger) == 1

    def test_weights_may_be_added_to_a_final_record_and_nothing_else(self) -> None:
        ledger = self.make()
        ledger.put(record(steps=1))
        ledger.put(record(steps=2, weights="a" * 64))
        assert list(ledger) == [record(steps=1)]
        for named in ("a" * 64, "b" * 64, None):
            ledger.put(record(steps=1, weights=named))
            assert list(self.again(ledger)) == [record(steps=1, weights=named or "b" * 64)]

    def test_digests_are_found_by_their_beginning_though_damaged(self) -> None:
        ledger = self.make()
        for seed in range(20):
            ledger.put(record(seed))
        known = sorted(each.key.digest for each in ledger)
        self.damage(ledger, known[3], 0.5)
        assert ledger.digests() == known
        for prefix in (known[3], known[3][:9], known[3][:1], "f" * 64):
            assert ledger.digests(prefix) == [digest for digest in known if digest.startswith(prefix)]

    def test_what_names_no_run_is_refused(self) -> None:
        ledger = self.make()
        ledger.put(record())
        for name in NO_NAMES:
            said = _refusal(functools.partial(ledger.get, name))
            assert said.startswith("a run is named by 64 hexadecimal digits, not "), name
            assert name not in ledger
        assert 0 not in ledger

    def test_a_damaged_record_is_named_counts_as_absent_and_hides_no_other(self) -> None:
        ledger = self.make()
        whole = sorted((record(seed) for seed in range(5)), key=lambda each: each.key.digest)
        for each in whole:
            ledger.put(each)
        broken = whole[2].key.digest
        for part in range(40):
            self.damage(ledger, broken, part / 40)
            for handle in (ledger, self.again(ledger)):
                assert handle.get(broken) is None
                assert broken not in handle
                assert list(handle) == whole[:2] + whole[3:]
                (found,) = handle.damaged()
                assert broken in found.path.name
                assert found.reason
                assert "\n" not in found.reason
                assert len(handle) == 5
            ledger.put(whole[2])
            assert list(ledger) == whole
            assert ledger.damaged() == []

    def test_where_there_is_no_room_one_line_says_so_and_what_was_there_is_there(self) -> None:
        ledger = self.make()
        first, other = record(0, _REPLACED[0]), record(1)
        ledger.put(first)
        with self.full(ledger):
            said = _refusal(lambda: ledger.put(other))
        assert said
        assert "\n" not in said
        assert list(self.again(ledger)) == list(ledger) == [first]
        assert ledger.damaged() == []
        ledger.put(record(0))
        ledger.put(other)
        assert set(ledger) == {record(0), other}

    def test_what_one_handle_puts_the_other_sees(self) -> None:
        ledger = self.make()
        other = self.again(ledger)
        assert list(other) == []
        ledger.put(record(0, _REPLACED[0]))
        assert list(other) == [record(0, _REPLACED[0])]
        ledger.put(record(0))
        ledger.put(record(1))
        assert other.get(record(0).key.digest) == record(0)
        assert len(other) == 2

    def test_readers_see_whole_records_while_one_writes(self) -> None:
        ledger = self.make()
        written = [record(i % 8, _REPLACED[0], steps=i) for i in range(64)]
        known = set(written)
        ledger.put(written[0])

        def write() -> None:
            for each in written[1:]:
                ledger.put(each)

        writer = threading.Thread(target=write)
        reader = self.again(ledger)
        writer.start()
        while writer.is_alive():
            assert known.issuperset(reader.scan())
            assert reader.get(written[0].key.digest) in known
        writer.join()
        assert set(reader) == set(written[-8:])

    def test_sweeping_removes_no_record(self) -> None:
        ledger = self.make()
        for seed in range(3):
            ledger.put(record(seed))
        ledger.sweep()
        assert len(list(ledger)) == 3


def _refusal(action: Callable[[], object]) -> str:
    """The message of the `StoreError` that `action` raises; empty where it raises none."""
    try:
        action()
    except StoreError as error:
        return str(error)
    return ""
