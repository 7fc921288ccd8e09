"""The answers of a search to the NAS best-practice checklist: what the records show, and why."""

from collections.abc import Callable
from dataclasses import dataclass

from vggsearch.analysis import Spending
from vggsearch.report.search.findings import Findings
from vggsearch.report.shared import Answer, Answered, Evidence, Item, items, listed, practices
from vggsearch.runs import RunRecord


@dataclass(frozen=True)
class SearchEvidence(Evidence):
    """And what is known of a search."""

    findings: Findings

    def compared(self) -> list[RunRecord]:
        """Runs of the search and of the random baseline."""
        return self.of_stages("search", "baseline")


def checklist(findings: Findings, spent: Spending) -> list[Item]:
    """All sixteen items of a search."""
    evidence = SearchEvidence(findings.results, spent, findings)
    return items([answer(evidence) for answer in _SEARCH])


def method_settings(evidence: SearchEvidence) -> Answered:
    """Met where the study file, which names sampler and seed, is part of the report."""
    study = evidence.findings.study
    if not study.source.strip():
        return Answer.NOT_MET, "the study file's text is missing"
    return Answer.MET, f"sampler {study.sampler} with Optuna's defaults, seed {study.seed}"


def same_benchmark(evidence: SearchEvidence) -> Answered:
    """Met where the runs compared agree in all that determines a result but architecture and seed."""
    if not len(evidence.findings.stage("baseline")):
        return Answer.NOT_APPLICABLE, "one method, nothing compared"
    keys = [run.key for run in evidence.compared()]
    parts: dict[str, set[object]] = {
        "data": {key.data.digest for key in keys},
        "split": {key.data.split_digest for key in keys},
        "input": {key.input_shape for key in keys},
        "recipe": {key.recipe for key in keys},
        "budget": {str(key.budget) for key in keys},
        "training revision": {key.training_revision for key in keys},
    }
    differing = [name for name, values in parts.items() if len(values) > 1]
    if differing:
        return Answer.NOT_MET, f"runs compared differ in {listed(differing)}"
    return Answer.MET, "search and baseline share data, split, space, recipe, budget and training code"


def ablation(_: Evidence) -> Answered:
    """Never met by a search."""
    return (
        Answer.NOT_MET,
        "a search, not an ablation: its kernel comparison is observational and gives no verdict",
    )


def same_protocol(evidence: SearchEvidence) -> Answered:
    """Met where runs compared have one seed, end on the same validation images, and none saw the test set."""
    if not len(evidence.findings.stage("baseline")):
        return Answer.NOT_APPLICABLE, "one method, nothing compared"
    compared = evidence.compared()
    images = {run.curve[-1].val_images for run in compared if run.outcome == "completed" and run.curve}
    tested = sum(run.test_accuracy is not None for run in compared)
    seeds = {run.key.seed for run in compared}
    if tested:
        return Answer.NOT_MET, f"{tested} runs of the search or the baseline saw the test set"
    if len(seeds) > 1 or len(images) > 1:
        return Answer.PARTLY, "seeds or validation images differ between runs that are compared"
    return Answer.MET, "same seed, same validation images at the end of every run, test set unseen"


def over_time(evidence: SearchEvidence) -> Answered:
    """Met where there is a curve to draw."""
    if evidence.findings.ranked.empty:
        return Answer.NOT_MET, "no run completed"
    return Answer.MET, "anytime curves over training time"


def random_search(evidence: SearchEvidence) -> Answered:
    """Met where random search had as many runs as the search; partly where fewer."""
    findings = evidence.findings
    if findings.study.sampler in ("grid", "random"):
        own = "visits the space without choosing" if findings.study.sampler == "grid" else "is random search"
        return Answer.NOT_APPLICABLE, f"sampler {findings.study.sampler} {own}"
    search, baseline = (_completed_runs(findings, stage) for stage in ("search", "baseline"))
    if not baseline:
        return Answer.NOT_MET, "no random baseline was run"
    answer = Answer.MET if baseline >= search else Answer.PARTLY
    return answer, f"{baseline} random runs beside {search} of the search, each with the same budget"


def _completed_runs(findings: Findings, stage: str) -> int:
    trials = findings.stage(stage)
    return int(trials["digest"].dropna().nunique())


def several_runs(evidence: SearchEvidence) -> Answered:
    """Partly met where finalists had fresh seeds: a study file makes one search, never several."""
    tested = evidence.findings.finalists
    tested = tested[tested["n"] > 0]
    if tested.empty:
        return (
            Answer.NOT_MET,
            f"every architecture was trained once, and the search itself ran once (seed "
            f"{evidence.findings.study.seed})",
        )
    low, high = int(tested["n"].min()), int(tested["n"].max())
    seeds = f"{low}" if low == high else f"{low} to {high}"
    return (
        Answer.PARTLY,
        f"{len(tested)} finalists with {seeds} fresh seeds each; the search itself ran once (seed "
        f"{evidence.findings.study.seed})",
    )


_SEARCH: tuple[Callable[[SearchEvidence], Answered], ...] = (
    practices.code,
    practices.space,
    practices.final_settings,
    practices.code,
    method_settings,
    same_benchmark,
    practices.confounders,
    ablation,
    same_protocol,
    over_time,
    random_search,
    several_runs,
    practices.surrogates,
    practices.tuning,
    practices.whole_time,
    practices.details,
)
