"""What an ablation wants and has, by its plan: the numbers that `run`, `status` and `plan` tell."""

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from vggsearch.designs import Design, Plan, PlannedArm
from vggsearch.recipe import Budget, Recipe
from vggsearch.runs import RunRecord, Stage
from vggsearch.store import Store
from vggsearch.study import (
    CALIBRATION_ROUNDS,
    AblationAssembly,
    AblationStudy,
    Conditions,
    Planned,
    StudyResults,
    complete_pairs,
)

Wanted = tuple[str, Recipe, Budget, int, float | None]
"""What makes a run one of a stage: architecture, recipe without its rate, budget, seed, rate where it is
tried."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Distinct runs of a stage."""

    quota: int
    done: int


def registered_plan(results: StudyResults) -> Plan | None:
    """The plan in force."""
    return results.plans[-1].plan if results.plans else None


def current_plan(results: StudyResults, store: Store) -> Plan | None:
    """The plan that the file and the measurements give now, registered or not; None where an arm is still to
    be measured, or nothing was ever registered. Only reads.
    """
    study, before = results.study, registered_plan(results)
    if before is None or not isinstance(study, AblationStudy):
        return None
    design = study.plan_design(before.input_shape, before.num_classes)
    conditions = Conditions(
        before.data, before.input_shape, before.num_classes, before.device, before.device_model
    )
    notes = store.state(study.name)
    assembly = AblationAssembly(study, design, store, notes, conditions, before.train_images, time.time)
    assembly.restore()
    return assembly.plan() if assembly.calibration.complete else None


def planned(plan: Plan) -> Planned:
    """What a display needs of a plan."""
    seconds = [plan.run_s(arm) for arm in plan.arms]
    known = [each for each in seconds if each is not None]
    own = {
        (arm.architecture, arm.recipe, arm.budget, arm.seed_offset): arm.name for arm in reversed(plan.arms)
    }
    return Planned(plan.digest, fmean(known) if known else None, plan.pairs, frozenset(own.values()))


def wanted_runs(plan: Plan) -> dict[Stage, dict[Wanted, PlannedArm]]:
    """Every distinct run that the plan wants, by stage, and the first of the arms that it is made for."""
    wanted: dict[Stage, dict[Wanted, PlannedArm]] = {"rates": {}} if plan.tuned else {}
    wanted["pairs"] = {}
    for arm in plan.arms:
        recipe = _without_rate(arm.recipe)
        for repeat in range(plan.rate_seeds if plan.tuned else 0):
            for lr in plan.rates:
                one = (arm.architecture, recipe, arm.budget, plan.first_rate_seed + repeat, lr)
                wanted["rates"].setdefault(one, arm)
        for pair in range(plan.pairs):
            seed = plan.first_seed + pair + arm.seed_offset
            wanted["pairs"].setdefault((arm.architecture, recipe, arm.budget, seed, None), arm)
    return wanted


def made_runs(results: StudyResults, stage: Stage) -> dict[Wanted, RunRecord]:
    """The runs of a stage, as `wanted_runs` names them."""
    return {
        _wanted(run, stage): run
        for trial in results.trials
        if trial.stage == stage and trial.run and (run := results.runs.get(trial.run))
    }


def counted_runs(results: StudyResults, study: AblationStudy, plan: Plan) -> dict[Stage, Counted]:
    """Distinct runs of each stage: wanted, and made."""
    nets = {(arm.architecture, arm.recipe) for arm in plan.arms}
    counted = _calibration(results, study, nets)
    for stage, wanted in wanted_runs(plan).items():
        made = made_runs(results, stage).keys()
        counted[stage] = Counted(len(wanted), len(wanted.keys() & made))
    return counted


def expected_runs(results: StudyResults, study: AblationStudy, design: Design) -> dict[Stage, Counted]:
    """The same before there is a plan: arms that get equal budgets are not known yet."""
    nets = {(str(arm.architecture), arm.recipe) for arm in design.arms}
    rates = {(str(arm.architecture), arm.recipe, arm.same_time_as) for arm in design.arms}
    pairs = {(str(arm.architecture), arm.recipe, arm.same_time_as, arm.seed_offset) for arm in design.arms}
    counted = _calibration(results, study, nets)
    if len(study.rates.grid) > 1:
        counted["rates"] = Counted(len(rates) * len(study.rates.grid) * study.rates.seeds, 0)
    counted["pairs"] = Counted(len(pairs) * study.seeds, 0)
    return counted


def left_s(results: StudyResults, plan: Plan | None) -> float | None:
    """Seconds that the runs still wanted take, one after the other; None where nobody knows.

    By the runs that an arm has had, else by its plan.
    """
    if plan is None:
        return None
    took = _took(results)
    total = 0.0
    for stage, wanted in wanted_runs(plan).items():
        made = made_runs(results, stage)
        for one, arm in wanted.items():
            if one not in made:
                seen = took.get(arm.name)
                run_s = fmean(seen) if seen else plan.run_s(arm)
                if run_s is None:
                    return None
                total += run_s
    return total


def pairs_complete(results: StudyResults) -> int:
    """Seeds with which every arm completed a run."""
    plan = registered_plan(results)
    return 0 if plan is None else complete_pairs(results.trials, planned(plan))


def _took(results: StudyResults) -> Mapping[str, list[float]]:
    """Wall seconds of the runs made for each arm, evaluation and all."""
    took: dict[str, list[float]] = defaultdict(list)
    for trial in results.trials:
        if trial.stage in ("rates", "pairs") and trial.run and not trial.cached:
            took[str(trial.params.get("arm"))].append(trial.told_at - trial.asked_at)
    return took


def _calibration(
    results: StudyResults, study: AblationStudy, nets: set[tuple[str, Recipe]]
) -> dict[Stage, Counted]:
    """A budget in seconds needs none."""
    if not study.budget.deterministic:
        return {}
    made = made_runs(results, "calibration").values()
    done = sum((run.key.architecture, run.key.recipe) in nets for run in made)
    return {"calibration": Counted(len(nets) * CALIBRATION_ROUNDS, done)}


def _wanted(run: RunRecord, stage: Stage) -> Wanted:
    key = run.key
    lr = key.recipe.lr if stage == "rates" else None
    return key.architecture, _without_rate(key.recipe), key.budget, key.seed, lr


def _without_rate(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"lr": 1.0})
