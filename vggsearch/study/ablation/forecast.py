"""How long an ablation takes and which effects it can detect, before it has any result."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from vggsearch.analysis import (
    MIN_PAIRS,
    best_possible_p,
    differences,
    differences_can_show,
    interval_levels,
    minimum_detectable_effect,
    pairs_needed_for_any_verdict,
)
from vggsearch.designs import Contrast, Design, Held, Plan, mismatch
from vggsearch.runs import Stage
from vggsearch.study.ablation.counting import left_s, made_runs, wanted_runs
from vggsearch.study.ablation.frames import pairs_frame
from vggsearch.study.results import StudyResults

SIGMAS = (0.0015, 0.002, 0.003)
"""Typical standard deviations over seeds of one arm's accuracy (fractions), for small nets and images."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How many runs there are, and how long they take."""

    wanted: dict[Stage, int]
    """Distinct runs."""
    made: int
    total_s: float | None
    """Training seconds of all runs, one after the other; None where unknown."""
    left_s: float | None
    """The same for the runs not made yet."""
    workers: int
    """How many runs are active at once."""


@dataclass(frozen=True, slots=True)
class Detectable:
    """The effect that the pairs of the plan, all of them, detect with a probability of 80 %."""

    sd: float
    """Standard deviation of the primary contrast's differences (fraction)."""
    source: str
    """Where `sd` comes from, in words."""
    alone: float
    """Effect at the study's level, if the contrast were the only one."""
    corrected: float
    """Effect at the level that Holm's correction requires of the first contrast."""


def effort_of(results: StudyResults, plan: Plan, workers: int) -> Effort:
    """Runs and seconds of the plan, in all and left; `workers` runs are made at once."""
    wanted = wanted_runs(plan)
    seconds = [plan.run_s(arm) for runs in wanted.values() for arm in runs.values()]
    known = [each for each in seconds if each is not None]
    made = sum(len(runs.keys() & made_runs(results, stage).keys()) for stage, runs in wanted.items())
    return Effort(
        {stage: len(runs) for stage, runs in wanted.items()},
        made,
        sum(known) if len(known) == len(seconds) else None,
        left_s(results, plan),
        workers,
    )


def detectable(results: StudyResults, plan: Plan) -> Iterator[Detectable]:
    """For assumed scatters of independent arms over seeds, and for the one observed in 3 or more pairs."""
    primary = next(one for one in plan.contrasts if one.name == plan.primary)
    scale = math.sqrt(sum(weight**2 for weight in primary.weights.values()))
    for sigma in SIGMAS:
        yield _detectable(plan, sigma * scale, f"seeds scatter by {100 * sigma:g} pp")
    found = differences(pairs_frame(results), primary.weights, plan.part.column)
    if len(found) > 2:
        yield _detectable(plan, float(found.std(ddof=1)), f"observed in {len(found)} pairs")


def warnings(plan: Plan) -> Iterator[str]:
    """Reasons why the plan cannot give an answer, a line each."""
    n, contrasts = plan.pairs, len(plan.contrasts)
    needed = pairs_needed_for_any_verdict(contrasts, plan.alpha)
    of = "1 contrast" if contrasts == 1 else f"{contrasts} contrasts"
    if n < MIN_PAIRS:
        yield f"with {n} seeds the report is descriptive only, without a verdict: at least {needed} seeds"
    elif n < needed:
        yield (
            f"with {n} pairs and {of} the smallest Holm-adjusted p is {best_possible_p(n, contrasts):.2g}, "
            f"so no contrast can be supported or refuted: at least {needed} seeds"
        )
    able = zip(plan.looks, differences_can_show(plan.looks, plan.alpha, contrasts), strict=True)
    unable = [str(look) for look, can in able if not can]
    if unable and n >= needed:
        looks = f"the look at {unable[0]}" if len(unable) == 1 else f"the looks at {', '.join(unable)}"
        yield f"{looks} pairs can show equivalence alone, as so few pairs have no p small enough for {of}"


def _detectable(plan: Plan, sd: float, source: str) -> Detectable:
    levels = (
        interval_levels(plan.looks, len(plan.looks), alpha)[0]
        for alpha in (plan.alpha, plan.alpha / len(plan.contrasts))
    )
    alone, corrected = (minimum_detectable_effect(sd, plan.pairs, level) for level in levels)
    return Detectable(sd, source, alone, corrected)


def remaining_mismatch(design: Design, contrast: Contrast, plan: Plan) -> dict[Held, float]:
    """Relative differences of the quantities that a contrast holds equal; training seconds by the plan."""
    found = mismatch(design, contrast, plan.task)
    if "training seconds" in found:
        seconds = {weight > 0: plan.run_s(plan.arm(name)) for name, weight in contrast.weights.items()}
        better, worse = seconds[True], seconds[False]
        found["training seconds"] = worse / better - 1 if better and worse else 0.0
    return found
