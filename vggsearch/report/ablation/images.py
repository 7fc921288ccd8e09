"""Two questions kept apart: would retraining agree on these images, and would it hold on new ones?"""

import base64
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from vggsearch.analysis import RESAMPLES, crossed_interval
from vggsearch.designs import EvaluationPart
from vggsearch.report.ablation.ablation_findings import AblationFindings, ContrastFinding
from vggsearch.report.ablation.sentences import pp_interval
from vggsearch.report.document import (
    MISSING,
    Block,
    Table,
    count,
    number_column,
    paragraph,
    plain,
    remark,
    section,
    text_column,
)
from vggsearch.runs import RunRecord
from vggsearch.study import correctness

MOST_INTERVALS = 20
"""Most contrasts that get an interval, as each takes a second."""

SEED = 1
"""Seed of the resampling, so that the same data give the same interval."""

Interval = tuple[float, float]


def new_images(found: AblationFindings) -> dict[str, Interval]:
    """Intervals over seeds and images together, by contrast; empty where no answers to images are stored."""
    size = image_count(found)
    if size is None or np.isnan(found.interval_alpha):
        return {}
    counted = set(found.counted["pair"])
    intervals = {}
    for effect in found.effects[:MOST_INTERVALS]:
        if effect.n < 2:
            continue
        try:
            own = {arm: correctness(found.results, arm, size, found.part) for arm in effect.contrast.weights}
        except ValueError:  # the answers to single images are damaged
            continue
        shared = sorted(counted.intersection(*(set(pairs) for pairs in own.values())))
        if len(shared) < 2:
            continue
        stacked = {arm: np.stack([pairs[pair] for pair in shared]) for arm, pairs in own.items()}
        low, high = crossed_interval(
            stacked,
            effect.contrast.weights,
            alpha=found.interval_alpha,
            resamples=RESAMPLES,
            rng=np.random.default_rng(SEED),
        )
        intervals[effect.contrast.name] = (float(low), float(high))
    return intervals


def image_count(found: AblationFindings) -> int | None:
    """How many images judge the pairs; None where no run stores its answers to them.

    The stored bits fill whole bytes, and the accuracy says where they end.
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


@section("images", "Two questions kept apart")
def images_section(found: AblationFindings, over: Mapping[str, Interval]) -> Iterator[Block]:
    """The intervals over seeds, and `over`, those over seeds and images."""
    if not over:
        why = f"no contrast has two pairs whose answers to single {found.part.images} are stored"
        yield remark(f"The second question has no answer here: {why}.")
        return
    size = image_count(found)
    yield paragraph(
        "The intervals and verdicts above are over seeds. They ask: if all nets were trained again and "
        f"{found.wording.judged} on the same images, would the sign be the same? Whether it would hold on "
        f"new images of the same kind is another question, in which the {count(size)} {found.part.images} "
        "are a sample too. Its interval resamples seeds and images together, and decides no verdict."
    )
    known = [effect for effect in found.effects if effect.contrast.name in over]
    yield paragraph(_in_words(known[0], over[known[0].contrast.name]))
    yield _table(found, known, over)
    unknown = len(found.effects) - len(known)
    if unknown:
        why = f"too few pairs, damaged answers, or not among the first {MOST_INTERVALS}"
        yield remark(f"{unknown} of {len(found.effects)} contrasts have no such interval: {why}.")


def _in_words(effect: ContrastFinding, interval: Interval) -> str:
    seeds = f"over seeds {_said(effect.low, effect.high)} ({pp_interval(effect.low, effect.high)})"
    images = f"over seeds and images {_said(*interval)} ({pp_interval(*interval)})"
    return f"{plain(effect.contrast.name)}: {seeds}, {images}."


def _said(low: float, high: float) -> str:
    return "the interval leaves out zero" if low > 0 or high < 0 else "it covers zero"


def _table(found: AblationFindings, known: list[ContrastFinding], over: Mapping[str, Interval]) -> Table:
    rows = [(each.contrast.name, each.low, each.high, *over[each.contrast.name]) for each in known]
    data = pd.DataFrame(rows, columns=["contrast", "low", "high", "images_low", "images_high"])
    columns = [
        text_column("contrast", "contrast"),
        number_column("same images, new seeds", ("low", "high"), pp_interval),
        number_column("new images, new seeds", ("images_low", "images_high"), pp_interval),
        number_column("wider by", ("low", "high", "images_low", "images_high"), _wider),
    ]
    caption = (
        f"{found.level} intervals of the mean paired difference: paired t over seeds, and crossed bootstrap "
        f"over seeds and {found.part.images} ({count(RESAMPLES)} resamples)."
    )
    return Table("images", "Over seeds, and over images", columns, data, caption)


def _wider(low: float, high: float, images_low: float, images_high: float) -> str:
    return f"×{(images_high - images_low) / (high - low):.2g}" if high > low else MISSING
