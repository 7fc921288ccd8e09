"""Which runs an ablation wants by its plan, and which of them it has."""

from collections import defaultdict
from collections.abc import Mapping
from statistics import fmean

from vggsearch.designs import Design, Plan, PlannedArm, RunIdentity, without_rate
from vggsearch.recipe import Recipe
from vggsearch.runs import RunRecord, Stage
from vggsearch.store import Store
from vggsearch.study.ablation.assembly import CALIBRATION_ROUNDS, AblationAssembly
from vggsearch.study.ablation.frames import pairs_frame, rates_frame
from vggsearch.study.ablation.looking import Looked, looked
from vggsearch.study.control import Conditions, Planned, complete_pairs
from vggsearch.study.file import AblationStudy
from vggsearch.study.kind import StageStatus
from vggsearch.study.results import StudyResults


def registered_plan(results: StudyResults) -> Plan | None:
    """The plan in force."""
    return results.plans[-1].plan if results.plans else None


def current_plan(study: AblationStudy, results: StudyResults, store: Store) -> Plan | None:
    """The plan that the file and the measurements give now, registered or not. Writes nothing.

    None where an arm is not measured yet, no plan was registered yet, or the splits of pairs have changed.
    """
    before = registered_plan(results)
    if before is None:
        return None
    if len(study.pair_splits) != len(before.pair_data):
        return None  # which splits there are now is known once the images are read
    conditions = Conditions(
        before.data,
        before.task,
        before.device,
        before.device_model,
        before.train_images,
        before.pair_data,
    )
    assembly = AblationAssembly(study, store, conditions)
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


def wanted_runs(
    plan: Plan, results: StudyResults | None = None
) -> dict[Stage, dict[RunIdentity, PlannedArm]]:
    """Every distinct run that the plan wants, by stage, and the first arm that it is made for.

    By `results`, where they are given: grids may have grown, and a look may be the last. Without them, all
    pairs that the plan may want, and the rates of its grid.
    """
    tried = {} if results is None else grown(results, plan)
    pairs = plan.pairs if results is None else looked_at(results, plan).wanted
    wanted: dict[Stage, dict[RunIdentity, PlannedArm]] = {"rates": {}} if plan.tuned else {}
    wanted["pairs"] = {}
    for run in plan.rate_runs(tried):
        wanted["rates"].setdefault(run.identity, run.arm)
    for run in plan.pair_runs():
        if run.number <= pairs:
            wanted["pairs"].setdefault(run.identity, run.arm)
    return wanted


def made_runs(results: StudyResults, stage: Stage) -> dict[RunIdentity, RunRecord]:
    """The runs that answer a stage, by the same identity as in `wanted_runs`."""
    return {
        _identity(run, stage): run
        for trial in results.answered
        if trial.stage == stage and trial.run and (run := results.runs.get(trial.run))
    }


def looked_at(results: StudyResults, plan: Plan) -> Looked:
    """What the looks of `plan` decide on the results so far."""
    if not plan.looks:
        return Looked(0, plan.pairs, decided=False)
    return looked(plan, pairs_frame(results).drop_duplicates(["arm", "pair"], keep="last"))


def grown(results: StudyResults, plan: Plan) -> dict[str, list[float]]:
    """The rates of arms whose grid may have grown, by the results so far."""
    if not plan.rate_growth:
        return {}
    from vggsearch.analysis import grown_rates

    return grown_rates(rates_frame(results, plan), plan.rates, plan.rate_seeds, plan.rate_growth)


def planned_counts(study: AblationStudy, results: StudyResults, plan: Plan) -> dict[Stage, StageStatus]:
    """Distinct runs of each stage that `plan` wants by the results so far."""
    counts = _calibration(study, results, {(arm.architecture, arm.recipe) for arm in plan.arms})
    for stage, wanted in wanted_runs(plan, results).items():
        made = made_runs(results, stage).keys()
        counts[stage] = StageStatus(len(wanted), len(wanted.keys() & made))
    return counts


def expected_counts(study: AblationStudy, results: StudyResults, design: Design) -> dict[Stage, StageStatus]:
    """The same before there is a plan, when it is unknown which arms get equal budgets."""
    nets = {(str(arm.architecture), arm.recipe) for arm in design.arms}
    rates = {(str(arm.architecture), arm.recipe, arm.same_time_as) for arm in design.arms}
    pairs = {(str(arm.architecture), arm.recipe, arm.same_time_as, arm.seed_offset) for arm in design.arms}
    counts = _calibration(study, results, nets)
    if len(study.rates.grid) > 1:
        counts["rates"] = StageStatus(len(rates) * len(study.rates.grid) * study.rates.seeds, 0)
    first = study.looks[0] if study.looks else study.pairs
    counts["pairs"] = StageStatus(len(pairs) * first, 0)
    return counts


def left_s(results: StudyResults, plan: Plan | None) -> float | None:
    """Seconds that the runs still wanted take one after the other; None where unknown.

    Where looks are planned, to the next look.

    Estimated from an arm's runs so far, or else from the plan.
    """
    if plan is None:
        return None
    took = _took(results)
    total = 0.0
    for stage, wanted in wanted_runs(plan, results).items():
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
    """Number of seeds with which every arm completed a run."""
    plan = registered_plan(results)
    return 0 if plan is None else complete_pairs(results.trials, planned(plan))


def looks_line(results: StudyResults) -> str:
    """Which look is next, or which one ended the study; empty where no looks are planned."""
    plan = registered_plan(results)
    if plan is None or not plan.looks:
        return ""
    now = looked_at(results, plan)
    if now.stopped_early(plan):
        return f"stopped early: the look at {now.wanted} pairs decided every contrast"
    at = ", ".join(map(str, plan.looks))
    return f"looks: at {at} pairs" + (f"; the next one at {now.wanted}" if now.wanted > now.last else "")


def _took(results: StudyResults) -> Mapping[str, list[float]]:
    """Wall seconds of the runs made for each arm, including evaluation."""
    took: dict[str, list[float]] = defaultdict(list)
    for trial in results.trials:
        if trial.stage in ("rates", "pairs") and trial.run and not trial.cached:
            took[str(trial.params.get("arm"))].append(trial.told_at - trial.asked_at)
    return took


def _calibration(
    study: AblationStudy, results: StudyResults, nets: set[tuple[str, Recipe]]
) -> dict[Stage, StageStatus]:
    """The status of the calibration, which a budget in seconds does not need."""
    if not study.budget.deterministic:
        return {}
    made = made_runs(results, "calibration").values()
    done = sum((run.key.architecture, run.key.recipe) in nets for run in made)
    return {"calibration": StageStatus(len(nets) * CALIBRATION_ROUNDS, done)}


def _identity(run: RunRecord, stage: Stage) -> RunIdentity:
    key = run.key
    lr = key.recipe.lr if stage == "rates" else None
    return key.architecture, without_rate(key.recipe), key.budget, key.seed, lr
