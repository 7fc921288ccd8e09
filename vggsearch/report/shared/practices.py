"""The answers to the NAS best-practice checklist, one function a practice: what the records show, and why."""

from collections.abc import Iterable

from vggsearch.report.document import count, duration, plain
from vggsearch.report.shared.evidence import Answer, Answered, Evidence


def code(evidence: Evidence) -> Answered:
    """Met where every run names a commit without uncommitted changes; partly where some do not say."""
    made, runs = evidence.made, evidence.runs
    if not made:
        return Answer.NOT_MET, "no run says which code made it"
    versions = listed(sorted({one.vggsearch for one in made}))
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
        f"vggsearch {versions}, commit {listed(commits)}, trained and searched",
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
    return Answer.MET, f"one recipe and budget, in data/; seeds {listed(seeds)}"


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
        return Answer.NOT_MET, f"runs differ in {listed(differing)}"
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


def listed(values: Iterable[object]) -> str:
    """The first twelve, and how many others there are."""
    texts = [plain(value, limit=100) for value in values]
    return ", ".join(texts[:12]) + (f" and {len(texts) - 12} more" if len(texts) > 12 else "")
