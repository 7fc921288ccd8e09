"""The ablation's answer: the verdict of each contrast in a sentence, headline figures, and the terminal's
lines."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from vggsearch.analysis import Spending, Verdict
from vggsearch.report.ablation.findings import STAGES, Ablation, Finding
from vggsearch.report.ablation.sentences import pp, pp_interval, sentence
from vggsearch.report.document import NBSP, Paragraph, Tile, count, duration, note, plain, text
from vggsearch.report.shared import ReportSummary, device, effort, trained_s, workers

MOST_SENTENCES = 20
"""More contrasts than that have their verdicts in the table alone."""


def summarize(found: Ablation, path: Path) -> ReportSummary:
    """The summary of a report whose page is `path`: the primary verdict, and how the others came out."""
    if not found.effects:
        return ReportSummary((f"no answer yet, {_nothing(found)}", "no contrasts"), path)
    first, *others = found.effects
    counted = verdict_counts(others)
    rest = f"{len(others)} other contrast{'s' if len(others) != 1 else ''}: {counted}"
    lines = (str(sentence(found, first)), *([rest] if others else []), *found.part.notice)
    return ReportSummary(lines, path)


def verdict_counts(effects: Sequence[Finding]) -> str:
    """`2 supported, 1 undecided`, in the order of the verdicts' definition."""
    counted = Counter(effect.verdict for effect in effects)
    return ", ".join(f"{counted[verdict]} {verdict_name(verdict)}" for verdict in Verdict if counted[verdict])


def verdict_name(verdict: Verdict) -> str:
    """The verdict in print."""
    return "descriptive only" if verdict is Verdict.DESCRIPTIVE else verdict.value


def answer(found: Ablation, spent: Spending) -> tuple[Paragraph, ...]:
    """One sentence for each contrast, the primary first and largest; then what all of it took."""
    took = effort(found.results, found.trials, spent)
    if not found.effects:
        return (Paragraph(("No answer yet: ", f"{_nothing(found)}."), "verdict"), *took)
    shown = found.effects[:MOST_SENTENCES]
    paragraphs = [
        Paragraph(sentence(found, effect).spans(), "finding" if i else "verdict")
        for i, effect in enumerate(shown)
    ]
    left = found.effects[MOST_SENTENCES:]
    if left:
        paragraphs.append(text(f"And {len(left)} more in the table of effects: {verdict_counts(left)}."))
    return (*paragraphs, *_warnings(found), *took)


def _nothing(found: Ablation) -> str:
    if found.trials.empty:
        return "the study has no runs yet"
    return "the plan of this study is not among its data, so that its contrasts are unknown"


def _warnings(found: Ablation) -> tuple[Paragraph, ...]:
    """What turns a reading of the sentences round."""
    false_alarms = [
        effect
        for effect in found.effects
        if "everything" in effect.contrast.held and effect.verdict in (Verdict.SUPPORTED, Verdict.REFUTED)
    ]
    warnings = [
        note(
            f"{plain(effect.contrast.name)} compares an arm with itself and differs all the same: one in "
            f"{1 / found.alpha:.3g} such comparisons does by chance. Take the other verdicts with that in "
            f"mind."
        )
        for effect in false_alarms
    ]
    return (*map(note, found.words.caution), *_interim(found), *warnings)


def _interim(found: Ablation) -> tuple[Paragraph, ...]:
    planned = found.plan.pairs if found.plan else 0
    unfinished = [effect for effect in found.effects if effect.n + effect.left_out < planned]
    if not unfinished:
        return ()
    fewest = min(effect.n for effect in unfinished)
    return (
        note(
            f"Interim: of {planned} planned pairs {fewest} are complete in the contrast that has fewest. "
            "Numbers will change, and to stop because of them is a choice that the tests do not know of."
        ),
    )


def tiles(found: Ablation, spent: Spending) -> tuple[Tile, ...]:
    """The headline figures."""
    shown: list[Tile] = []
    if found.begun:
        first = found.effects[0]
        detail = f"n = {first.n}"
        if first.low == first.low:  # not NaN
            detail = f"{found.level} interval {pp_interval(first.low, first.high)}, {detail}"
        loud = first.off_zero and first.verdict is not Verdict.DESCRIPTIVE
        name = f"primary contrast: {plain(first.contrast.name, 60)}"
        shown.append(Tile(pp(first.mean), name, detail, bold=loud and first.verdict is not Verdict.UNDECIDED))
    if found.plan is not None:
        complete = min(effect.n for effect in found.effects)
        pairs = f"{complete} of {found.plan.pairs}"
        shown.append(
            Tile(pairs, "pairs complete", "in the contrast that has fewest" if found.effects[1:] else "")
        )
        margin = f"±{100 * found.margin:g}{NBSP}pp"
        shown.append(Tile(margin, "margin", f"smaller differences do not matter; α = {found.alpha:g}"))
    runs = int(found.trials["digest"].dropna().nunique())
    numbers = [
        f"{count(number)} {name}"
        for stage, name in STAGES.items()
        if (number := int((found.trials["stage"] == stage).sum()))
    ]
    shown.append(Tile(count(runs), "distinct runs", "trials: " + ", ".join(numbers) if numbers else ""))
    machine = plain(device(found.results), limit=60) if runs else ""
    shown.append(Tile(duration(trained_s(found.trials)), "training time", machine))
    if spent.elapsed_s > 0:
        shown.append(Tile(duration(spent.elapsed_s), "from start to end", workers(spent)))
    return tuple(shown)
