"""Proof of change: what each arm is beside the first, and what remains of what a contrast holds equal."""

from collections.abc import Mapping

import pandas as pd

from vggsearch.arch import Architecture
from vggsearch.designs import Arm, Contrast, Design, Plan, Row, level_text, mismatch, proof
from vggsearch.report.ablation.findings import Ablation
from vggsearch.report.document import (
    MISSING,
    Block,
    Column,
    Section,
    Table,
    count,
    duration,
    missing,
    note,
    plain,
    si,
    text,
)

TITLE = "Proof of change"


def section(found: Ablation) -> Section:
    """The arms beside the first, and what their contrasts hold equal."""
    plan = found.plan
    if plan is None:
        return Section("proof", TITLE, (note("No plan is known, so there are no arms to compare."),))
    design = design_of(plan)
    rows = proof(design, plan.task)
    blocks: list[Block] = [
        text(
            "What was derived from the control, before anything was trained. Differences are from the first "
            "arm; parameters are those of convolutions and head, which contrasts weigh."
        ),
        _arms(found, plan, rows),
        _held(found, plan, design),
    ]
    return Section("proof", TITLE, tuple(blocks))


def design_of(plan: Plan) -> Design:
    """The design that a plan wrote down."""
    arms = [
        Arm(arm.name, Architecture.parse(arm.architecture), arm.recipe, seed_offset=arm.seed_offset)
        for arm in plan.arms
    ]
    return Design(tuple(arms), tuple(planned.contrast() for planned in plan.contrasts))


def _arms(found: Ablation, plan: Plan, rows: tuple[Row, ...]) -> Table:
    columns = (
        Column("arm", "left"),
        Column("architecture", "left", code=True),
        Column("convs"),
        Column("params"),
        Column("MACs"),
        Column("field (px)"),
        *([Column("trained otherwise", "left")] if any(map(_otherwise, rows)) else []),
        Column("ms a step"),
        Column("steps"),
        Column("a run"),
    )
    printed, data = [], []
    for row in rows:
        arm = plan.arm(row.arm)
        steps, run_s = plan.steps(arm), plan.run_s(arm)
        data.append(
            {
                "arm": row.arm,
                "architecture": str(row.architecture),
                "num_convs": row.num_convs,
                "channels": " ".join(map(str, row.channels)),
                "params": row.params,
                "conv_head_params": row.conv_head_params,
                "macs": row.macs,
                "receptive_field": row.receptive_field,
                **{f"{name}_difference": value for name, value in row.differences.items()},
                "budget": str(arm.budget),
                "step_s": arm.step_s,
                "steps": steps,
                "run_s": run_s,
                "measured_train_s": found.arm_mean(row.arm, "train_s"),
            }
        )
        printed.append(
            [
                plain(row.arm),
                plain(row.architecture),
                _beside(str(row.num_convs), row.differences["num_convs"]),
                _beside(si(row.conv_head_params), row.differences["conv_head_params"]),
                _beside(si(row.macs), row.differences["macs"]),
                _beside(str(row.receptive_field), row.differences["receptive_field"]),
                *([plain(_otherwise(row))] if any(map(_otherwise, rows)) else []),
                MISSING if arm.step_s is None else f"{1000 * arm.step_s:.3g}",
                MISSING if steps is None else count(steps),
                duration(run_s),
            ]
        )
    budgets = list(dict.fromkeys(str(arm.budget) for arm in plan.arms))
    caption = (
        "Architectures: block by block convolutions × channels, then k and the kernels that are not 3×3. "
    )
    caption += (
        f"Budget of a run: {budgets[0]}. "
        if len(budgets) == 1
        else "Budgets of runs differ, and are in the CSV file. "
    )
    caption += (
        f"Seconds of a step were measured alone, in turns, on {plain(plan.device_model)}, before the plan."
    )
    return Table("arms_beside_control", "Arms", columns, printed, pd.DataFrame(data), caption)


def _beside(value: str, difference: float) -> str:
    return value if difference == 0 else f"{value} ({signed_percent(difference)})"


def signed_percent(fraction: float) -> str:
    """A relative difference: `+15 %`, `−0.4 %`, `0 %`."""
    if missing(fraction):
        return MISSING
    if fraction == 0:
        return "0\u00a0%"
    digits = 0 if abs(fraction) >= 0.0995 else 1 if abs(fraction) >= 0.0005 else 2
    return f"{100 * fraction:+.{digits}f}\u00a0%".replace("-", "−")


def _otherwise(row: Row) -> str:
    parts = [f"{name} {level_text(value)}" for name, value in row.recipe.items()]
    if row.seed_offset:
        parts.append(f"seeds + {row.seed_offset}")
    return ", ".join(parts)


def _held(found: Ablation, plan: Plan, design: Design) -> Block:
    rows, data = [], []
    for effect in found.effects:
        contrast = effect.contrast
        if not contrast.held:
            continue
        left = _remaining(found, plan, design, contrast)
        equal = [held for held, value in left.items() if value == 0]
        other = [f"{held} {signed_percent(value)}" for held, value in left.items() if value != 0]
        arms = " / ".join(plain(name, 60) for name in contrast.weights)
        rows.append([plain(contrast.name), arms, ", ".join(equal) or MISSING, ", ".join(other) or "nothing"])
        data += [(contrast.name, held, value) for held, value in left.items()]
    if not rows:
        return note("No contrast holds anything equal but the budget of a run, its recipe and its seeds.")
    columns = (
        Column("contrast", "left"),
        Column("arms", "left"),
        Column("exactly equal", "left"),
        Column("what remains", "left"),
    )
    caption = (
        "What each contrast holds equal, and the mismatch that remains, as channels are whole numbers and "
        "seconds are measured: the second arm's difference from the first."
    )
    frame = pd.DataFrame(data, columns=["contrast", "held", "difference"])
    return Table("held_equal", "Held equal", columns, rows, frame, caption)


def _remaining(found: Ablation, plan: Plan, design: Design, contrast: Contrast) -> Mapping[str, float]:
    """As `mismatch`, but of training seconds what was measured: of the pairs, or before them of the steps."""
    remaining = mismatch(design, contrast, plan.task)
    left = {str(held): value for held, value in remaining.items()}
    if "training seconds" in left:
        first, second = contrast.weights
        times = [found.arm_mean(name, "train_s") for name in (first, second)]
        if any(missing(value) for value in times):
            times = [plan.run_s(plan.arm(name)) or float("nan") for name in (first, second)]
        left["training seconds"] = times[1] / times[0] - 1
    return left
