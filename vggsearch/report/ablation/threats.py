"""Threats to validity: what could make the answer wrong or narrow, with this study's own numbers."""

from collections.abc import Iterator

import pandas as pd

from vggsearch.designs import Plan, deviations
from vggsearch.report.ablation.ablation_findings import AblationFindings
from vggsearch.report.ablation.curves import LAST_PART, side_curves, still_rising
from vggsearch.report.ablation.images import image_count
from vggsearch.report.ablation.looks import look_numbers
from vggsearch.report.ablation.runs import held_up
from vggsearch.report.ablation.sentences import interacts
from vggsearch.report.document import (
    NBSP,
    Block,
    Table,
    count,
    duration,
    missing,
    paragraph,
    percent,
    plain,
    points,
    section,
    si,
    text_column,
)
from vggsearch.report.shared import data_names

Threat = tuple[str, str]
"""Its name, and what it means in this study."""


@section("threats", "Threats to validity")
def threats_section(found: AblationFindings) -> Iterator[Block]:
    """One row for each threat, harmless ones too."""
    yield paragraph(
        "What could make the answers wrong, or true of less than they seem to be. Computed from the records."
    )
    columns = [text_column("threat", "threat", str), text_column("in this study", "in_this_study", str)]
    data = pd.DataFrame(list(threats(found)), columns=["threat", "in_this_study"])
    yield Table("threats", "Threats to validity", columns, data, latex=False)


def threats(found: AblationFindings) -> Iterator[Threat]:
    """All threats that are known."""
    yield "one data set", _data(found)
    plan = found.plan
    if plan is not None:
        yield "nets of one size", _sizes(found, plan)
    yield "budget short of convergence", _budget(found)
    yield "one recipe", _recipe(found)
    yield "learning rates", _rates(found)
    yield found.wording.threat, _images(found)
    yield "one split", _split(found)
    yield "runs that failed", _failed(found)
    yield "a busy machine", _contended(found)
    yield "seeds added after looking", _looking(found)
    yield "several contrasts", _contrasts(found)


def _data(found: AblationFindings) -> str:
    size, accuracy = image_count(found), float(found.complete[found.part.column].astype(float).mean())
    if size is None or missing(accuracy):
        return f"{data_names(found.results)}; no run has read its {found.part.images} yet"
    error = (accuracy * (1 - accuracy) / size) ** 0.5
    return (
        f"{data_names(found.results)}: {count(size)} {found.part.images}, so that one accuracy of "
        f"{percent(accuracy, 1)} has a binomial standard error of {100 * error:.2f}{NBSP}pp: single "
        "runs decide nothing"
    )


def _sizes(found: AblationFindings, plan: Plan) -> str:
    params = found.trials.loc[found.trials["stage"] == "pairs", "params"].dropna()
    of = f"{si(params.min())} to {si(params.max())} parameters" if len(params) else "sizes not known yet"
    shape = "×".join(map(str, plan.input_shape))
    return f"{len(plan.arms)} arms of {of}, at {shape} pixels: wider nets and larger images were not asked"


def _budget(found: AblationFindings) -> str:
    budgets = ", ".join(dict.fromkeys(str(arm.budget) for arm in found.plan.arms)) if found.plan else ""
    said = budgets or str(found.study.budget)
    if not found.effects or interacts(found.effects[0].contrast):
        return said
    first = found.effects[0].contrast
    gains = still_rising(side_curves(found, found.effects[0]))
    if not gains:
        return f"{said}; no curves say how far training was from its end"
    names = {"better": first.better, "worse": first.worse}
    rise = ", ".join(f"{plain(names[side], 60)} {points(gain)}" for side, gain in gains.items())
    return f"{said}: over the last {percent(LAST_PART, 0)} validation accuracy still rose ({rise})"


def _recipe(found: AblationFindings) -> str:
    recipe = found.study.recipe
    return (
        f"batch {recipe.batch_size}, momentum {recipe.momentum:g}, weight decay {recipe.weight_decay:g}, "
        f"{recipe.schedule} schedule for all arms; only the learning rate was fitted to each"
    )


def _rates(found: AblationFindings) -> str:
    rates = found.study.rates
    grid = ", ".join(f"{lr:g}" for lr in rates.grid)
    if len(rates.grid) == 1:
        return f"{grid} for all arms, not tuned"
    edges = int(found.chosen["at_edge"].sum()) if len(found.chosen) else 0
    arms = found.chosen["arm"].nunique() if len(found.chosen) else 0
    more = f", and at most {rates.grow} more at an end" if rates.grow else ""
    return (
        f"{len(rates.grid)} tried ({grid}{more}), {rates.seeds} seeds each; best at an end of the grid: "
        f"{edges} of {arms} arms{found.wording.rates_threat}"
    )


def _images(found: AblationFindings) -> str:
    judged = f"all {count(int(found.complete['digest'].nunique()))} {found.wording.judged} runs share"
    return (
        f"{found.wording.shared.format(judged)}: verdicts are over seeds; for new images see “Two "
        f"questions kept apart”"
    )


def _split(found: AblationFindings) -> str:
    data = found.study.data
    if found.plan is not None and found.plan.pair_data:
        first, *_, last = (pair.split_seed for pair in found.plan.pair_data)
        return (
            f"no: each pair has a split of its own, of split seeds {first} to {last}, so that intervals are "
            f"over splits too; learning rates were chosen on split seed {data.split_seed}"
        )
    return (
        f"validation is one {percent(data.val_fraction, 0)} part, of split seed {data.split_seed}, in "
        f"every pair"
    )


def _failed(found: AblationFindings) -> str:
    failed = found.failed
    if failed.empty:
        return f"none of {count(len(found.pairs))} runs of the pairs"
    arms = ", ".join(
        f"{plain(arm, 60)} {number}" for arm, number in failed["arm"].value_counts(sort=False).items()
    )
    return f"{len(failed)} of {count(len(found.pairs))} runs of the pairs ({arms}): their pairs are left out"


def _contended(found: AblationFindings) -> str:
    own = found.pairs.drop_duplicates("digest")
    busy = held_up(own)
    effect = (
        "steps are fixed, so it cost time and no training; seconds of training are less sure"
        if found.plan is not None and all(arm.budget.deterministic for arm in found.plan.arms)
        else "budgets are in seconds of training"
    )
    took = duration(float(own["train_s"].sum())) if len(own) else "no time"
    return f"{busy} of {count(len(own))} runs of the pairs ({took}) were held up by other work: {effect}"


def _looking(found: AblationFindings) -> str:
    lines = deviations(found.results.plans)
    if not found.results.plans:
        return "no plan is registered, so nobody can tell"
    changed = [line for line in lines if line.startswith(("pairs ", "looks "))]
    if changed:
        return f"yes, the tests do not know of it: {plain('; '.join(changed), 300)}"
    plan = found.results.plans[-1].plan
    if plan.looks and not lines:
        early = found.looked is not None and found.looked.stopped_early(plan)
        stop = "; the first that decided every contrast ended the study" if early else ""
        return f"as planned: looks at {look_numbers(plan)} pairs, for which tests and intervals allow{stop}"
    return f"no: {found.results.plans[-1].plan.pairs} were planned" + (
        "" if not lines else ", other things changed"
    )


def _contrasts(found: AblationFindings) -> str:
    number = len(found.effects)
    if number < 2:
        return "one contrast, nothing to correct for" if number else "none is known"
    return f"{number}, of one control's runs: p values are corrected by Holm's method, intervals are not"
