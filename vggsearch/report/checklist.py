"""The NAS best-practice checklist, answered from the records.

Lindauer & Hutter, Best Practices for Scientific Research on Neural Architecture Search, JMLR 21(243), 2020.
The questions are put in our own words; `practices.py` answers each. What the records cannot show is not met.
"""

from collections.abc import Callable
from dataclasses import dataclass

from vggsearch.report import practices
from vggsearch.report.evidence import Answer, Answered, Evidence
from vggsearch.report.findings import Findings
from vggsearch.report.spending import Spending

REFERENCE = (
    "M. Lindauer and F. Hutter, Best Practices for Scientific Research on Neural Architecture Search, "
    "Journal of Machine Learning Research 21(243):1–18, 2020"
)


@dataclass(frozen=True, slots=True)
class Item:
    """One question, its answer, and why."""

    topic: str
    question: str
    answer: Answer
    reason: str


def checklist(findings: Findings, spent: Spending) -> list[Item]:
    """All sixteen items."""
    runs = list(findings.results.runs.values())
    evidence = Evidence(findings, spent, runs, [run.provenance for run in runs if run.provenance is not None])
    return [Item(topic, question, *answer(evidence)) for topic, question, answer in _QUESTIONS]


_QUESTIONS: tuple[tuple[str, str, Callable[[Evidence], Answered]], ...] = (
    ("Code", "Training pipeline of the final architectures released", practices.code),
    ("Code", "Search space released", practices.space),
    ("Code", "Hyperparameters and seeds of the final evaluation given", practices.final_settings),
    ("Code", "Search method released", practices.code),
    ("Code", "Hyperparameters and seeds of the search method given", practices.method_settings),
    (
        "Comparison",
        "Same benchmark for all methods: data, split, space, training code",
        practices.same_benchmark,
    ),
    ("Comparison", "Confounding factors controlled: hardware, versions, run time", practices.confounders),
    ("Comparison", "Ablation studies run", practices.ablation),
    ("Comparison", "Same evaluation protocol for all methods", practices.same_protocol),
    ("Comparison", "Performance over time compared", practices.over_time),
    ("Comparison", "Compared with random search", practices.random_search),
    ("Comparison", "Several runs, seeds reported", practices.several_runs),
    ("Comparison", "Tabular or surrogate benchmarks used for depth", practices.surrogates),
    ("Reporting", "How hyperparameters were tuned, and at what cost", practices.tuning),
    ("Reporting", "Time of the whole method from end to end", practices.whole_time),
    ("Reporting", "All details of the set-up", practices.details),
)
