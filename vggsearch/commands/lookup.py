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
from vggsearch.recipe import RECIPES
from vggsearch.runs import Digest, RunRecord, TrialRecord, unpack_bits
from vggsearch.store import Store, weights_path
from vggsearch.study import StudyResults, weights_status

SHORTEST = 6
"""Digits of a key that name a run where no other begins with them."""

RunKeyText = Annotated[
    str,
    typer.Argument(
        metavar="KEY", show_default=False, help="Digest of the run's key, or its first 6 digits or more."
    ),
]

RUN_KEY = re.compile(rf"[0-9a-f]{{{SHORTEST},64}}", re.ASCII)
"""Digits that may name a run."""


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run, and where it was found."""

    record: RunRecord
    trials: tuple[TrialRecord, ...]
    """The trials that it answered, in any study there."""
    place: str
    """The option that names the place in a command; empty for the default store."""
    weights: Path | None = None
    """The file of its weights; None where they were not kept or are lost, and for a run of a report."""

    @property
    def repeat(self) -> str:
        """The command that trains it again."""
        return f"vggsearch runs repeat {self.record.key.digest[:12]}{self.place}"


def store_option(store: Path) -> str:
    """The option that names the store in a command, after a space; empty for the default store."""
    return "" if store == STORE else f" {shlex.join(['--store', str(store)])}"


def weights_command(record: RunRecord, store: Path, *, another: bool = False) -> str:
    """The command that makes weights for a completed run that has none.

    Where training again gives the same bits it adds them to the run. Elsewhere, and with `another`, it makes
    another run with the same settings, as the weights would not be those of the record's accuracy.
    """
    key, name = record.key, record.key.digest[:12]
    if not another and not_reproducible(record) is None:
        return f"vggsearch runs repeat {name} --keep-weights{store_option(store)}"
    recipe = next((known for known, each in RECIPES.items() if each == key.recipe), name)
    square = key.input_shape[1] == key.input_shape[2]
    # The seed of a run that is judged on validation images makes the very run that is there.
    seed = key.seed + (key.evaluate_on == "validation")
    begun = key.initial_weights
    options: dict[str, str | int | None] = {
        "--data": key.data.name,
        "--resize": key.input_shape[1] if square else None,
        "--recipe": recipe,
        "--budget": f"{key.budget.amount:.15g}{'s' if key.budget.kind == 'seconds' else key.budget.kind}",
        "--seed": seed,
        "--device": key.device,
        "--from": None if begun is None else str(weights_path(Store(store).layout.weights, begun)),
    }
    words = [str(word) for pair in options.items() if pair[1] is not None for word in pair]
    return shlex.join(["vggsearch", "train", key.architecture, *words]) + store_option(store)


def find_run(text: str, *, store: Path, source: Path | None) -> FoundRun:
    """The one run whose digest begins with `text`; raises `VggSearchError` where there is not exactly one."""
    if RUN_KEY.fullmatch(text) is None:
        raise VggSearchError(
            f"a run is named by the first {SHORTEST} to 64 hexadecimal digits of its key, not {text[:70]!r}: "
            "copy them from a report's table of runs"
        )
    weights: Path | None = None
    if source is not None:
        results = StudyResults.read(source / "data")
        record = results.runs[_only(text, results.runs, f"report {source}")]
        trials: Iterable[TrialRecord] = results.trials
        place = f" {shlex.join(['--from', str(source)])}"
    else:
        opened = Store.open(store)
        digest = _only(text, opened.ledger.digests(text), f"store {store}")
        kept = opened.ledger.get(digest)
        if kept is None:
            raise VggSearchError(
                f"store {store}: run {digest[:12]} is damaged: run `vggsearch doctor --repair`, and its "
                "study again"
            )
        record, weights = kept, opened.weights_file(kept)
        trials = (trial for name in opened.studies() for trial in opened.trials(name))
        place = store_option(store)
    digest = record.key.digest
    used = tuple(trial for trial in trials if trial.run == digest)
    return FoundRun(record, used, place, weights)


def weights_line(results: StudyResults, opened: Store, store: Path) -> list[str]:
    """How many of the runs whose weights a study keeps have them, where, and how to make those of the others.

    A line, or none where the study keeps none so far.
    """
    found = weights_status(results, opened)
    if not found.wanted:
        return []
    count = found.wanted - len(found.lacking)
    kept = f"weights: {count} of {found.wanted} runs, in {Store(store).layout.weights}"
    if not found.lacking:
        return [kept]
    which = "of the other" if len(found.lacking) == 1 else "of the first of the others"
    return [f"{kept}; to make those {which}: {weights_command(found.lacking[0], store)}"]


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
