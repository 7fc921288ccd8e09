"""What an ablation found. The whole report is made from it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import pandas as pd

from vggsearch.analysis import Verdict, effects, interval_levels, rate_table
from vggsearch.designs import Contrast, EvaluationPart, Plan
from vggsearch.report.ablation.wording import WORDINGS, Wording
from vggsearch.report.document import Record, level
from vggsearch.study import AblationStudy, Looked, StudyResults, looked, pairs_frame, rates_frame

STAGES: Mapping[str, str] = {"calibration": "calibration", "rates": "learning rates", "pairs": "pairs"}
"""Printed names of the stages, in their order."""


@dataclass(frozen=True, slots=True)
class ContrastFinding:
    """What the pairs say of one contrast. Accuracies are fractions, NaN where there are too few pairs."""

    contrast: Contrast
    verdict: Verdict
    n: int
    """Complete pairs."""
    left_out: int
    """Pairs that were begun and in which a run did not complete."""
    more_pairs: int | None
    """More pairs that are expected to decide; None where no affordable number is."""
    sign_certain: bool
    """Whether the effect is shown not to be 0, even if it is too small to matter."""
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
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class AblationFindings:
    """The frames of an ablation.

    `trials`, `pairs` and `rates` have one row for each trial; `chosen` one for each arm and learning rate;
    `table` and `effects` one for each contrast, the primary one first.
    """

    results: StudyResults
    study: AblationStudy
    plan: Plan | None
    """The plan in force; None where the results hold none."""
    trials: pd.DataFrame
    pairs: pd.DataFrame
    rates: pd.DataFrame
    chosen: pd.DataFrame
    table: pd.DataFrame
    effects: tuple[ContrastFinding, ...]
    repeated: int
    """Trials that a later trial of the same arm and pair replaces."""
    looked: Looked | None = None
    """How far the planned looks are; None where none are planned."""

    @property
    def complete(self) -> pd.DataFrame:
        """The runs of pairs that completed and were judged."""
        return self.pairs[self.pairs[self.part.column].notna()]

    @property
    def failed(self) -> pd.DataFrame:
        """The runs of pairs that did not."""
        return self.pairs[self.pairs[self.part.column].isna()]

    @property
    def part(self) -> EvaluationPart:
        """The images on which the pairs are judged: the plan's, or else the study file's."""
        return (self.plan or self.study).part

    @property
    def wording(self) -> Wording:
        """What the report says of these images."""
        return WORDINGS[self.part.name]

    @property
    def counted(self) -> pd.DataFrame:
        """The runs of the pairs behind the effects: none after the last planned look."""
        last = self.looked.last if self.looked else 0
        return self.pairs[self.pairs["pair"] <= last] if last else self.pairs

    @property
    def interval_alpha(self) -> float:
        """Share of intervals that may miss the truth: less than `alpha` at one of several planned looks."""
        if self.plan is None or self.looked is None:
            return self.alpha
        reached = sum(look <= self.looked.last for look in self.plan.looks)
        return interval_levels(self.plan.looks, reached, self.alpha)[0]

    @property
    def begun(self) -> bool:
        """Whether any contrast has a pair."""
        return any(effect.n for effect in self.effects)

    @property
    def level(self) -> str:
        """Confidence level of the intervals: `95 %`."""
        return level(1 - self.alpha)

    @property
    def alpha(self) -> float:
        """Level of the tests: the plan's, or else the study file's."""
        return self.plan.alpha if self.plan else self.study.alpha

    @property
    def margin(self) -> float:
        """Margin of equivalence, a fraction: the plan's, or else the study file's."""
        return self.plan.margin if self.plan else self.study.margin

    def arm_mean(self, arm: str, column: str) -> float:
        """Mean of a column over an arm's completed pairs; NaN where it has none."""
        values = self.complete.loc[self.complete["arm"] == arm, column]
        return float(values.astype(float).mean()) if len(values) else float("nan")


def find_ablation(results: StudyResults) -> AblationFindings:
    """Everything the report shows of `results`, which are of an `AblationStudy`."""
    study = results.study
    assert isinstance(study, AblationStudy)  # the caller passes no other
    plan = results.plans[-1].plan if results.plans else None
    every = pairs_frame(results)
    pairs = every.drop_duplicates(["arm", "pair"], keep="last").reset_index(drop=True)
    if plan is None:
        empty = pd.DataFrame()
        return AblationFindings(results, study, None, results.frame(), pairs, empty, empty, empty, (), 0)
    ordered = sorted(plan.contrasts, key=lambda contrast: contrast.name != plan.primary)
    contrasts = [planned.contrast() for planned in ordered]
    table = effects(
        pairs, contrasts, alpha=plan.alpha, margin=plan.margin, value=plan.part.column, looks=plan.looks
    )
    rates = rates_frame(results, plan)
    found = tuple(
        _finding(contrast, row) for contrast, row in zip(contrasts, table.to_dict("records"), strict=True)
    )
    chosen, repeated = rate_table(rates), len(every) - len(pairs)
    far = looked(plan, pairs) if plan.looks else None
    return AblationFindings(
        results, study, plan, results.frame(), pairs, rates, chosen, table, found, repeated, far
    )


def _finding(contrast: Contrast, row: Record) -> ContrastFinding:
    more = row["more_pairs"]
    known = {
        "contrast": contrast,
        "verdict": Verdict(row["verdict"]),
        "more_pairs": None if pd.isna(more) else int(more),
    }
    return ContrastFinding(**{one.name: row[one.name] for one in fields(ContrastFinding)} | known)
