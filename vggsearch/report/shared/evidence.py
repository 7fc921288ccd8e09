"""What a practice of the checklist is judged on, and how it can be met."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from vggsearch.analysis import Spending
from vggsearch.runs import Provenance, RunRecord, Stage
from vggsearch.study import StudyResults


class Answer(StrEnum):
    """How an item is met."""

    MET = "met"
    PARTLY = "partly met"
    NOT_MET = "not met"
    NOT_APPLICABLE = "not applicable"


Answered = tuple[Answer, str]


@dataclass(frozen=True)
class Evidence:
    """What the answers are computed from, whatever the study asks."""

    results: StudyResults
    spent: Spending

    @cached_property
    def runs(self) -> list[RunRecord]:
        """All runs."""
        return list(self.results.runs.values())

    @cached_property
    def made(self) -> list[Provenance]:
        """The provenance of those runs that have one."""
        return [run.provenance for run in self.runs if run.provenance is not None]

    def of_stages(self, *stages: Stage) -> list[RunRecord]:
        """The runs that answered trials of these stages."""
        named = {trial.run for trial in self.results.trials if trial.stage in stages}
        return [run for digest, run in self.results.runs.items() if digest in named]
