"""The answers to the NAS best-practice checklist, one function a practice: what the records show, and why."""

from collections.abc import Iterable

from vggsearch.report.evidence import Answer, Answered, Evidence, SearchEvidence
from vggsearch.report.findings import Findings
from vggsearch.report.formats import count, duration, plain


def code(evidence: Evidence) -> Answered:
    """Met where every run names a commit without uncommitted changes; partly where some do not say."""
    made, runs = evidence.made, evidence.runs
    if not made:
        return Answer.NOT_MET, "no run says which code made it"
    versions = _listed(sorted({one.vggsearch for one in made}))
    dirty = sum(one.commit is not None and one.commit.endswith("+") for one in made)
    unknown = sum(one.commit is None for one in made) + len(runs) - len(made)
    if dirty:
        return Answer.NOT_MET, f"{dirty} of {len(runs)} runs were made from a tree with uncommitted changes"
    if unknown:
        return (
            Answer.PARTLY,
            f"vggsearch {versions}; {unknown} of {len(runs)} runs do not say at which commit",
        )
    commits = sorted({str(one.commit)[:12] for one in made})
    return (
        Answer.MET,
        f"vggsearch {versions}, commit {_listed(commits)}, trained and searched",
    )


def space(evidence: Evidence) -> Answered:
    """Met where the study file, which states the space, is part of the report."""
    if not evidence.results.study.source.strip():
        return Answer.NOT_MET, "the study file's text is missing"
    return Answer.MET, "the study file states the space; it is printed under Provenance and lies in data/"


def final_settings(evidence: Evidence) -> Answered:
    """Met where all finalist runs share one recipe and budget; their seeds are in their keys."""
    final = [run for run in evidence.runs if run.key.evaluate_on == "test"]
    if not final:
        return Answer.NOT_APPLICABLE, "no final evaluation was made"
    seeds = sorted({run.key.seed for run in final})
    recipes = {(run.key.recipe, str(run.key.budget)) for run in final}
    if len(recipes) > 1:
        return (
            Answer.PARTLY,
            f"finalists were trained with {len(recipes)} different recipes or budgets; data/ has each",
        )
    return Answer.MET, f"one recipe and budget, in data/; seeds {_listed(seeds)}"


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
        return Answer.NOT_MET, f"runs compared differ in {_listed(differing)}"
    return Answer.MET, "search and baseline share data, split, space, recipe, budget and training code"


def confounders(evidence: Evidence) -> Answered:
    """Met where hardware, versions and threads are the same in all runs; partly where some were held up."""
    made = evidence.made
    if not made:
        return Answer.NOT_MET, "no run says where it was made"
    parts: dict[str, set[object]] = {
        "processor or GPU": {one.gpu or one.processor for one in made},
        "torch version": {one.torch for one in made},
        "Python version": {one.python for one in made},
        "number of threads": {one.threads for one in made},
    }
    differing = [f"{name} ({len(values)} of them)" for name, values in parts.items() if len(values) > 1]
    contended = sum(run.contended for run in evidence.runs)
    timed = any(run.key.budget.kind == "seconds" for run in evidence.runs)
    if differing:
        return Answer.NOT_MET, f"runs differ in {_listed(differing)}"
    if contended:
        effect = (
            "CPU seconds are budgeted, so it cost time rather than training"
            if timed
            else "budgets are not in seconds"
        )
        on_gpu = timed and any(one.gpu for one in made)
        effect = "their budgets in seconds bought less training" if on_gpu else effect
        return (
            Answer.PARTLY,
            f"one machine type and one set of versions; {contended} of {len(evidence.runs)} runs were held "
            f"up by other work: {effect}",
        )
    return Answer.MET, "one machine type, one set of versions, no run held up by other work"


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


def surrogates(_: Evidence) -> Answered:
    """Never met: this project trains."""
    return Answer.NOT_MET, "every accuracy here comes from a training, none from a table or a surrogate"


def tuning(evidence: Evidence) -> Answered:
    """Never met: records begin after the recipe was chosen."""
    recipes = {run.key.recipe for run in evidence.runs}
    if len(recipes) > 1:
        return (
            Answer.NOT_MET,
            f"{len(recipes)} recipes occur, and the records do not say how they were chosen",
        )
    return (
        Answer.NOT_MET,
        "the recipe was fixed before the search; how it was tuned, and at what cost, is not in the records",
    )


def whole_time(evidence: Evidence) -> Answered:
    """Met where runs hold the times that the section on time adds up."""
    spent = evidence.spent
    if spent.frame["seconds"].sum() <= 0:
        return Answer.NOT_MET, "the runs hold no times"
    total = float(spent.frame["seconds"].sum())
    return (
        Answer.MET,
        f"{duration(spent.elapsed_s)} from start to end, {duration(total)} of worker time; section “Where "
        f"the time went”",
    )


def details(evidence: Evidence) -> Answered:
    """Met where every run has its provenance; partly where some died before they could say."""
    silent = len(evidence.runs) - len(evidence.made)
    if not evidence.runs:
        return Answer.NOT_MET, "there is no run"
    if silent:
        return (
            Answer.PARTLY,
            f"{silent} of {count(len(evidence.runs))} runs died before they could say where they were made",
        )
    return (
        Answer.MET,
        f"all {count(len(evidence.runs))} runs record versions, hardware, seeds, data digest and times",
    )


def _listed(values: Iterable[object]) -> str:
    texts = [plain(value, limit=100) for value in values]
    return ", ".join(texts[:12]) + (f" and {len(texts) - 12} more" if len(texts) > 12 else "")
