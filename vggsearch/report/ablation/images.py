"""Two questions kept apart: would retraining agree on these images, and would it hold on new ones?"""

import base64
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd

from vggsearch.analysis import RESAMPLES, crossed_interval
from vggsearch.designs import EvaluationPart
from vggsearch.report.ablation.findings import Ablation, Finding
from vggsearch.report.ablation.sentences import pp_interval
from vggsearch.report.document import MISSING, Block, Column, Section, Table, count, note, plain, text
from vggsearch.runs import RunRecord
from vggsearch.study import correctness

MOST_INTERVALS = 20
"""Each takes a second: of more contrasts than that, the first get one."""

SEED = 1
"""Of the resampling, so that the same data give the same interval."""

Interval = tuple[float, float]


def new_images(found: Ablation) -> dict[str, Interval]:
    """By contrast, the interval over seeds and images together; none where no image is stored."""
    size = image_count(found)
    if size is None:
        return {}
    intervals = {}
    for effect in found.effects[:MOST_INTERVALS]:
        if effect.n < 2:
            continue
        try:
            own = {arm: correctness(found.results, arm, size, found.part) for arm in effect.contrast.weights}
        except ValueError:  # what a run says of single images is damaged
            continue
        shared = sorted(set.intersection(*(set(pairs) for pairs in own.values())))
        if len(shared) < 2:
            continue
        stacked = {arm: np.stack([pairs[pair] for pair in shared]) for arm, pairs in own.items()}
        low, high = crossed_interval(
            stacked,
            effect.contrast.weights,
            alpha=found.alpha,
            resamples=RESAMPLES,
            rng=np.random.default_rng(SEED),
        )
        intervals[effect.contrast.name] = (float(low), float(high))
    return intervals


def image_count(found: Ablation) -> int | None:
    """How many images judge the pairs: the stored bits fill whole bytes, and the accuracy says where they
    end.

    None where no run says it.
    """
    runs = found.results.runs.values()
    sizes = Counter(size for run in runs if (size := _size(run, found.part)) is not None)
    return sizes.most_common(1)[0][0] if sizes else None


def _size(run: RunRecord, part: EvaluationPart) -> int | None:
    bits: str | None = getattr(run, part.bits)
    accuracy: float | None = getattr(run, part.column)
    if not bits:
        return None
    try:
        packed = np.frombuffer(base64.b64decode(bits, validate=True), dtype=np.uint8)
    except ValueError:
        return None
    most, right = 8 * len(packed), int(np.unpackbits(packed).sum())
    size = round(right / accuracy) if accuracy else most
    return size if most - 8 < size <= most else most


def section(found: Ablation, over: Mapping[str, Interval]) -> Section:
    """Both intervals of every contrast, beside each other."""
    title = "Two questions kept apart"
    if not over:
        why = f"no contrast has two pairs whose answers to single {found.part.images} are stored"
        return Section("images", title, (note(f"The second question has no answer here: {why}."),))
    size = image_count(found)
    blocks: list[Block] = [
        text(
            "The intervals and verdicts above are over seeds: were all nets trained again and "
            f"{found.words.judged} on the same images, would the sign be the same? Whether it would hold on "
            "new images of the same kind is another question: there the "
            f"{count(size)} {found.part.images} are a sample too. Its interval resamples seeds and images "
            "together, and decides no verdict."
        )
    ]
    rows = [(effect, over[effect.contrast.name]) for effect in found.effects if effect.contrast.name in over]
    blocks.append(text(" ".join(_in_words(*rows[0]))))
    blocks.append(_table(found, rows))
    missing = len(found.effects) - len(rows)
    if missing:
        why = f"too few pairs, damaged answers, or not among the first {MOST_INTERVALS}"
        blocks.append(note(f"{missing} of {len(found.effects)} contrasts have none: {why}."))
    return Section("images", title, tuple(blocks))


def _in_words(effect: Finding, interval: Interval) -> tuple[str, ...]:
    same = _said(effect.low, effect.high)
    new = _said(*interval)
    return (
        f"{plain(effect.contrast.name)}: over seeds {same} ({pp_interval(effect.low, effect.high)}),",
        f"over seeds and images {new} ({pp_interval(*interval)}).",
    )


def _said(low: float, high: float) -> str:
    return "the interval leaves out zero" if low > 0 or high < 0 else "it covers zero"


def _table(found: Ablation, rows: list[tuple[Finding, Interval]]) -> Table:
    columns = (
        Column("contrast", "left"),
        Column("same images, new seeds"),
        Column("new images, new seeds"),
        Column("wider by"),
    )
    printed = []
    for effect, (low, high) in rows:
        wider = (high - low) / (effect.high - effect.low) if effect.high > effect.low else float("nan")
        ratio = MISSING if wider != wider else f"×{wider:.2g}"
        printed.append(
            [plain(effect.contrast.name), pp_interval(effect.low, effect.high), pp_interval(low, high), ratio]
        )
    data = pd.DataFrame(
        [(effect.contrast.name, effect.low, effect.high, *interval) for effect, interval in rows],
        columns=["contrast", "low", "high", "images_low", "images_high"],
    )
    caption = (
        f"{found.level} intervals of the mean paired difference: paired t over seeds, and crossed bootstrap "
        f"over seeds and {found.part.images} ({count(RESAMPLES)} resamples)."
    )
    return Table("images", "Over seeds, and over images", columns, printed, data, caption)
