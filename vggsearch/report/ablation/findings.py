"""What an ablation found: one pass over its results, which everything in the report is then made from."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import pandas as pd

from vggsearch.analysis import Verdict, effects, rate_table
from vggsearch.designs import Contrast, EvaluationPart, Plan
from vggsearch.report.ablation.words import WORDS, Words
from vggsearch.study import AblationStudy, StudyResults, pairs_frame, rates_frame

STAGES: Mapping[str, str] = {"calibration": "calibration", "rates": "learning rates", "pairs": "pairs"}
"""What a stage is called, in the order of the work."""

_NUMBERS = (
    "mean",
    "sd",
    "se",
    "low",
    "high",
    "p",
    "p_holm",
    "p_tost_holm",
    "low_tost",
    "high_tost",
    "sigma",
    "rho",
    "mde",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What the pairs say of one contrast. Accuracies are fractions; NaN where there are too few pairs."""

    contrast: Contrast
    verdict: Verdict
    n: int
    """Pairs."""
    left_out: int
    """Pairs that were begun and of which a run did not complete."""
    more_pairs: int | None
    """So many more would be expected to decide; None where more than can be paid for would."""
    sign_certain: bool
    """Whether the effect is shown not to be 0, be it too small to matter or not."""
    mean: float
    sd: float
    se: float
    low: float
    high: float
    p: float
    p_holm: float
    p_tost_holm: float
    low_tost: float
    high_tost: float
    sigma: float
    rho: float
    mde: float

    @property
    def off_zero(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Ablation:
    """The tables of an ablation: `pairs` and `rates` have one row a trial, `chosen` one an arm and learning
    rate, `table` and `effects` one a contrast, the primary first."""

    results: StudyResults
    study: AblationStudy
    plan: Plan | None
    """In force; None where none is known."""
    trials: pd.DataFrame
    pairs: pd.DataFrame
    rates: pd.DataFrame
    chosen: pd.DataFrame
    table: pd.DataFrame
    effects: tuple[Finding, ...]
    repeated: int
    """Trials of a pair of which an arm has a later one, which counts."""

    @property
    def complete(self) -> pd.DataFrame:
        """The pairs' runs that completed and were judged."""
        return self.pairs[self.pairs[self.part.column].notna()]

    @property
    def failed(self) -> pd.DataFrame:
        """The others."""
        return self.pairs[self.pairs[self.part.column].isna()]

    @property
    def part(self) -> EvaluationPart:
        """The images on which the pairs are judged: the plan's, or the study file's."""
        return (self.plan or self.study).part

    @property
    def words(self) -> Words:
        """What is said of that part."""
        return WORDS[self.part.name]

    @property
    def begun(self) -> bool:
        """Whether any contrast has a pair."""
        return any(effect.n for effect in self.effects)

    @property
    def level(self) -> str:
        """Of the intervals: `95 %`."""
        return percentage(1 - self.alpha)

    @property
    def alpha(self) -> float:
        """The plan's, or the study file's."""
        return self.plan.alpha if self.plan else self.study.alpha

    @property
    def margin(self) -> float:
        """The plan's, or the study file's; a fraction."""
        return self.plan.margin if self.plan else self.study.margin

    def arm_mean(self, arm: str, column: str) -> float:
        """Mean of a column over an arm's completed pairs; NaN where there is none."""
        values = self.complete.loc[self.complete["arm"] == arm, column]
        return float(values.astype(float).mean()) if len(values) else float("nan")


def percentage(fraction: float) -> str:
    """A level: 0.95 is `95 %`."""
    return f"{100 * fraction:.4g}\u00a0%"


def find(results: StudyResults) -> Ablation:
    """Everything the report needs to know of `results`, those of an `AblationStudy`."""
    study = results.study
    assert isinstance(study, AblationStudy)  # a page of these findings is made of no other
    plan = results.plans[-1].plan if results.plans else None
    every = pairs_frame(results)
    pairs = every.drop_duplicates(["arm", "pair"], keep="last").reset_index(drop=True)
    if plan is None:
        empty = pd.DataFrame()
        return Ablation(results, study, None, results.frame(), pairs, empty, empty, empty, (), 0)
    ordered = sorted(plan.contrasts, key=lambda contrast: contrast.name != plan.primary)
    contrasts = [planned.contrast() for planned in ordered]
    table = effects(pairs, contrasts, alpha=plan.alpha, margin=plan.margin, value=plan.part.column)
    rates = rates_frame(results, plan)
    found = tuple(
        _effect(contrast, row) for contrast, row in zip(contrasts, table.to_dict("records"), strict=True)
    )
    chosen, repeated = rate_table(rates), len(every) - len(pairs)
    return Ablation(results, study, plan, results.frame(), pairs, rates, chosen, table, found, repeated)


def _effect(contrast: Contrast, row: Mapping[Hashable, object]) -> Finding:
    more = row["more_pairs"]
    numbers = {name: _number(row[name]) for name in _NUMBERS}
    return Finding(
        contrast,
        Verdict(str(row["verdict"])),
        int(str(row["n"])),
        int(str(row["left_out"])),
        None if more is None or more is pd.NA else int(str(more)),
        bool(row["sign_certain"]),
        **numbers,
    )


def _number(value: object) -> float:
    return float("nan") if value is None or value is pd.NA else float(str(value))
