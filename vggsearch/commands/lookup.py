"""Find one run by the first digits of its key, and say what its record promises."""

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vggsearch.errors import VggSearchError
from vggsearch.runs import Digest, RunRecord, TrialRecord, unpack_bits
from vggsearch.store import Store
from vggsearch.study import StudyResults

SHORTEST = 6
"""Digits of a key that name a run where no other begins with them."""

_PREFIX = re.compile(rf"[0-9a-f]{{{SHORTEST},64}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Found:
    """A run, and where it was found."""

    record: RunRecord
    trials: tuple[TrialRecord, ...]
    """Those that it answered, in any study there."""
    place: str
    """The option that names the place in a command; empty for the default store."""

    @property
    def repeat(self) -> str:
        """The command that trains it again."""
        return f"vggsearch runs repeat {self.record.key.digest[:12]}{self.place}"


def find_run(text: str, *, store: Path, source: Path | None) -> Found:
    """The one run whose digest begins with `text`; raises `VggSearchError` where there is not exactly one."""
    if _PREFIX.fullmatch(text) is None:
        raise VggSearchError(
            f"a run is named by the first {SHORTEST} to 64 hexadecimal digits of its key, not {text[:70]!r}: "
            "copy them from a report's table of runs"
        )
    if source is not None:
        results = StudyResults.read(source / "data")
        record = results.runs[_only(text, results.runs, f"report {source}")]
        trials: Iterable[TrialRecord] = results.trials
        place = shlex.join(["--from", str(source)])
    else:
        opened = Store.open(store, create=False)
        digest = _only(text, _digests(opened, text), f"store {store}")
        kept = opened.ledger.get(digest)
        if kept is None:
            raise VggSearchError(
                f"store {store}: run {digest[:12]} is damaged: delete its file, and its study makes it again"
            )
        record, trials = kept, _all_trials(opened)
        place = "" if store == Path(".vggsearch") else shlex.join(["--store", str(store)])
    digest = record.key.digest
    used = tuple(trial for trial in trials if trial.run == digest)
    return Found(record, used, f" {place}" if place else "")


def correct_count(accuracy: float | None, bits: str | None) -> tuple[int, int] | None:
    """How many images are right, and of how many, by per-image correctness; None where it was not kept."""
    if not accuracy or bits is None:
        return None
    right = int(np.count_nonzero(unpack_bits(bits, bit_count(bits))))
    return right, round(right / accuracy)


def not_reproducible(record: RunRecord) -> str | None:
    """Why the same key need not give the same bits; None where it does."""
    made = record.provenance
    if made is None:
        return "its worker died before it could say where it ran"
    if made.bit_reproducible:
        return None
    if not record.key.budget.deterministic:
        return "its budget is in seconds, so the clock decides how many steps it takes"
    if record.key.device != "cpu":
        return "a GPU's kernels add up in no fixed order"
    return f"{made.threads} threads add up in no fixed order"


def short_commit(commit: str | None) -> str:
    """Its first digits, and the `+` that tells of uncommitted changes."""
    return "unknown" if commit is None else commit[:12] + ("+" if commit.endswith("+") else "")


def bit_count(bits: str) -> int:
    """How many bits packed correctness holds: that of its images, filled up to whole bytes."""
    return 8 * (len(bits) * 3 // 4 - bits.count("="))


def _digests(store: Store, text: str) -> list[Digest]:
    """Names of the ledger's files that begin with `text`."""
    return sorted(path.stem for path in (store.ledger.path / text[:2]).glob(f"{text}*.json"))


def _only(text: str, digests: Iterable[Digest], where: str) -> Digest:
    found = [digest for digest in digests if digest.startswith(text)]
    if not found:
        raise VggSearchError(
            f"{where}: no run's key begins with {text[:12]}: copy digits from a report's table of runs, or "
            "name another --store or --from"
        )
    if len(found) > 1:
        shown = ", ".join(digest[: len(text) + 4] for digest in found[:3])
        raise VggSearchError(f"{where}: {len(found)} runs' keys begin with {text}: add digits, as in {shown}")
    return found[0]


def _all_trials(store: Store) -> list[TrialRecord]:
    folders = sorted(path for path in (store.root / "studies").glob("*") if path.is_dir())
    return [trial for folder in folders for trial in store.trials(folder.name)]
