"""The NAS best-practice checklist, answered from the records.

Lindauer & Hutter, Best Practices for Scientific Research on Neural Architecture Search, JMLR 21(243), 2020.
The questions are put in our own words; `practices.py` answers each. What the records cannot show is not met.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from vggsearch.report.document import Column, Section, Table, text
from vggsearch.report.shared.evidence import Answer, Answered

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


def items(answers: Sequence[Answered]) -> list[Item]:
    """The items with their answers, one for each question."""
    return [Item(*question, *answer) for question, answer in zip(QUESTIONS, answers, strict=True)]


def checklist_section(answered: Sequence[Item]) -> Section:
    """The checklist of a report."""
    rows = [
        (str(number), item.topic, item.question, item.answer.value, item.reason)
        for number, item in enumerate(answered, start=1)
    ]
    columns = (
        Column(""),
        Column("about", "left"),
        Column("practice", "left"),
        Column("answer", "left"),
        Column("because", "left"),
    )
    data = pd.DataFrame(rows, columns=["item", "about", "practice", "answer", "because"])
    met = sum(item.answer is Answer.MET for item in answered)
    how = text(
        f"{met} of {len(rows)} items are met. Answers are computed from the records. After {REFERENCE}."
    )
    table = Table("checklist", "Checklist", columns, rows, data, latex=False)
    return Section("checklist", "NAS best-practice checklist", (how, table))


QUESTIONS = (
    ("Code", "Training pipeline of the final architectures released"),
    ("Code", "Search space released"),
    ("Code", "Hyperparameters and seeds of the final evaluation given"),
    ("Code", "Search method released"),
    ("Code", "Hyperparameters and seeds of the search method given"),
    ("Comparison", "Same benchmark for all methods: data, split, space, training code"),
    ("Comparison", "Confounding factors controlled: hardware, versions, run time"),
    ("Comparison", "Ablation studies run"),
    ("Comparison", "Same evaluation protocol for all methods"),
    ("Comparison", "Performance over time compared"),
    ("Comparison", "Compared with random search"),
    ("Comparison", "Several runs, seeds reported"),
    ("Comparison", "Tabular or surrogate benchmarks used for depth"),
    ("Reporting", "How hyperparameters were tuned, and at what cost"),
    ("Reporting", "Time of the whole method from end to end"),
    ("Reporting", "All details of the set-up"),
)
