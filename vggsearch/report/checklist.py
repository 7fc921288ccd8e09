"""The NAS best-practice checklist, answered from the records.

Lindauer & Hutter, Best Practices for Scientific Research on Neural Architecture Search, JMLR 21(243), 2020. The questions are put in
our own words. Each answer is computed; what the records cannot show is not met.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from vggsearch.report.findings import Findings
from vggsearch.report.formats import count, duration
from vggsearch.report.spending import Spending
from vggsearch.runs.record import Provenance, RunRecord

REFERENCE = (
    "M. Lindauer and F. Hutter, Best Practices for Scientific Research on Neural Architecture Search, "
    "Journal of Machine Learning Research 21(243):1–18, 2020"
)


class Answer(StrEnum):
    """How an item is met."""

    MET = "met"
    PARTLY = "partly met"
    NOT_MET = "not met"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Item:
    """One question, its answer, and why."""

    topic: str
    question: str
    answer: Answer
    reason: str


_Answered = tuple[Answer, str]


@dataclass(frozen=True, slots=True)
class _Evidence:
    findings: Findings
    spent: Spending
    runs: list[RunRecord]
    made: list[Provenance]

    def compared(self) -> list[RunRecord]:
        """Runs of the search and of the random baseline."""
        stages = {trial.run for trial in self.findings.results.trials if trial.stage != "finalists"}
        return [run for run in self.runs if run.key.digest in stages]


def checklist(findings: Findings, spent: Spending) -> list[Item]:
    """All sixteen items."""
    runs = list(findings.results.runs.values())
    evidence = _Evidence(findings, spent, runs, [run.provenance for run in runs if run.provenance is not None])
    return [Item(topic, question, *answer(evidence)) for topic, question, answer in _QUESTIONS]


def _code(evidence: _Evidence) -> _Answered:
    made, runs = evidence.made, evidence.runs
    if not made:
        return Answer.NOT_MET, "no run says which code made it"
    versions = _listed(sorted({one.vggsearch for one in made}))
    dirty = sum(one.commit is not None and one.commit.endswith("+") for one in made)
    unknown = sum(one.commit is None for one in made) + len(runs) - len(made)
    if dirty:
        return Answer.NOT_MET, f"{dirty} of {len(runs)} runs were made from a tree with uncommitted changes"
    if unknown:
        return Answer.PARTLY, f"vggsearch {versions}; {unknown} of {len(runs)} runs do not say at which commit"
    commits = sorted({str(one.commit)[:12] for one in made})
    return Answer.MET, f"vggsearch {versions}, commit {_listed(commits)}, trained, searched and made this report"


def _space(evidence: _Evidence) -> _Answered:
    if not evidence.findings.study.source.strip():
        return Answer.NOT_MET, "the study file's text is missing"
    return Answer.MET, "the study file states the space; it is printed under Provenance and lies in data/"


def _final_settings(evidence: _Evidence) -> _Answered:
    final = [run for run in evidence.runs if run.key.evaluate_on == "test"]
    if not final:
        return Answer.NOT_APPLICABLE, "no final evaluation was made"
    seeds = sorted({run.key.seed for run in final})
    recipes = {(run.key.recipe, str(run.key.budget)) for run in final}
    if len(recipes) > 1:
        return Answer.PARTLY, f"finalists were trained with {len(recipes)} different recipes or budgets; data/ has each"
    return Answer.MET, f"one recipe and budget, in data/; seeds {_listed(seeds)}"


def _method_settings(evidence: _Evidence) -> _Answered:
    study = evidence.findings.study
    if not study.source.strip():
        return Answer.NOT_MET, "the study file's text is missing"
    return Answer.MET, f"sampler {study.sampler} with Optuna's defaults, seed {study.seed}"


def _same_benchmark(evidence: _Evidence) -> _Answered:
    if not len(evidence.findings.stage("baseline")):
        return Answer.NOT_APPLICABLE, "one method, nothing compared"
    keys = [run.key for run in evidence.compared()]
    parts = {
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


def _confounders(evidence: _Evidence) -> _Answered:
    made = evidence.made
    if not made:
        return Answer.NOT_MET, "no run says where it was made"
    parts = {
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
        effect = "CPU seconds are budgeted, so it cost time rather than training" if timed else "budgets are not in seconds"
        on_gpu = timed and any(one.gpu for one in made)
        effect = "their budgets in seconds bought less training" if on_gpu else effect
        return Answer.PARTLY, f"one machine type and one set of versions; {contended} of {len(evidence.runs)} runs were held up by other work: {effect}"
    return Answer.MET, "one machine type, one set of versions, no run held up by other work"


def _ablation(_: _Evidence) -> _Answered:
    return Answer.NOT_MET, "a search, not an ablation: its kernel comparison is observational and gives no verdict"


def _same_protocol(evidence: _Evidence) -> _Answered:
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


def _over_time(evidence: _Evidence) -> _Answered:
    if evidence.findings.ranked.empty:
        return Answer.NOT_MET, "no run completed"
    return Answer.MET, "anytime curves over training time"


def _random_search(evidence: _Evidence) -> _Answered:
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


def _several_runs(evidence: _Evidence) -> _Answered:
    tested = evidence.findings.finalists
    tested = tested[tested["n"] > 0]
    if tested.empty:
        return Answer.NOT_MET, f"every architecture was trained once, and the search itself ran once (seed {evidence.findings.study.seed})"
    low, high = int(tested["n"].min()), int(tested["n"].max())
    seeds = f"{low}" if low == high else f"{low} to {high}"
    return Answer.PARTLY, f"{len(tested)} finalists with {seeds} fresh seeds each; the search itself ran once (seed {evidence.findings.study.seed})"


def _surrogates(_: _Evidence) -> _Answered:
    return Answer.NOT_MET, "every accuracy here comes from a training, none from a table or a surrogate"


def _tuning(evidence: _Evidence) -> _Answered:
    recipes = {run.key.recipe for run in evidence.runs}
    if len(recipes) > 1:
        return Answer.NOT_MET, f"{len(recipes)} recipes occur, and the records do not say how they were chosen"
    return Answer.NOT_MET, "the recipe was fixed before the search; how it was tuned, and at what cost, is not in the records"


def _whole_time(evidence: _Evidence) -> _Answered:
    spent = evidence.spent
    if spent.frame["seconds"].sum() <= 0:
        return Answer.NOT_MET, "the runs hold no times"
    total = float(spent.frame["seconds"].sum())
    return Answer.MET, f"{duration(spent.elapsed_s)} from start to end, {duration(total)} of worker time; section “Where the time went”"


def _details(evidence: _Evidence) -> _Answered:
    silent = len(evidence.runs) - len(evidence.made)
    if not evidence.runs:
        return Answer.NOT_MET, "there is no run"
    if silent:
        return Answer.PARTLY, f"{silent} of {count(len(evidence.runs))} runs died before they could say where they were made"
    return Answer.MET, f"all {count(len(evidence.runs))} runs record versions, hardware, seeds, data digest and times"


def _listed(values: Iterable[object]) -> str:
    texts = [str(value) for value in values]
    return ", ".join(texts[:12]) + (f" and {len(texts) - 12} more" if len(texts) > 12 else "")


_QUESTIONS: tuple[tuple[str, str, Callable[[_Evidence], _Answered]], ...] = (
    ("Code", "Training pipeline of the final architectures released", _code),
    ("Code", "Search space released", _space),
    ("Code", "Hyperparameters and seeds of the final evaluation given", _final_settings),
    ("Code", "Search method released", _code),
    ("Code", "Hyperparameters and seeds of the search method given", _method_settings),
    ("Comparison", "Same benchmark for all methods: data, split, space, training code", _same_benchmark),
    ("Comparison", "Confounding factors controlled: hardware, versions, run time", _confounders),
    ("Comparison", "Ablation studies run", _ablation),
    ("Comparison", "Same evaluation protocol for all methods", _same_protocol),
    ("Comparison", "Performance over time compared", _over_time),
    ("Comparison", "Compared with random search", _random_search),
    ("Comparison", "Several runs, seeds reported", _several_runs),
    ("Comparison", "Tabular or surrogate benchmarks used for depth", _surrogates),
    ("Reporting", "How hyperparameters were tuned, and at what cost", _tuning),
    ("Reporting", "Time of the whole method from end to end", _whole_time),
    ("Reporting", "All details of the set-up", _details),
)
