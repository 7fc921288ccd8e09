"""The NAS best-practice checklist, answered from the records.

Lindauer & Hutter, Best Practices for Scientific Research on Neural Architecture Search, JMLR 21(243), 2020.
The questions are in our own words. An item that the records cannot show is not met.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from vggsearch.report.document import Block, Table, number_column, paragraph, section, text_column
from vggsearch.report.shared.practices import Answer, Answered

REFERENCE = (
    "M. Lindauer and F. Hutter, Best Practices for Scientific Research on Neural Architecture Search, "
    "Journal of Machine Learning Research 21(243):1–18, 2020"
)


@dataclass(frozen=True, slots=True)
class Item:
    """One question, its answer, and the reason."""

    topic: str
    question: str
    answer: Answer
    reason: str


def checklist_items(answers: Sequence[Answered]) -> list[Item]:
    """The items with their answers, one for each question."""
    return [Item(*question, *answer) for question, answer in zip(QUESTIONS, answers, strict=True)]


@section("checklist", "NAS best-practice checklist")
def checklist_section(items: Sequence[Item]) -> Iterator[Block]:
    """The checklist of a report."""
    met = sum(item.answer is Answer.MET for item in items)
    yield paragraph(
        f"{met} of {len(items)} items are met. Answers are computed from the records. After {REFERENCE}."
    )
    columns = [
        number_column("", "item", str),
        *(text_column(name, name, str) for name in ("about", "practice", "answer", "because")),
    ]
    rows = [
        (number, item.topic, item.question, item.answer.value, item.reason)
        for number, item in enumerate(items, start=1)
    ]
    data = pd.DataFrame(rows, columns=[column.fields[0] for column in columns])
    yield Table("checklist", "Checklist", columns, data, latex=False)


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
