"""What a practice of the checklist is judged on, and how it can be met."""

from dataclasses import dataclass
from enum import StrEnum

from vggsearch.report.findings import Findings
from vggsearch.report.spending import Spending
from vggsearch.runs.record import Provenance, RunRecord


class Answer(StrEnum):
    """How an item is met."""

    MET = "met"
    PARTLY = "partly met"
    NOT_MET = "not met"
    NOT_APPLICABLE = "not applicable"


Answered = tuple[Answer, str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the answers are computed from; `made` has the provenance of those `runs` that have one."""

    findings: Findings
    spent: Spending
    runs: list[RunRecord]
    made: list[Provenance]

    def compared(self) -> list[RunRecord]:
        """Runs of the search and of the random baseline."""
        stages = {trial.run for trial in self.findings.results.trials if trial.stage != "finalists"}
        return [run for run in self.runs if run.key.digest in stages]
