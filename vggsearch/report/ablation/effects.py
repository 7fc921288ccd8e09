"""How large the effects are; those of a factorial as main effects and interactions."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import pandas as pd

from vggsearch.analysis import Verdict, differences
from vggsearch.report.ablation.ablation_findings import AblationFindings, ContrastFinding
from vggsearch.report.ablation.effects_figure import effect_figure
from vggsearch.report.ablation.factors import interaction_cells
from vggsearch.report.ablation.headline import verdict_name
from vggsearch.report.ablation.images import Interval
from vggsearch.report.ablation.interactions_figure import interaction_figure
from vggsearch.report.ablation.looks import looks_reading, p_at_looks
from vggsearch.report.ablation.sentences import interacts, pp, pp_interval, sides
from vggsearch.report.document import (
    MISSING,
    Block,
    Figures,
    Table,
    count,
    fixed,
    level,
    missing,
    number_column,
    paragraph,
    plain,
    remark,
    section,
    text_column,
)


@section("effects", "Effects")
def effects_section(found: AblationFindings, over: Mapping[str, Interval]) -> Iterator[Block]:
    """Every contrast with its numbers. `over` has the intervals over images, by contrast."""
    if not found.effects:
        yield remark("There are no contrasts to show.")
        return
    single = [effect for effect in found.effects if not interacts(effect.contrast)]
    crossed = [effect for effect in found.effects if interacts(effect.contrast)]
    yield _reading(found)
    yield from _same_runs(found)
    if not crossed:
        yield from _group(found, single, over, "effects", "Effects")
        return
    yield from _group(found, single, over, "main_effects", "Main effects")
    yield paragraph(
        "An interaction is the accuracy that a step of one factor costs at the first level of the other "
        "factor, minus what it costs at the other level. It is 0 where the factors do not interact. Either "
        "sign is an interaction."
    )
    yield from _group(found, crossed, over, "interactions", "Interactions")
    cells = interaction_cells(found)
    if len(cells):
        yield Figures((interaction_figure(cells, found.part.accuracy),))
    else:
        yield remark("No cell of the factorial has a completed pair, so the means of cells are not drawn.")


def _reading(found: AblationFindings) -> Block:
    many = len(found.effects)
    corrected = f", after Holm's correction over {many} contrasts" if many > 1 else ""
    return paragraph(
        f"An effect is the mean over seeds of the paired difference in {found.part.accuracy}; a positive "
        "effect supports the claim. A difference is shown where the sign-flip test's p is at most "
        f"{found.alpha:g}{corrected}. Equivalence is shown where two one-sided t tests put the difference "
        f"within ±{100 * found.margin:g} pp.{looks_reading(found)}"
    )


def _same_runs(found: AblationFindings) -> Iterator[Block]:
    """Contrasts that weight the same arms alike have one answer, not two."""
    by_weights: dict[frozenset[tuple[str, float]], list[str]] = {}
    for effect in found.effects:
        weights = frozenset(effect.contrast.weights.items())
        by_weights.setdefault(weights, []).append(plain(effect.contrast.name, 60))
    for names in by_weights.values():
        if len(names) > 1:
            yield remark(f"{' and '.join(names)} compare the same runs here, so they have one answer.")


def _group(
    found: AblationFindings,
    effects: Sequence[ContrastFinding],
    over: Mapping[str, Interval],
    name: str,
    title: str,
) -> Iterator[Block]:
    """A figure and a table of some of the contrasts."""
    if not effects:
        return
    part, known = found.part, [effect for effect in effects if effect.n]
    if known:
        seeds = {
            effect.contrast.name: differences(found.counted, effect.contrast.weights, part.column)
            for effect in known
        }
        drawing = effect_figure(name, title, known, seeds, found.margin, found.level, part.accuracy)
        yield Figures((drawing,))
    else:
        yield remark(f"No contrast has a complete pair yet, so there is nothing to draw: {title.lower()}.")
    yield _effect_table(found, effects, over, name, title)


def _effect_table(
    found: AblationFindings,
    effects: Sequence[ContrastFinding],
    over: Mapping[str, Interval],
    name: str,
    title: str,
) -> Table:
    """Everything that was estimated and tested, a row for each contrast.

    The data are the analysis' own frame, with the sides and the interval over images.
    """
    names = [effect.contrast.name for effect in effects]
    nothing = (float("nan"), float("nan"))
    extra = [(*sides(effect.contrast), *over.get(effect.contrast.name, nothing)) for effect in effects]
    data = found.table.set_index("contrast").loc[names].reset_index()
    data["verdict"] = [str(effect.verdict) for effect in effects]
    data = data.join(pd.DataFrame(extra, columns=["better", "worse", "images_low", "images_high"]))
    looks = bool(found.plan and found.plan.looks)
    p_text = partial(p_at_looks, alpha=found.alpha) if looks else p_value
    paired = "paired t at the level of this look" if looks else "paired t"
    columns = [
        text_column("contrast", "contrast"),
        text_column("verdict", "verdict", lambda verdict: verdict_name(Verdict(verdict))),
        number_column("n", ("n", "left_out"), _pairs),
        number_column("effect", "mean", pp),
        number_column(f"{found.level} interval", ("low", "high"), pp_interval),
        number_column("p", "p", p_text),
        number_column("p, Holm", "p_holm", p_text),
        number_column("p, TOST", "p_tost_holm", p_text),
        number_column("σ (pp)", "sigma", _hundredths),
        number_column("ρ", "rho", partial(fixed, digits=2)),
        number_column("detectable (pp)", "mde", _hundredths),
        number_column("interval, new images", ("images_low", "images_high"), pp_interval),
    ]
    caption = (
        f"n: complete pairs (and how many were begun but are not complete). Interval: {paired}. p: exact "
        f"sign-flip permutation test. Holm: corrected over all {len(found.effects)} contrasts. TOST: "
        f"equivalence within ±{100 * found.margin:g} pp, corrected too; its {level(1 - 2 * found.alpha)} "
        "interval is in the CSV file. σ: standard deviation over seeds of an arm. ρ: correlation of the arms "
        "over seeds. Detectable: the smallest effect (pp) that n pairs find with 80 % power. New images: "
        f"bootstrap over seeds and {found.part.images}, which has no part in the verdict."
    )
    return Table(name, title, columns, data, caption)


def _pairs(n: int, left_out: int) -> str:
    return count(n) + (f" (−{left_out})" if left_out else "")


def _hundredths(fraction: float) -> str:
    return fixed(100 * fraction, 2)


def p_value(p: float) -> str:
    """`0.0020`; `< 0.0001`."""
    if missing(p):
        return MISSING
    if p < 0.0001:
        return "< 0.0001"
    return f"{p:.4f}" if p < 0.01 else f"{p:.3f}"
