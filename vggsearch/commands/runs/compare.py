"""Whether two records of one key hold the same result, and whether they should."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from vggsearch.commands.lookup import bit_count, not_reproducible, short_commit
from vggsearch.runs import CurvePoint, RunRecord, unpack_bits
from vggsearch.text import percent

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """One property of both records."""

    name: str
    before: str
    now: str
    same: bool | None
    """None where a difference means nothing: seconds, versions."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two records of one run."""

    rows: tuple[Row, ...]
    may_differ: tuple[str, ...]
    """Why bits may differ; empty where they must not."""

    @property
    def same(self) -> bool:
        """Whether everything that training computes is equal, bit for bit."""
        return all(row.same is not False for row in self.rows)

    @property
    def broken(self) -> bool:
        """Whether something differs that must not."""
        return not self.same and not self.may_differ

    @property
    def sentence(self) -> str:
        """The result of the comparison in one line."""
        if self.same:
            return "the same, bit for bit"
        differing = ", ".join(row.name for row in self.rows if row.same is False)
        if self.may_differ:
            return f"not the same ({differing}), and need not be: {'; '.join(self.may_differ)}"
        return f"not the same ({differing}), and should be: key, processor and torch are"


def compare(before: RunRecord, now: RunRecord) -> Comparison:
    """Compare what training computed; seconds are shown and not compared."""
    return Comparison(tuple(_rows(before, now)), tuple(_excuses(before, now)))


def _rows(before: RunRecord, now: RunRecord) -> Iterator[Row]:
    yield _row("outcome", before.outcome.value, now.outcome.value)
    if before.reason or now.reason:
        yield Row("reason", before.reason, now.reason, None)
    yield _row("steps", before.steps, now.steps, "{:,}".format)
    for part in ("test", "validation"):
        yield from _judged(part, before, now)
    curves = _curve(before), _curve(now)
    if before.curve and now.curve:
        count = sum(one == other for one, other in zip(*curves, strict=False))
        points = f"{len(curves[0])} points", f"{len(curves[1])} points, {count} equal"
        yield Row("learning curve", *points, curves[0] == curves[1])
    if before.weights is not None and now.weights is not None:
        yield _row("weights", before.weights, now.weights, lambda digest: digest[:12])
    yield Row("training s", f"{before.train_s:.4g}", f"{now.train_s:.4g}", None)
    for name in ("torch", "processor", "commit"):
        made = [str(getattr(record.provenance, name, None) or "unknown") for record in (before, now)]
        shown = [short_commit(one) if name == "commit" else one for one in made]
        yield Row(name, shown[0], shown[1], None)


def _row(name: str, before: T, now: T, show: Callable[[T], str] = str) -> Row:
    """A property that training computes, as `show` writes it."""
    return Row(name, show(before), show(now), before == now)


def _judged(part: str, before: RunRecord, now: RunRecord) -> Iterator[Row]:
    """Accuracy, loss, and single images where both records have them."""
    prefix = "test" if part == "test" else "val"
    accuracy, loss, bits = (
        [getattr(record, f"{prefix}_{what}") for record in (before, now)]
        for what in ("accuracy", "loss", "correct")
    )
    if accuracy == [None, None]:
        return
    yield _row(f"{part} accuracy", accuracy[0], accuracy[1], percent)
    yield _row(f"{part} loss", loss[0], loss[1], lambda value: "–" if value is None else f"{value:.9g}")
    if None not in bits:
        differing = _differing_images(*bits)
        told = "judged alike" if differing == 0 else f"{differing} judged otherwise"
        yield Row(f"{part} images", "", told, differing == 0)


def _differing_images(before: str, now: str) -> int:
    count = min(bit_count(before), bit_count(now))
    pairs = unpack_bits(before, count) != unpack_bits(now, count)
    return int(np.count_nonzero(pairs)) + abs(bit_count(before) - bit_count(now))


def _curve(record: RunRecord) -> list[CurvePoint]:
    """The points without their seconds."""
    return [point.model_copy(update={"train_s": 0.0}) for point in record.curve]


def _excuses(before: RunRecord, now: RunRecord) -> Iterator[str]:
    """Why equal keys may give different bits here."""
    why = not_reproducible(before)
    if why is not None:
        yield why
    if before.provenance is None or now.provenance is None:
        return
    for name in ("processor", "torch", "precision", "layers"):
        made = [str(getattr(record.provenance, name)) for record in (before, now)]
        if made[0] != made[1] and "None" not in made:  # not recorded
            yield f"{name} was {made[0]} and is {made[1]}"
