"""`vggsearch plan`: what an ablation will compare, how long that takes, and which effects it could detect."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from vggsearch.commands import ablation, forecast
from vggsearch.commands.arguments import INTERRUPTED
from vggsearch.commands.conduct import conduct, named_again
from vggsearch.commands.output import Json, make_console, print_json
from vggsearch.commands.plan_tables import print_plan
from vggsearch.commands.status import plan_object
from vggsearch.designs import Contrast, Design, Held, Plan, Row, mismatch, proof
from vggsearch.store import Store
from vggsearch.study import AblationStudy, StudyResults, load_study, read_results


def plan_command(path: Path, *, store: Path, data_dir: Path | None, device: str, as_json: bool) -> int:
    """Fix and print the plan of the ablation in `path`; its arms are measured where they were not.

    Returns 130 where a person stopped that, else 0.
    """
    study = load_study(path)
    if not isinstance(study, AblationStudy):
        raise study.mistake(
            f"kind: a plan is what an ablation has, and a search has a space: use vggsearch space {path}"
        )
    opened = Store.open(store)
    results = read_results(opened, study)
    if not _is_current(results, opened):
        results, why = conduct(study, opened, results, device, 1, data_dir, train=False)
        if why in ("interrupted", "time limit"):
            again = named_again(study, store)
            make_console().print(f"{why}; to go on: vggsearch plan {again}", soft_wrap=True)
            return INTERRUPTED if why == "interrupted" else 0
    plan = results.plans[-1].plan
    design = study.plan_design(plan.task)
    rows = proof(design, plan.task)
    remains = {one.name: remaining(design, one, plan) for one in design.contrasts}
    if as_json:
        print_json(_object(study, results, rows, remains))
    else:
        print_plan(make_console(), study, results, rows, remains)
    return 0


def remaining(design: Design, contrast: Contrast, plan: Plan) -> dict[Held, float]:
    """What differs in what a contrast holds equal, as a fraction; training seconds by the plan's steps."""
    found = mismatch(design, contrast, plan.task)
    if "training seconds" in found:
        seconds = {weight > 0: plan.run_s(plan.arm(name)) for name, weight in contrast.weights.items()}
        better, worse = seconds[True], seconds[False]
        found["training seconds"] = worse / better - 1 if better and worse else 0.0
    return found


def _is_current(results: StudyResults, store: Store) -> bool:
    plan = ablation.current_plan(results, store)
    return plan is not None and plan.digest == results.plans[-1].digest


def _object(
    study: AblationStudy,
    results: StudyResults,
    rows: tuple[Row, ...],
    remains: Mapping[str, Mapping[Held, float]],
) -> dict[str, Json]:
    plan = results.plans[-1].plan
    effort = forecast.effort(results, plan)
    return {
        "study": study.name,
        "question": study.question,
        "plan": plan_object(results.plans),
        "device": plan.device_model,
        "arms": [_arm_object(row, plan) for row in rows],
        "contrasts": [
            {
                "name": one.name,
                "claim": one.contrast().claim,
                "primary": one.name == plan.primary,
                "weights": one.weights,
                "held_equal": {str(held): value for held, value in remains[one.name].items()},
            }
            for one in plan.contrasts
        ],
        "seeds": plan.pairs,
        "learning_rates": list(plan.rates),
        "margin_pp": study.margin_pp,
        "alpha": plan.alpha,
        "evaluate_on": plan.evaluate_on,
        "runs": {"made": effort.made} | {str(stage): count for stage, count in effort.wanted.items()},
        "expected_s": effort.total_s,
        "left_s": effort.left_s,
        "workers": effort.workers,
        "detectable": [asdict(one) for one in forecast.detectable(results, plan)],
        "warnings": list(forecast.warnings(plan)),
    }


def _arm_object(row: Row, plan: Plan) -> dict[str, Json]:
    arm = plan.arm(row.arm)
    return {
        "name": row.arm,
        "architecture": str(row.architecture),
        "recipe": dict(row.recipe),
        "convolutions": row.num_convs,
        "channels": list(row.channels),
        "params": row.params,
        "macs": row.macs,
        "receptive_field": row.receptive_field,
        "differences": dict(row.differences),
        "budget": str(arm.budget),
        "steps": plan.steps(arm),
        "step_s": arm.step_s,
        "run_s": plan.run_s(arm),
    }
