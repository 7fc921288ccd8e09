"""The answer of an ablation: a sentence for each contrast, headline figures, and lines for the terminal."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from vggsearch.analysis import Spending, Verdict
from vggsearch.report.ablation.ablation_findings import STAGES, AblationFindings, ContrastFinding
from vggsearch.report.ablation.looks import looks_remark
from vggsearch.report.ablation.sentences import pp, pp_interval, sentence
from vggsearch.report.document import NBSP, Paragraph, Tile, missing, paragraph, plain, remark
from vggsearch.report.shared import ReportSummary, effort_paragraphs, effort_tiles, largest_class

MOST_SENTENCES = 20
"""Only the table has the verdicts of further contrasts."""


def summarize_ablation(found: AblationFindings, path: Path) -> ReportSummary:
    """The summary of a report whose page is `path`: the primary verdict, and a count of the others."""
    if not found.effects:
        return ReportSummary((f"no answer yet, {_nothing(found)}", "no contrasts"), path)
    first, *others = found.effects
    counted = verdict_counts(others)
    rest = f"{len(others)} other contrast{'s' if len(others) != 1 else ''}: {counted}"
    uneven = largest_class(found.trials).replace(NBSP, " ")
    lines = (str(sentence(found, first)), rest if others else "", looks_remark(found), uneven)
    return ReportSummary((*filter(None, lines), *found.part.notice), path)


def verdict_counts(effects: Sequence[ContrastFinding]) -> str:
    """`2 supported, 1 undecided`, in the order of `Verdict`."""
    counted = Counter(effect.verdict for effect in effects)
    return ", ".join(f"{counted[verdict]} {verdict_name(verdict)}" for verdict in Verdict if counted[verdict])


def verdict_name(verdict: Verdict) -> str:
    """The verdict in print."""
    return "descriptive only" if verdict is Verdict.DESCRIPTIVE else verdict.value


def ablation_answer(found: AblationFindings, spent: Spending) -> tuple[Paragraph, ...]:
    """One sentence for each contrast, the primary one first and largest; then the training that they took."""
    took = effort_paragraphs(found.results, found.trials, spent)
    if not found.effects:
        return (Paragraph(("No answer yet: ", f"{_nothing(found)}."), "verdict"), *took)
    shown = found.effects[:MOST_SENTENCES]
    paragraphs = [
        Paragraph(sentence(found, effect).spans(), "finding" if i else "verdict")
        for i, effect in enumerate(shown)
    ]
    left = found.effects[MOST_SENTENCES:]
    if left:
        paragraphs.append(paragraph(f"And {len(left)} more in the table of effects: {verdict_counts(left)}."))
    return (*paragraphs, *_warnings(found), *took)


def _nothing(found: AblationFindings) -> str:
    if found.trials.empty:
        return "the study has no runs yet"
    return "the plan of this study is not among its data, so that its contrasts are unknown"


def _warnings(found: AblationFindings) -> tuple[Paragraph, ...]:
    """What changes how the sentences are to be read."""
    false_alarms = [
        effect
        for effect in found.effects
        if "everything" in effect.contrast.held and effect.verdict in (Verdict.SUPPORTED, Verdict.REFUTED)
    ]
    warnings = [
        remark(
            f"{plain(effect.contrast.name)} compares an arm with itself and finds a difference all the same. "
            f"One in {1 / found.alpha:.3g} such comparisons does so by chance; the other verdicts may too."
        )
        for effect in false_alarms
    ]
    uneven = largest_class(found.trials)
    caution = (*found.wording.caution, *([f"Classes are uneven. {uneven}"] if uneven else []))
    return (*map(remark, caution), *_interim(found), *warnings)


def _interim(found: AblationFindings) -> tuple[Paragraph, ...]:
    if found.looked is not None:
        remarked = looks_remark(found)
        return (remark(remarked),) if remarked else ()
    planned = found.plan.pairs if found.plan else 0
    unfinished = [effect for effect in found.effects if effect.n + effect.left_out < planned]
    if not unfinished:
        return ()
    fewest = min(effect.n for effect in unfinished)
    return (
        remark(
            f"Interim: of {planned} planned pairs {fewest} are complete in the contrast that has fewest. "
            "Numbers will change. The tests do not allow for stopping because of them."
        ),
    )


def ablation_tiles(found: AblationFindings, spent: Spending) -> tuple[Tile, ...]:
    """The headline figures."""
    shown: list[Tile] = []
    if found.begun:
        first = found.effects[0]
        detail = f"n = {first.n}"
        if not missing(first.low):
            detail = f"{found.level} interval {pp_interval(first.low, first.high)}, {detail}"
        loud = first.off_zero and first.verdict is not Verdict.DESCRIPTIVE
        name = f"primary contrast: {plain(first.contrast.name, 60)}"
        shown.append(Tile(pp(first.mean), name, detail, bold=loud and first.verdict is not Verdict.UNDECIDED))
    if found.plan is not None:
        complete = min(effect.n for effect in found.effects)
        pairs = f"{complete} of {'at most ' if found.plan.looks else ''}{found.plan.pairs}"
        shown.append(
            Tile(pairs, "pairs complete", "in the contrast that has fewest" if found.effects[1:] else "")
        )
        margin = f"±{100 * found.margin:g}{NBSP}pp"
        shown.append(Tile(margin, "margin", f"smaller differences do not matter; α = {found.alpha:g}"))
    return (*shown, *effort_tiles(found.results, found.trials, spent, STAGES))
