"""Proof of change: what each arm is beside the first, and what remains of what a contrast holds equal."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import pandas as pd

from vggsearch.arch import Architecture
from vggsearch.designs import Arm, Contrast, Design, Plan, Row, level_text, mismatch, proof
from vggsearch.report.ablation.ablation_findings import AblationFindings
from vggsearch.report.document import (
    MISSING,
    Block,
    Column,
    Record,
    Table,
    count,
    duration,
    missing,
    number_column,
    paragraph,
    plain,
    remark,
    section,
    si,
    signed_percent,
    text_column,
)


@section("proof", "Proof of change")
def proof_section(found: AblationFindings) -> Iterator[Block]:
    """The arms beside the first, and what their contrasts hold equal."""
    plan = found.plan
    if plan is None:
        yield remark("No plan is known, so there are no arms to compare.")
        return
    design = design_of(plan)
    yield paragraph(
        "The arms were derived from the control before anything was trained. Differences are from the first "
        "arm. Parameters are those of convolutions and head, as in contrasts at equal parameters."
    )
    yield _arm_table(found, plan, proof(design, plan.task))
    yield _held_table(found, plan, design)


def design_of(plan: Plan) -> Design:
    """The design that a plan records."""
    arms = [
        Arm(arm.name, Architecture.parse(arm.architecture), arm.recipe, seed_offset=arm.seed_offset)
        for arm in plan.arms
    ]
    return Design(tuple(arms), tuple(planned.contrast() for planned in plan.contrasts))


def _arm_table(found: AblationFindings, plan: Plan, rows: Sequence[Row]) -> Table:
    data = pd.DataFrame(
        [
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
                "steps": plan.steps(arm),
                "run_s": plan.run_s(arm),
                "measured_train_s": found.arm_mean(row.arm, "train_s"),
            }
            for row, arm in ((row, plan.arm(row.arm)) for row in rows)
        ]
    )
    otherwise = [_otherwise(row) for row in rows]
    columns = [
        text_column("arm", "arm"),
        text_column("architecture", "architecture", code=True),
        _beside("convs", "num_convs", str),
        _beside("params", "conv_head_params", si),
        _beside("MACs", "macs", si),
        _beside("field (px)", "receptive_field", str),
        text_column("trained otherwise", "otherwise", when=any(otherwise)),
        number_column("ms a step", "step_s", _milliseconds),
        number_column("steps", "steps", count),
        number_column("a run", "run_s", duration),
    ]
    budgets = list(dict.fromkeys(data["budget"]))
    one = f"Budget of a run: {budgets[0]}."
    caption = (
        "Architectures: block by block convolutions × channels, then k and the kernels that are not 3×3. "
        f"{one if len(budgets) == 1 else 'Budgets of runs differ, and are in the CSV file.'} Seconds of a "
        f"step were measured alone, in turns, on {plain(plan.device_model)}, before the plan."
    )
    records = data.assign(otherwise=otherwise).to_dict("records")
    return Table("arms_beside_control", "Arms", columns, data, caption, records)


def _beside(heading: str, name: str, show: Callable[[float], str]) -> Column:
    """A number, and where it differs from the first arm's, by how much."""

    def cell(value: float, difference: float) -> str:
        return show(value) if difference == 0 else f"{show(value)} ({signed_percent(difference)})"

    return number_column(heading, (name, f"{name}_difference"), cell)


def _milliseconds(seconds: float | None) -> str:
    return MISSING if seconds is None or missing(seconds) else f"{1000 * seconds:.3g}"


def _otherwise(row: Row) -> str:
    parts = [f"{name} {level_text(value)}" for name, value in row.recipe.items()]
    if row.seed_offset:
        parts.append(f"seeds + {row.seed_offset}")
    return ", ".join(parts)


def _held_table(found: AblationFindings, plan: Plan, design: Design) -> Block:
    records: list[Record] = []
    rows: list[tuple[str, str, float]] = []
    for contrast in (effect.contrast for effect in found.effects if effect.contrast.held):
        left = _remaining(found, plan, design, contrast)
        equal = [held for held, value in left.items() if value == 0]
        other = [f"{held} {signed_percent(value)}" for held, value in left.items() if value != 0]
        records.append(
            {
                "contrast": contrast.name,
                "arms": " / ".join(plain(name, 60) for name in contrast.weights),
                "equal": ", ".join(equal) or MISSING,
                "other": ", ".join(other) or "nothing",
            }
        )
        rows += [(contrast.name, held, value) for held, value in left.items()]
    if not records:
        return remark("No contrast holds anything equal but the budget of a run, its recipe and its seeds.")
    columns = [
        text_column("contrast", "contrast"),
        text_column("arms", "arms", str),
        text_column("exactly equal", "equal", str),
        text_column("what remains", "other", str),
    ]
    caption = (
        "What each contrast holds equal, and the mismatch that remains, because channels are whole numbers "
        "and seconds are measured: the second arm's difference from the first."
    )
    data = pd.DataFrame(rows, columns=["contrast", "held", "difference"])
    return Table("held_equal", "Held equal", columns, data, caption, records)


def _remaining(
    found: AblationFindings, plan: Plan, design: Design, contrast: Contrast
) -> Mapping[str, float]:
    """As `mismatch`, with training seconds as measured in the pairs, or else as the plan expects them."""
    remaining = mismatch(design, contrast, plan.task)
    left = {str(held): value for held, value in remaining.items()}
    if "training seconds" in left:
        first, second = contrast.weights
        times = [found.arm_mean(name, "train_s") for name in (first, second)]
        if any(missing(value) for value in times):
            times = [plan.run_s(plan.arm(name)) or float("nan") for name in (first, second)]
        left["training seconds"] = times[1] / times[0] - 1
    return left
