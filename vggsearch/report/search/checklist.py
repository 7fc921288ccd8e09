"""The answers of a search to the NAS best-practice checklist."""

from vggsearch.analysis import Spending
from vggsearch.report.search.search_findings import SearchFindings
from vggsearch.report.shared import (
    Answer,
    Answered,
    Item,
    StudyRecords,
    checklist_items,
    code,
    confounders,
    details,
    differing,
    final_settings,
    listed,
    space,
    surrogates,
    tuning,
    whole_time,
)
from vggsearch.runs import RunRecord
from vggsearch.study import SAMPLERS

_ONE_METHOD = (Answer.NOT_APPLICABLE, "one method, nothing compared")

_NO_ABLATION = (
    Answer.NOT_MET,
    "a search, not an ablation: its kernel comparison is observational and gives no verdict",
)


def search_checklist(findings: SearchFindings, spent: Spending) -> list[Item]:
    """All sixteen items of a search."""
    records = StudyRecords(findings.results, spent)
    compared = records.of_stages("search", "baseline") if len(findings.stage("baseline")) else []
    return checklist_items(
        [
            code(records),
            space(records),
            final_settings(records),
            code(records),
            _method_settings(findings),
            _same_benchmark(compared),
            confounders(records),
            _NO_ABLATION,
            _same_protocol(compared),
            _over_time(findings),
            _random_search(findings),
            _several_runs(findings),
            surrogates(records),
            tuning(records),
            whole_time(records),
            details(records),
        ]
    )


def _method_settings(findings: SearchFindings) -> Answered:
    """Met where the study file, which names sampler and seed, is part of the report."""
    study = findings.study
    if not study.source.strip():
        return Answer.NOT_MET, "the study file's text is missing"
    if study.strategy is not None:
        return Answer.MET, f"strategy {study.sampler}, its settings in the study file, seed {study.seed}"
    return Answer.MET, f"sampler {study.sampler} with Optuna's defaults, seed {study.seed}"


def _same_benchmark(compared: list[RunRecord]) -> Answered:
    """Met where the runs compared agree in all that determines a result but architecture and seed."""
    if not compared:
        return _ONE_METHOD
    unlike = differing((run.key for run in compared), arms=False)
    if unlike:
        return Answer.NOT_MET, f"runs compared differ in {listed(unlike)}"
    return Answer.MET, "search and baseline share data, split, space, recipe, budget and training code"


def _same_protocol(compared: list[RunRecord]) -> Answered:
    """Met where runs compared have one seed, end on the same validation images, and none saw the test set."""
    if not compared:
        return _ONE_METHOD
    images = {run.curve[-1].val_images for run in compared if run.outcome == "completed" and run.curve}
    tested = sum(run.test_accuracy is not None for run in compared)
    seeds = {run.key.seed for run in compared}
    if tested:
        return Answer.NOT_MET, f"{tested} runs of the search or the baseline saw the test set"
    if len(seeds) > 1 or len(images) > 1:
        return Answer.PARTLY, "seeds or validation images differ between runs that are compared"
    return Answer.MET, "same seed, same validation images at the end of every run, test set unseen"


def _over_time(findings: SearchFindings) -> Answered:
    """Met where there is a curve to draw."""
    if findings.ranked.empty:
        return Answer.NOT_MET, "no run completed"
    return Answer.MET, "anytime curves over training time"


def _random_search(findings: SearchFindings) -> Answered:
    """Met where random search had as many runs as the search; partly where fewer."""
    if not SAMPLERS[findings.study.sampler].learns:
        own = "visits the space without choosing" if findings.study.sampler == "grid" else "is random search"
        return Answer.NOT_APPLICABLE, f"sampler {findings.study.sampler} {own}"
    search, baseline = (
        int(findings.stage(stage)["digest"].dropna().nunique()) for stage in ("search", "baseline")
    )
    if not baseline:
        return Answer.NOT_MET, "no random baseline was run"
    answer = Answer.MET if baseline >= search else Answer.PARTLY
    return answer, f"{baseline} random runs beside {search} of the search, each with the same budget"


def _several_runs(findings: SearchFindings) -> Answered:
    """Partly met where finalists had fresh seeds: a study file makes one search, never several."""
    seeds = findings.finalists.loc[findings.finalists["n"] > 0, "n"].astype(int)
    once = f"the search itself ran once (seed {findings.study.seed})"
    if seeds.empty:
        return Answer.NOT_MET, f"every architecture was trained once, and {once}"
    low, high = seeds.min(), seeds.max()
    many = f"{low}" if low == high else f"{low} to {high}"
    return Answer.PARTLY, f"{len(seeds)} finalists with {many} fresh seeds each; {once}"
