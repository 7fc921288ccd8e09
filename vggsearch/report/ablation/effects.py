"""How large the effects are: figures and tables, of a factorial main effects and interactions apart."""

from collections.abc import Mapping, Sequence

import pandas as pd

from vggsearch.analysis import differences
from vggsearch.report.ablation.answer import verdict_name
from vggsearch.report.ablation.factors import interaction_cells
from vggsearch.report.ablation.findings import Ablation, Finding, percentage
from vggsearch.report.ablation.images import Interval
from vggsearch.report.ablation.sentences import interacts, pp, pp_interval, sides
from vggsearch.report.document import (
    MISSING,
    Block,
    Column,
    Figures,
    Section,
    Table,
    count,
    fixed,
    note,
    plain,
    text,
)
from vggsearch.report.figures import effect_figure, interaction_figure

TITLE = "Effects"


def section(found: Ablation, over: Mapping[str, Interval]) -> Section:
    """Every contrast with its numbers."""
    if not found.effects:
        return Section("effects", TITLE, (note("There are no contrasts to show."),))
    single = [effect for effect in found.effects if not interacts(effect.contrast)]
    crossed = [effect for effect in found.effects if interacts(effect.contrast)]
    blocks: list[Block] = [_reading(found), *_same_runs(found)]
    if crossed:
        blocks += _group(found, single, over, "main_effects", "Main effects")
        blocks.append(
            text(
                "An interaction is what the step of one factor costs at the first level of the other, "
                "minus what it costs at the other level: 0 where the factors do not meet. Either sign is one."
            )
        )
        blocks += _group(found, crossed, over, "interactions", "Interactions")
        cells = interaction_cells(found)
        blocks.append(
            Figures((interaction_figure(cells, found.part.accuracy),))
            if len(cells)
            else note("No cell of the factorial has a completed pair, so the means of cells are not drawn.")
        )
    else:
        blocks += _group(found, single, over, "effects", TITLE)
    return Section("effects", TITLE, tuple(blocks))


def _reading(found: Ablation) -> Block:
    many = len(found.effects)
    corrected = f", after Holm's correction over {many} contrasts" if many > 1 else ""
    return text(
        f"An effect is the mean over seeds of the paired difference in {found.part.accuracy}; positive is "
        f"for the claim. A difference is shown where the sign-flip test's p is at most "
        f"{found.alpha:g}{corrected}; equivalence where two one-sided t tests put it within "
        f"±{100 * found.margin:g} pp."
    )


def _same_runs(found: Ablation) -> list[Block]:
    """Contrasts that weigh the same arms alike have one answer, not two."""
    by_weights: dict[frozenset[tuple[str, float]], list[str]] = {}
    for effect in found.effects:
        weights = frozenset(effect.contrast.weights.items())
        by_weights.setdefault(weights, []).append(plain(effect.contrast.name, 60))
    shared = [" and ".join(names) for names in by_weights.values() if len(names) > 1]
    return [note(f"{names} compare the same runs here: their answers are one.") for names in shared]


def _group(
    found: Ablation, effects: Sequence[Finding], over: Mapping[str, Interval], name: str, title: str
) -> list[Block]:
    """A figure, and a table, of some of the contrasts."""
    if not effects:
        return []
    blocks: list[Block] = []
    known = [effect for effect in effects if effect.n]
    if known:
        part = found.part
        seeds = {
            effect.contrast.name: differences(found.pairs, effect.contrast.weights, part.column)
            for effect in known
        }
        drawing = effect_figure(name, title, known, seeds, found.margin, found.level, part.accuracy)
        blocks.append(Figures((drawing,)))
    else:
        blocks.append(
            note(f"No contrast has a complete pair yet, so there is nothing to draw: {title.lower()}.")
        )
    blocks.append(effect_table(found, effects, over, name, title))
    return blocks


def effect_table(
    found: Ablation, effects: Sequence[Finding], over: Mapping[str, Interval], name: str, title: str
) -> Table:
    """All that was estimated and tested, a row a contrast."""
    columns = (
        Column("contrast", "left"),
        Column("verdict", "left"),
        Column("n"),
        Column("effect"),
        Column(f"{found.level} interval"),
        Column("p"),
        Column("p, Holm"),
        Column("p, TOST"),
        Column("σ (pp)"),
        Column("ρ"),
        Column("detectable (pp)"),
        Column("interval, new images"),
    )
    printed = [
        [
            plain(effect.contrast.name),
            verdict_name(effect.verdict),
            count(effect.n) + (f" (−{effect.left_out})" if effect.left_out else ""),
            pp(effect.mean),
            pp_interval(effect.low, effect.high) if effect.low == effect.low else MISSING,
            p_value(effect.p),
            p_value(effect.p_holm),
            p_value(effect.p_tost_holm),
            fixed(100 * effect.sigma, 2),
            fixed(effect.rho, 2),
            fixed(100 * effect.mde, 2),
            pp_interval(*over[effect.contrast.name]) if effect.contrast.name in over else MISSING,
        ]
        for effect in effects
    ]
    return Table(name, title, columns, printed, _data(found, effects, over), _caption(found))


def _caption(found: Ablation) -> str:
    return (
        "n: complete pairs (and how many were begun and are not). Interval: paired t. p: exact sign-flip "
        f"permutation; Holm: corrected over all {len(found.effects)} contrasts; TOST: equivalence within "
        f"±{100 * found.margin:g} pp, corrected too, its {percentage(1 - 2 * found.alpha)} interval in the "
        "CSV file. σ: standard deviation over seeds of an arm; ρ: "
        "correlation of the arms over seeds; detectable: the smallest effect (pp) that n pairs find with "
        f"80 % power. New images: bootstrap over seeds and {found.part.images}, no part of the verdict."
    )


def _data(found: Ablation, effects: Sequence[Finding], over: Mapping[str, Interval]) -> pd.DataFrame:
    """The analysis' own table, with the sides and the second interval."""
    rows = []
    numbers = {str(row["contrast"]): row for row in found.table.to_dict("records")}
    for effect in effects:
        better, worse = sides(effect.contrast)
        low, high = over.get(effect.contrast.name, (float("nan"), float("nan")))
        row = {str(key): value for key, value in numbers[effect.contrast.name].items()}
        rows.append(
            {
                **row,
                "verdict": str(effect.verdict),
                "better": better,
                "worse": worse,
                "images_low": low,
                "images_high": high,
            }
        )
    return pd.DataFrame(rows)


def p_value(p: float) -> str:
    """`0.0020`; `< 0.0001`."""
    if p != p:  # NaN
        return MISSING
    if p < 0.0001:
        return "< 0.0001"
    return f"{p:.4f}" if p < 0.01 else f"{p:.3f}"
