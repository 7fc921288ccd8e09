"""`vggsearch plan`: what an ablation will compare, how long it takes, and which effects it can detect."""

from collections.abc import Mapping
from dataclasses import asdict

import typer

from vggsearch.commands.again import command_arguments
from vggsearch.commands.arguments import (
    INTERRUPTED,
    STORE,
    DataFolder,
    Device,
    Json as AsJson,
    StoreFolder,
    StudyFile,
    select_gpu,
)
from vggsearch.commands.output import print_json
from vggsearch.commands.plan_of_table import plan_table
from vggsearch.commands.plan_tables import print_plan
from vggsearch.designs import Held, Plan, Row, proof
from vggsearch.display import make_console, run_with_display
from vggsearch.execution import default_workers
from vggsearch.store import Store
from vggsearch.study import (
    AblationStudy,
    Effort,
    Resources,
    StudyResults,
    TableStudy,
    detectable,
    effort_of,
    kind_of,
    load_study,
    plan_object,
    read_results,
    remaining_mismatch,
    warnings,
)
from vggsearch.text import Json


def command(
    file: StudyFile,
    store: StoreFolder = STORE,
    data_dir: DataFolder = None,
    device: Device = "auto",
    json: AsJson = False,
) -> None:
    """Say what an ablation compares, or how long a table takes.

    How many runs, how long, and which effects it can detect. Trains each arm for a few seconds to measure its
    speed; these runs answer nothing.
    """
    study = load_study(file)
    if isinstance(study, TableStudy):
        plan_table(study, Resources(select_gpu(device), 1, data_dir), json=json)
        return
    if not isinstance(study, AblationStudy):
        raise study.mistake(
            f"kind: an ablation has a plan, and a search has a space: use vggsearch space {file}"
        )
    opened = Store.open(store, create=True)
    results = read_results(opened, study)
    if not results.plans or not kind_of(study).is_settled(study, results, opened, {}):
        resources = Resources(select_gpu(device), 1, data_dir)
        results, why = run_with_display(study, opened, results, resources, train=False)
        if why in ("interrupted", "time limit"):
            again = command_arguments(study, store)
            make_console().print(f"{why}; to continue: vggsearch plan {again}", soft_wrap=True)
            raise typer.Exit(INTERRUPTED if why == "interrupted" else 0)
    plan = results.plans[-1].plan
    design = study.plan_design(plan.task)
    rows = proof(design, plan.task)
    remains = {one.name: remaining_mismatch(design, one, plan) for one in design.contrasts}
    effort = planned_effort(results, plan)
    if json:
        print_json(_object(study, results, rows, remains, effort))
    else:
        print_plan(make_console(), study, results, rows, remains, effort)


def planned_effort(results: StudyResults, plan: Plan) -> Effort:
    """Runs and seconds of the plan, with as many workers as this machine has by default."""
    return effort_of(results, plan, max(1, default_workers(plan.device)))


def _object(
    study: AblationStudy,
    results: StudyResults,
    rows: tuple[Row, ...],
    remains: Mapping[str, Mapping[Held, float]],
    effort: Effort,
) -> dict[str, Json]:
    plan = results.plans[-1].plan
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
        "looks": list(plan.looks),
        "learning_rates": list(plan.rates),
        "rate_growth": plan.rate_growth,
        "margin_pp": study.margin_pp,
        "alpha": plan.alpha,
        "evaluate_on": plan.evaluate_on,
        "runs": {"made": effort.made} | {str(stage): count for stage, count in effort.wanted.items()},
        "expected_s": effort.total_s,
        "left_s": effort.left_s,
        "workers": effort.workers,
        "detectable": [asdict(one) for one in detectable(results, plan)],
        "warnings": list(warnings(plan)),
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
