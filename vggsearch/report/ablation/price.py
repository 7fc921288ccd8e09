"""Cost beside effect: what the favoured side takes in MACs and in seconds."""

from collections.abc import Iterator

import pandas as pd

from vggsearch.designs import MAX_MISMATCH
from vggsearch.report.ablation.ablation_findings import AblationFindings, ContrastFinding
from vggsearch.report.ablation.price_figure import price_figure
from vggsearch.report.ablation.sentences import interacts, pp
from vggsearch.report.document import (
    MISSING,
    Block,
    Figures,
    Table,
    duration,
    fixed,
    missing,
    number_column,
    paragraph,
    remark,
    section,
    si,
    signed_percent,
    text_column,
)

MOST_DRAWN = 20
"""Most contrasts that can be told apart in one figure."""

ALIKE = MAX_MISMATCH
"""Costs that differ by no more count as equal; an effect over such a difference says nothing."""


@section("price", "Cost beside effect")
def price_section(found: AblationFindings) -> Iterator[Block]:
    """Effect against the two costs, and per unit of them."""
    known = [effect for effect in found.effects if effect.n and not interacts(effect.contrast)]
    if not known:
        yield remark("No contrast of two sides has a complete pair yet.")
        return
    table = prices(found, known)
    shown = table.head(MOST_DRAWN)
    yield paragraph(
        "This section compares each effect with its cost. MACs are of one forward pass. Seconds are those of "
        "the pairs' own runs. They include what MACs leave out, such as memory traffic and fast kernels of a "
        "library."
    )
    drawings = tuple(
        price_figure(shown, cost, found.part.accuracy)
        for cost in ("macs", "train_s")
        if shown[f"{cost}_difference"].notna().any()
    )
    if drawings:
        yield Figures(drawings)
    if len(table) > len(shown):
        yield remark(f"The figures show the first {len(shown)} of {len(table)} contrasts.")
    yield _table(table)


def prices(found: AblationFindings, effects: list[ContrastFinding]) -> pd.DataFrame:
    """One row for each contrast: its effect; of each cost both sides, their difference, and pp per unit.

    `pp_per_mmac` and `pp_per_s` are the effect over the difference in cost, better side minus worse: positive
    where accuracy was bought, negative where it came with a saving. NaN where costs are alike.
    """
    assert found.plan is not None  # there are effects of no other
    rows = []
    for effect in effects:
        row = {
            "contrast": effect.contrast.name,
            "verdict": str(effect.verdict),
            "mean": effect.mean,
            "low": effect.low,
            "high": effect.high,
        }
        for cost, per, unit in (("macs", "pp_per_mmac", 1e6), ("train_s", "pp_per_s", 1.0)):
            better, worse = _sides(found, effect, cost)
            row[f"{cost}_better"], row[f"{cost}_worse"] = better, worse
            row[f"{cost}_difference"] = better / worse - 1 if worse else float("nan")
            row[per] = _per(effect.mean, better, worse, unit)
        rows.append(row)
    return pd.DataFrame(rows)


def _sides(found: AblationFindings, effect: ContrastFinding, cost: str) -> tuple[float, float]:
    """The weighted mean of the cost of each side."""
    weights = effect.contrast.weights
    values = {arm: found.arm_mean(arm, cost) for arm in weights}
    better = sum(weight * values[arm] for arm, weight in weights.items() if weight > 0)
    worse = -sum(weight * values[arm] for arm, weight in weights.items() if weight < 0)
    return better, worse


def _per(effect: float, better: float, worse: float, unit: float) -> float:
    if not worse or not abs(better / worse - 1) > ALIKE:  # NaN too
        return float("nan")
    return 100 * effect / ((better - worse) / unit)


def _table(table: pd.DataFrame) -> Table:
    columns = [
        text_column("contrast", "contrast"),
        number_column("effect", "mean", pp),
        number_column("MACs, favoured", "macs_better", si),
        number_column("other", "macs_worse", si),
        number_column("relative", "macs_difference", signed_percent),
        number_column("pp per 1 M MACs", "pp_per_mmac", _unit),
        number_column("seconds, favoured", "train_s_better", duration),
        number_column("other", "train_s_worse", duration),
        number_column("relative", "train_s_difference", signed_percent),
        number_column("pp per second", "pp_per_s", _unit),
    ]
    caption = (
        "The side that the claim favours, and the other: MACs of an image, measured training seconds of a "
        "run, and the effect over their difference. Positive: accuracy was paid for. Negative: the more "
        f"accurate side is the cheaper one. {MISSING}: the costs are alike (within "
        f"{signed_percent(ALIKE).lstrip('+')})."
    )
    return Table("price", "Cost beside effect", columns, table, caption)


def _unit(value: float) -> str:
    if missing(value):
        return MISSING
    digits = 3 if abs(value) < 0.1 else 2
    return fixed(value, digits) if value < 0 else f"+{fixed(value, digits)}"
