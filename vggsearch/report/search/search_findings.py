"""What a search found. The whole report is made from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice, product
from string import ascii_uppercase

import pandas as pd

from vggsearch.analysis import (
    best,
    best_first,
    candidates,
    cheapest_within,
    finalist_table,
    front,
    thin_front,
)
from vggsearch.runs import METRICS, Criterion
from vggsearch.study import SAMPLERS, SearchStudy, StudyResults

WITHIN = 0.01
"""How far below the best accuracy a cheaper net may be: one percentage point."""

MOST_MARKED = 16
"""Most members of a front that get a letter; of a larger front, those that keep most of its hypervolume."""

"""Printed names."""


@dataclass(frozen=True, slots=True)
class SearchFindings:
    """Frames with one row for each trial (`trials`), candidate (`ranked`, `front`) or finalist (`finalists`).

    `ranked`, `front` and `finalists` have a column `mark`: a letter for each finalist and each member of the
    front (of a large front, for some), in the order of their MACs; empty elsewhere. Only `trials` has pruned
    and failed runs.
    """

    results: StudyResults
    trials: pd.DataFrame
    ranked: pd.DataFrame
    front: pd.DataFrame
    finalists: pd.DataFrame
    marks: Mapping[str, str]
    """Letters by architecture."""
    best: pd.Series | None
    cheapest: pd.Series | None
    objectives: tuple[str, ...]
    """Objectives of the front: those of the study; accuracy and MACs where the study has accuracy alone."""

    @property
    def study(self) -> SearchStudy:
        """The study."""
        study = self.results.study
        assert isinstance(study, SearchStudy)  # `find_search` takes no other
        return study

    @property
    def by(self) -> Criterion:
        """The column by which nets are ranked."""
        return self.study.criterion

    @property
    def accuracy(self) -> str:
        """Its name: `validation accuracy` or `balanced validation accuracy`."""
        return METRICS[self.by].label

    @property
    def balanced(self) -> str:
        """`balanced ` where nets are ranked by that, else nothing: to stand before the name of a part."""
        return "balanced " if self.by == "val_balanced_accuracy" else ""

    @property
    def measured(self) -> str:
        """The part, as a number's name: `validation` or `balanced validation`."""
        return f"{self.balanced}validation"

    @property
    def is_uneven(self) -> bool:
        """Whether the classes of the validation images are uneven."""
        return bool(self.trials["val_majority"].notna().any())

    @property
    def stage_names(self) -> dict[str, str]:
        """Printed names of the stages, in their order: of the search, the sampler's."""
        short = {"short": "short runs"} if (self.trials["stage"] == "short").any() else {}
        label = SAMPLERS[self.study.sampler].label
        return {**short, "search": label, "baseline": "random", "finalists": "finalists"}

    @property
    def has_test(self) -> bool:
        """Whether any finalist was measured on the test set."""
        return len(self.finalists) > 0 and bool(self.finalists["test_mean"].notna().any())

    def stage(self, name: str) -> pd.DataFrame:
        """The trials of one stage."""
        return self.trials[self.trials["stage"] == name]

    def paid(self, name: str) -> pd.DataFrame:
        """The trials of one stage; of the search with its short runs, which cost time and find nothing."""
        if name != "search":
            return self.stage(name)
        paid = self.trials[self.trials["stage"].isin(("short", "search"))]
        return paid.assign(**{self.by: paid[self.by].where(paid["stage"] == "search")})

    def finalist(self, architecture: str) -> pd.Series | None:
        """The row of a finalist; None where the architecture is not one, or no fresh seed of it completed."""
        found = self.finalists[(self.finalists["architecture"] == architecture) & (self.finalists["n"] > 0)]
        return found.iloc[0] if len(found) else None

    def latency_ms(self) -> pd.Series:
        """Median latency over all runs of an architecture, by architecture."""
        return self.trials.drop_duplicates("digest").groupby("architecture")["latency_ms"].median()


def find_search(results: StudyResults) -> SearchFindings:
    """Everything the report shows of `results`, which are of a `SearchStudy`."""
    trials = results.frame()
    assert isinstance(results.study, SearchStudy)
    by = results.study.criterion
    ranked = candidates(trials, by).drop_duplicates("architecture")
    objectives: tuple[str, ...] = results.study.objectives
    if len(objectives) == 1:
        objectives = (by, "macs")
    finalists = finalist_table(trials, by)
    members = front(best_first(ranked, by), objectives)
    marks = _marks(_telling(members, objectives), finalists)
    return SearchFindings(
        results,
        trials,
        _marked(ranked, marks),
        _marked(members, marks).sort_values(["macs", by], kind="stable"),
        _marked(finalists, marks),
        marks,
        best(trials, by),
        cheapest_within(trials, WITHIN, by=by),
        objectives,
    )


def _telling(members: pd.DataFrame, objectives: tuple[str, ...]) -> pd.DataFrame:
    return members if len(members) <= MOST_MARKED else thin_front(members, objectives, MOST_MARKED)


def _marks(members: pd.DataFrame, finalists: pd.DataFrame) -> dict[str, str]:
    """A letter for each member and finalist, in the order of their MACs."""
    known = pd.concat([members[["architecture", "macs"]], finalists[["architecture", "macs"]]])
    ordered = known.sort_values("macs", kind="stable")["architecture"].drop_duplicates()
    return dict(zip(ordered, _letters(len(ordered)), strict=True))


def _letters(number: int) -> Sequence[str]:
    """A, B, …, Z, AA, AB, …"""
    endless = ("".join(letters) for size in count(1) for letters in product(ascii_uppercase, repeat=size))
    return list(islice(endless, number))


def _marked(table: pd.DataFrame, marks: dict[str, str]) -> pd.DataFrame:
    return table.assign(mark=[marks.get(text, "") for text in table["architecture"]])
