"""Answers to the NAS best-practice checklist for any kind of study, one function for each practice."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from vggsearch.analysis import Spending
from vggsearch.report.document import count, duration, plain
from vggsearch.runs import Provenance, RunKey, RunRecord, Stage
from vggsearch.study import StudyResults


class Answer(StrEnum):
    """How far an item is met."""

    MET = "met"
    PARTLY = "partly met"
    NOT_MET = "not met"
    NOT_APPLICABLE = "not applicable"


Answered = tuple[Answer, str]
"""An answer, and the reason for it."""


@dataclass(frozen=True)
class StudyRecords:
    """The records of a study that answers are computed from."""

    results: StudyResults
    spent: Spending

    @cached_property
    def runs(self) -> list[RunRecord]:
        """All runs."""
        return list(self.results.runs.values())

    @cached_property
    def made(self) -> list[Provenance]:
        """The provenance of every run that has one."""
        return [run.provenance for run in self.runs if run.provenance is not None]

    def of_stages(self, *stages: Stage) -> list[RunRecord]:
        """The runs that answered trials of these stages."""
        named = {trial.run for trial in self.results.trials if trial.stage in stages}
        return [run for digest, run in self.results.runs.items() if digest in named]


def differing(keys: Iterable[RunKey], *, arms: bool) -> list[str]:
    """What differs between runs that are compared; recipe and budget may differ between `arms`."""
    keys = list(keys)
    parts: dict[str, set[object]] = {
        "data": {key.data.digest for key in keys},
        "split": {key.data.split_digest for key in keys},
        "input": {key.input_shape for key in keys},
        "recipe": set() if arms else {key.recipe for key in keys},
        "budget": set() if arms else {str(key.budget) for key in keys},
        "training revision": {key.training_revision for key in keys},
    }
    return [name for name, values in parts.items() if len(values) > 1]


def code(records: StudyRecords) -> Answered:
    """Met where every run names a commit without uncommitted changes; partly where some name none."""
    made, runs = records.made, records.runs
    if not made:
        return Answer.NOT_MET, "no run says which code made it"
    versions = listed(sorted({one.vggsearch for one in made}))
    dirty = sum(one.commit is not None and one.commit.endswith("+") for one in made)
    unknown = sum(one.commit is None for one in made) + len(runs) - len(made)
    if dirty:
        return Answer.NOT_MET, f"{dirty} of {len(runs)} runs were made from a tree with uncommitted changes"
    if unknown:
        silent = f"{unknown} of {len(runs)} runs do not say at which commit"
        return Answer.PARTLY, f"vggsearch {versions}; {silent}"
    commits = listed(sorted({str(one.commit)[:12] for one in made}))
    return Answer.MET, f"vggsearch {versions}, commit {commits}, trained and searched"


def space(records: StudyRecords) -> Answered:
    """Met where the study file, which states the space, is part of the report."""
    if not records.results.study.source.strip():
        return Answer.NOT_MET, "the study file's text is missing"
    return Answer.MET, "the study file states the space; it is printed under Provenance and lies in data/"


def final_settings(records: StudyRecords) -> Answered:
    """Met where all finalist runs share one recipe and one budget."""
    final = [run for run in records.runs if run.key.evaluate_on == "test"]
    if not final:
        return Answer.NOT_APPLICABLE, "no final evaluation was made"
    seeds = sorted({run.key.seed for run in final})
    recipes = {(run.key.recipe, str(run.key.budget)) for run in final}
    if len(recipes) > 1:
        several = f"{len(recipes)} different recipes or budgets"
        return Answer.PARTLY, f"finalists were trained with {several}; data/ has each"
    return Answer.MET, f"one recipe and budget, in data/; seeds {listed(seeds)}"


def confounders(records: StudyRecords) -> Answered:
    """Met where all runs have the same hardware, versions and threads; partly where some were held up."""
    made = records.made
    if not made:
        return Answer.NOT_MET, "no run says where it was made"
    parts: dict[str, set[object]] = {
        "processor or GPU": {one.gpu or one.processor for one in made},
        "torch version": {one.torch for one in made},
        "Python version": {one.python for one in made},
        "number of threads": {one.threads for one in made},
    }
    unlike = [f"{name} ({len(values)} of them)" for name, values in parts.items() if len(values) > 1]
    if unlike:
        return Answer.NOT_MET, f"runs differ in {listed(unlike)}"
    contended = sum(run.contended for run in records.runs)
    if not contended:
        return Answer.MET, "one machine type, one set of versions, no run held up by other work"
    effect = "budgets are not in seconds"
    if any(run.key.budget.kind == "seconds" for run in records.runs):
        effect = "CPU seconds are budgeted, so it cost time rather than training"
        if any(one.gpu for one in made):
            effect = "their budgets in seconds bought less training"
    busy = f"{contended} of {len(records.runs)} runs were held up by other work"
    return Answer.PARTLY, f"one machine type and one set of versions; {busy}: {effect}"


def surrogates(_: StudyRecords) -> Answered:
    """Never met: every run here is trained."""
    return Answer.NOT_MET, "every accuracy here comes from a training, none from a table or a surrogate"


def tuning(records: StudyRecords) -> Answered:
    """Never met: the records begin after the recipe was chosen."""
    recipes = {run.key.recipe for run in records.runs}
    if len(recipes) > 1:
        several = f"{len(recipes)} recipes occur"
        return Answer.NOT_MET, f"{several}, and the records do not say how they were chosen"
    unknown = "how it was tuned, and at what cost, is not in the records"
    return Answer.NOT_MET, f"the recipe was fixed before the search; {unknown}"


def whole_time(records: StudyRecords) -> Answered:
    """Met where runs hold the times that the section on time adds up."""
    total = float(records.spent.frame["seconds"].sum())
    if total <= 0:
        return Answer.NOT_MET, "the runs hold no times"
    took = f"{duration(records.spent.elapsed_s)} from start to end, {duration(total)} of worker time"
    return Answer.MET, f"{took}; section “Where the time went”"


def details(records: StudyRecords) -> Answered:
    """Met where every run has its provenance; partly where some died before recording it."""
    silent, runs = len(records.runs) - len(records.made), count(len(records.runs))
    if not records.runs:
        return Answer.NOT_MET, "there is no run"
    if silent:
        return Answer.PARTLY, f"{silent} of {runs} runs died before they could say where they were made"
    return Answer.MET, f"all {runs} runs record versions, hardware, seeds, data digest and times"


def listed(values: Iterable[object]) -> str:
    """The first twelve values, and how many more there are."""
    texts = [plain(value, limit=100) for value in values]
    return ", ".join(texts[:12]) + (f" and {len(texts) - 12} more" if len(texts) > 12 else "")
