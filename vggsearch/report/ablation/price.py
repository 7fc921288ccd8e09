"""Cost beside effect: what the favoured side takes in MACs and in seconds."""

import pandas as pd

from vggsearch.designs import MAX_MISMATCH
from vggsearch.report.ablation.findings import Ablation, Finding
from vggsearch.report.ablation.proof import design_of, signed_percent
from vggsearch.report.ablation.sentences import interacts, pp
from vggsearch.report.document import (
    MISSING,
    Block,
    Column,
    Figures,
    Section,
    Table,
    duration,
    fixed,
    note,
    plain,
    si,
    text,
)
from vggsearch.report.figures import price_figure

TITLE = "Cost beside effect"

MOST_DRAWN = 20
"""More contrasts than that cannot be told apart in one figure."""

ALIKE = MAX_MISMATCH
"""Costs that differ by no more pass for equal: an effect over such a difference would say nothing."""


def section(found: Ablation) -> Section:
    """Effect against the two costs, and per unit of them."""
    known = [effect for effect in found.effects if effect.n and not interacts(effect.contrast)]
    if not known:
        return Section("price", TITLE, (note("No contrast of two sides has a complete pair yet."),))
    table = prices(found, known)
    shown = table.head(MOST_DRAWN)
    drawings = tuple(
        price_figure(shown, cost, found.part.accuracy)
        for cost in ("macs", "train_s")
        if shown[f"{cost}_difference"].notna().any()
    )
    blocks: list[Block] = [
        text(
            "An effect is worth what it costs. MACs are of one forward pass; seconds are those that the "
            "pairs' own runs took, so that they hold what MACs leave out: memory traffic, kernels that a "
            "library does faster."
        )
    ]
    if drawings:
        blocks.append(Figures(drawings))
    if len(table) > len(shown):
        blocks.append(note(f"Drawn are the first {len(shown)} of {len(table)} contrasts."))
    blocks.append(_table(table))
    return Section("price", TITLE, tuple(blocks))


def prices(found: Ablation, effects: list[Finding]) -> pd.DataFrame:
    """One row a contrast: its effect; of each cost both sides, their relative difference, and pp per unit.

    `pp_per_mmac` and `pp_per_s` are the effect over the difference in cost, better side minus worse: positive
    where accuracy was bought, negative where it came with a saving. NaN where costs are alike.
    """
    assert found.plan is not None  # there are effects of no other
    design = design_of(found.plan)
    rows = []
    for effect in effects:
        macs = _macs(found, effect)
        seconds = _sides(effect, {arm.name: found.arm_mean(arm.name, "train_s") for arm in design.arms})
        rows.append(
            {
                "contrast": effect.contrast.name,
                "verdict": str(effect.verdict),
                "mean": effect.mean,
                "low": effect.low,
                "high": effect.high,
                "macs_better": macs[0],
                "macs_worse": macs[1],
                "macs_difference": _relative(*macs),
                "pp_per_mmac": _per(effect.mean, macs, 1e6),
                "train_s_better": seconds[0],
                "train_s_worse": seconds[1],
                "train_s_difference": _relative(*seconds),
                "pp_per_s": _per(effect.mean, seconds, 1.0),
            }
        )
    return pd.DataFrame(rows)


def _macs(found: Ablation, effect: Finding) -> tuple[float, float]:
    return _sides(effect, {arm: found.arm_mean(arm, "macs") for arm in effect.contrast.weights})


def _sides(effect: Finding, values: dict[str, float]) -> tuple[float, float]:
    """The weighted mean of each side."""
    weights = effect.contrast.weights
    better = sum(weight * values[arm] for arm, weight in weights.items() if weight > 0)
    worse = -sum(weight * values[arm] for arm, weight in weights.items() if weight < 0)
    return better, worse


def _relative(better: float, worse: float) -> float:
    return better / worse - 1 if worse else float("nan")


def _per(effect: float, sides: tuple[float, float], unit: float) -> float:
    better, worse = sides
    if not worse or not abs(better / worse - 1) > ALIKE:  # NaN too
        return float("nan")
    return 100 * effect / ((better - worse) / unit)


def _table(table: pd.DataFrame) -> Table:
    columns = (
        Column("contrast", "left"),
        Column("effect"),
        Column("MACs, favoured"),
        Column("other"),
        Column("relative"),
        Column("pp per 1 M MACs"),
        Column("seconds, favoured"),
        Column("other"),
        Column("relative"),
        Column("pp per second"),
    )
    printed = [
        [
            plain(row["contrast"]),
            pp(row["mean"]),
            si(row["macs_better"]),
            si(row["macs_worse"]),
            signed_percent(row["macs_difference"]),
            _unit(row["pp_per_mmac"]),
            duration(row["train_s_better"]),
            duration(row["train_s_worse"]),
            signed_percent(row["train_s_difference"]),
            _unit(row["pp_per_s"]),
        ]
        for row in table.to_dict("records")
    ]
    caption = (
        "The side that the claim favours, and the other: MACs of an image, measured training seconds of a "
        "run, and the effect over their difference. Positive: accuracy paid for; negative: the more accurate "
        f"side is the cheaper one; {MISSING}: the costs are alike (within "
        f"{signed_percent(ALIKE).lstrip('+')})."
    )
    return Table("price", "Cost beside effect", columns, printed, table, caption)


def _unit(value: float) -> str:
    if value != value:  # NaN
        return MISSING
    return (
        fixed(value, 3 if abs(value) < 0.1 else 2)
        if value < 0
        else f"+{fixed(value, 3 if value < 0.1 else 2)}"
    )
