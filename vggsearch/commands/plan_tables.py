"""An ablation's plan as tables for a terminal of 80 columns or more."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from vggsearch.designs import Held, Plan, Row, level_text
from vggsearch.display import table
from vggsearch.study import AblationStudy, Effort, StudyResults, detectable, plan_lines, warnings
from vggsearch.text import duration, shape_text, short_count


def print_plan(
    console: Console,
    study: AblationStudy,
    results: StudyResults,
    rows: tuple[Row, ...],
    remains: Mapping[str, Mapping[Held, float]],
    effort: Effort,
) -> None:
    """Print the question, the arms, the contrasts, the effort, and the detectable effects."""
    plan = results.plans[-1].plan
    question = " ".join(study.question.split())
    console.print(f"{study.name}{': ' if question else ''}{question}\n")
    console.print(_arms(rows, plan))
    console.print(f"\ncompared with {rows[0].arm}, for one image of {shape_text(plan.input_shape)}:\n")
    console.print(_proof(rows))
    console.print()
    console.print(_contrasts(plan, remains))
    console.print("\n* primary contrast\n")
    for line in _effort_lines(effort, plan):
        console.print(line)
    console.print(
        "\nsmallest effect of the primary contrast, in pp, that is detected with a probability of 80 %:\n"
    )
    console.print(_detectable(results, plan))
    console.print()
    for line in warnings(plan):
        console.print(f"warning: {line}", style="bold yellow")
    for line in plan_lines(results.plans):
        console.print(line)


def change(fraction: float) -> str:
    """A relative difference as text: `+15 %`, `−0.4 %`; `=` where there is none."""
    if fraction == 0:
        return "="
    percent = abs(100 * fraction)
    digits = (
        f"{percent:.0f}" if percent >= 9.95 else f"{percent:.1f}" if percent >= 0.95 else f"{percent:.1g}"
    )
    return f"{'+' if fraction > 0 else '−'}{digits}\u00a0%"


def _named(*columns: str, right: Sequence[str] = ()) -> Table:
    """A table whose first column, a name, is never wrapped."""
    made = table(*columns, right=right)
    made.columns[0].no_wrap = True
    return made


def _arms(rows: tuple[Row, ...], plan: Plan) -> Table:
    numbers = ("steps", "a step", "a run")
    made = _named("arm", "network", *numbers, right=numbers)
    for row in rows:
        arm = plan.arm(row.arm)
        steps, run_s = plan.steps(arm), plan.run_s(arm)
        recipe = ", ".join(f"{name} {level_text(value)}" for name, value in row.recipe.items())
        seeds = "other seeds" if row.seed_offset else ""
        made.add_row(
            row.arm,
            ", ".join(part for part in (str(row.architecture), recipe, seeds) if part),
            "–" if steps is None else f"{steps:,}",
            "–" if arm.step_s is None else f"{1000 * arm.step_s:.3g} ms",
            "–" if run_s is None else f"{run_s:.3g} s",
        )
    return made


def _proof(rows: tuple[Row, ...]) -> Table:
    """Each number and, in the same cell, its change from the first arm."""
    columns = ("convolutions", "parameters", "MACs", "field, px")
    made = _named("arm", *columns)
    for i, row in enumerate(rows):
        cells = [
            f"{row.num_convs:>3} {_change(row, 'num_convs', i)}",
            f"{short_count(row.params):>6} {_change(row, 'params', i)}",
            f"{short_count(row.macs):>6} {_change(row, 'macs', i)}",
            f"{row.receptive_field:>3} {_change(row, 'receptive_field', i)}",
        ]
        made.add_row(row.arm, *cells)
    for column in made.columns:
        column.no_wrap = True
    return made


def _change(row: Row, name: str, number: int) -> str:
    return change(row.differences[name]) if number else ""


def _contrasts(plan: Plan, remains: Mapping[str, Mapping[Held, float]]) -> Table:
    made = _named("contrast", "claim", "what remains unequal")
    for one in plan.contrasts:
        primary = one.name == plan.primary
        left = [f"{_held(name)} {change(value)}" for name, value in remains[one.name].items() if value]
        nothing = "nothing" if one.held else "nothing is held equal"
        made.add_row(
            f"{'* ' if primary else '  '}{one.name}",
            one.contrast().claim,
            ", ".join(left) or nothing,
            style="bold" if primary else "",
        )
    return made


def _held(name: Held) -> str:
    return "conv + head parameters" if name == "parameters" else name


def _effort_lines(effort: Effort, plan: Plan) -> list[str]:
    stages = " and ".join(
        f"{count} {'for learning rates' if stage == 'rates' else 'in pairs'}"
        for stage, count in effort.wanted.items()
    )
    rates = ", ".join(f"{rate:g}" for rate in plan.rates)
    lines = [
        f"seeds: {plan.pairs}, so {plan.pairs} pairs; learning rates: {rates}"
        + (f", each with {plan.rate_seeds} seed{'s' if plan.rate_seeds > 1 else ''}" if plan.tuned else ""),
        f"runs: {stages}, {sum(effort.wanted.values())} in all; {effort.made} made so far",
    ]
    if effort.total_s is not None:
        here = f", {duration(effort.total_s / effort.workers)} with {effort.workers} at once"
        lines.append(
            f"time: {duration(effort.total_s)} of training one after the other"
            f"{here if effort.workers > 1 else ''}, on {plan.device_model}"
        )
    if effort.made and effort.left_s:
        lines.append(f"left: about {duration(effort.left_s / effort.workers)} with {effort.workers} at once")
    lines.append(f"margin: {100 * plan.margin:g} pp; alpha: {plan.alpha:g}")
    return [*lines, *plan.part.notice]


def _detectable(results: StudyResults, plan: Plan) -> Table:
    several = len(plan.contrasts) > 1
    headers = ["sd of differences", "alone"]
    headers += [f"first of {len(plan.contrasts)}, by Holm"] if several else []
    made = _named("where", *headers, right=headers)
    for one in detectable(results, plan):
        shown_effects = [one.sd, one.alone, *([one.corrected] if several else [])]
        made.add_row(one.source, *(f"{100 * value:.2f}" for value in shown_effects))
    return made
