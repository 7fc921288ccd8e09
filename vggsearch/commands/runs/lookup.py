"""Find one run by the first digits of its key, and say whether it can be repeated exactly."""

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from vggsearch.commands.arguments import STORE
from vggsearch.errors import VggSearchError
from vggsearch.runs import Digest, RunRecord, TrialRecord, unpack_bits
from vggsearch.store import Store
from vggsearch.study import StudyResults

SHORTEST = 6
"""Digits of a key that name a run where no other begins with them."""

RunKeyText = Annotated[
    str,
    typer.Argument(
        metavar="KEY", show_default=False, help="Digest of the run's key, or its first 6 digits or more."
    ),
]

_PREFIX = re.compile(rf"[0-9a-f]{{{SHORTEST},64}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run, and where it was found."""

    record: RunRecord
    trials: tuple[TrialRecord, ...]
    """The trials that it answered, in any study there."""
    place: str
    """The option that names the place in a command; empty for the default store."""

    @property
    def repeat(self) -> str:
        """The command that trains it again."""
        return f"vggsearch runs repeat {self.record.key.digest[:12]}{self.place}"


def find_run(text: str, *, store: Path, source: Path | None) -> FoundRun:
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
        opened = Store.open(store)
        digest = _only(text, opened.ledger.digests(text), f"store {store}")
        kept = opened.ledger.get(digest)
        if kept is None:
            raise VggSearchError(
                f"store {store}: run {digest[:12]} is damaged: run `vggsearch doctor --repair`, and its "
                "study again"
            )
        record = kept
        trials = (trial for name in opened.studies() for trial in opened.trials(name))
        place = "" if store == STORE else shlex.join(["--store", str(store)])
    digest = record.key.digest
    used = tuple(trial for trial in trials if trial.run == digest)
    return FoundRun(record, used, f" {place}" if place else "")


def correct_count(accuracy: float | None, bits: str | None) -> tuple[int, int] | None:
    """How many images were classified correctly, and of how many; None where single answers were not kept."""
    if not accuracy or bits is None:
        return None
    right = int(np.count_nonzero(unpack_bits(bits, bit_count(bits))))
    return right, round(right / accuracy)


def not_reproducible(record: RunRecord) -> str | None:
    """Why the same key may give different bits; None where it gives the same."""
    made = record.provenance
    if made is None:
        return "its worker died before it could say where it ran"
    if made.bit_reproducible:
        return None
    if not record.key.budget.deterministic:
        return "its budget is in seconds, so the clock decides how many steps it takes"
    if record.key.device != "cpu":
        return "a GPU's kernels add up in no fixed order"
    if record.key.recipe.precision == "fastest":
        return "its precision and layers were chosen by a measurement, which may choose others next time"
    return f"{made.threads} threads add up in no fixed order"


def short_commit(commit: str | None) -> str:
    """The first digits of a commit, and the `+` that marks uncommitted changes."""
    return "unknown" if commit is None else commit[:12] + ("+" if commit.endswith("+") else "")


def bit_count(bits: str) -> int:
    """How many bits `pack_bits` wrote: the number of images, rounded up to whole bytes."""
    return 8 * (len(bits) * 3 // 4 - bits.count("="))


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
