"""What a study found: one pass over its results, which everything in the report is then made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice, product
from string import ascii_uppercase

import pandas as pd

from vggsearch.analysis import best, candidates, cheapest_within, finalist_table, front, thin_front
from vggsearch.study import SearchStudy, StudyResults

WITHIN = 0.01
"""How far below the best a cheaper net may be: one percentage point."""

MOST_MARKED = 16
"""Members of a larger front that get a letter: those that keep most of its hypervolume."""

STAGES = ("search", "baseline", "finalists")


@dataclass(frozen=True, slots=True)
class Findings:
    """Tables of one row a trial (`trials`), a candidate (`ranked`, `front`) or a finalist architecture
    (`finalists`).

    `ranked`, `front` and `finalists` have a column `mark`: letters that name the members of the front (of a
    large one, the most
    telling) and the finalists, from the fewest MACs on; empty elsewhere. Pruned and failed runs are in
    `trials` only.
    """

    results: StudyResults
    trials: pd.DataFrame
    ranked: pd.DataFrame
    front: pd.DataFrame
    finalists: pd.DataFrame
    marks: Mapping[str, str]
    """The letters, by architecture."""
    best: pd.Series | None
    cheapest: pd.Series | None
    objectives: tuple[str, ...]
    """Of the front: the study's, and with accuracy alone also MACs, so that there is a front to show."""

    @property
    def study(self) -> SearchStudy:
        """The study."""
        study = self.results.study
        assert isinstance(study, SearchStudy)  # a page of findings is made of no other
        return study

    @property
    def has_test(self) -> bool:
        """Whether any finalist was measured on the test set."""
        return len(self.finalists) > 0 and bool(self.finalists["test_mean"].notna().any())

    def stage(self, name: str) -> pd.DataFrame:
        """The trials of one stage."""
        return self.trials[self.trials["stage"] == name]

    def finalist(self, architecture: str) -> pd.Series | None:
        """The finalist's row, where that architecture is one and a fresh seed of it completed."""
        found = self.finalists[(self.finalists["architecture"] == architecture) & (self.finalists["n"] > 0)]
        return found.iloc[0] if len(found) else None

    def latency_ms(self) -> pd.Series:
        """Median latency over all runs of an architecture, by architecture."""
        return self.trials.drop_duplicates("digest").groupby("architecture")["latency_ms"].median()


def find(results: StudyResults) -> Findings:
    """Everything the report needs to know of `results`."""
    trials = results.frame()
    ranked = candidates(trials).drop_duplicates("architecture")
    assert isinstance(results.study, SearchStudy)
    objectives: tuple[str, ...] = results.study.objectives
    if len(objectives) == 1:
        objectives = ("val_accuracy", "macs")
    finalists = finalist_table(trials)
    members = front(ranked, objectives)
    marks = _marks(_telling(members, objectives), finalists)
    return Findings(
        results,
        trials,
        _marked(ranked, marks),
        _marked(members, marks).sort_values(["macs", "val_accuracy"], kind="stable"),
        _marked(finalists, marks),
        marks,
        best(trials),
        cheapest_within(trials, WITHIN),
        objectives,
    )


def _telling(members: pd.DataFrame, objectives: tuple[str, ...]) -> pd.DataFrame:
    return members if len(members) <= MOST_MARKED else thin_front(members, objectives, MOST_MARKED)


def _marks(members: pd.DataFrame, finalists: pd.DataFrame) -> dict[str, str]:
    """A name for each architecture worth naming, in the order of their MACs."""
    known = pd.concat([members[["architecture", "macs"]], finalists[["architecture", "macs"]]])
    ordered = known.sort_values("macs", kind="stable")["architecture"].drop_duplicates()
    return dict(zip(ordered, _letters(len(ordered)), strict=True))


def _letters(number: int) -> Sequence[str]:
    """A, B, …, Z, AA, AB, …"""
    endless = ("".join(letters) for size in count(1) for letters in product(ascii_uppercase, repeat=size))
    return list(islice(endless, number))


def _marked(table: pd.DataFrame, marks: dict[str, str]) -> pd.DataFrame:
    return table.assign(mark=[marks.get(text, "") for text in table["architecture"]])
