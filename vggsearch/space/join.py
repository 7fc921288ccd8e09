"""Counting candidates by joining halves, without visiting most of them.

Every metric is a sum over image, blocks and head, once the channels that enter a block are known. The sums of
all beginnings of a net are matched with those of all endings (Horowitz & Sahni 1974): for each beginning, a
search in the sorted endings says how many keep each limit. Where at most one limit can be broken, that is the
count; otherwise the pairs in question are compared one by one. One constraint costs about the square root of
the number of candidates; several cost at worst that number, at about 10^9 a second. Memory stays bounded by
`HALF`.

    P    beginnings            S    endings            d    constrained metrics
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vggsearch.costs import METRICS, BoolArray, IntArray, block_costs, head_costs, image_cost
from vggsearch.space.choices import Constraint
from vggsearch.space.grid import Grid
from vggsearch.space.section import Section

HALF = 2**19
"""Most rows of a half. Endings, whose sums are sorted by each metric, have this divided by the metrics."""

KEPT_BYTES = 2**27
"""Bytes of endings that are cached for later beginnings."""


@dataclass(frozen=True)
class Half:
    """N ways to build some consecutive blocks."""

    index: IntArray
    """What they add to the candidate's index, [N]."""
    channels: IntArray
    """Channels of the last block, [N]."""
    sums: IntArray
    """What they add to each constrained metric, [d, N]."""

    def __getitem__(self, rows: slice | IntArray) -> "Half":
        return Half(self.index[rows], self.channels[rows], self.sums[:, rows])

    @property
    def nbytes(self) -> int:
        """Memory it takes, including the sums sorted by each metric."""
        metrics = len(self.sums)
        return 8 * len(self.index) * (metrics + 1) ** 2

    @cached_property
    def order(self) -> IntArray:
        """The rows sorted by the sums of each metric, [d, N]."""
        return np.argsort(self.sums, axis=1, kind="stable")

    @cached_property
    def ordered(self) -> list[IntArray]:
        """All sums, [d, N], sorted by each metric in turn."""
        return [np.take(self.sums, order, axis=1) for order in self.order]


class Pairs:
    """Beginnings [P] whose last block has the same number of channels, and the endings [S] that follow it."""

    def __init__(self, first: Half, second: Half, limits: IntArray) -> None:
        self.first = first
        self.second = second
        self._low = limits[:, :1] - first.sums
        self._high = limits[:, 1:] - first.sums
        columns = [
            (sums[metric], self._low[metric], self._high[metric])
            for metric, sums in enumerate(second.ordered)
        ]
        self._left = np.stack([np.searchsorted(sums, low, side="left") for sums, low, _ in columns])
        self._right = np.stack([np.searchsorted(sums, high, side="right") for sums, _, high in columns])

    @cached_property
    def counts(self) -> IntArray:
        """Number of endings that keep all limits, for each beginning, [P]."""
        keeping = self._right - self._left
        counts: IntArray = keeping.min(axis=0)
        breakable = (keeping < len(self.second.index)).sum(axis=0)
        for row in np.flatnonzero((breakable > 1) & (counts > 0)).tolist():
            counts[row] = np.count_nonzero(self._kept(row)[1])
        return counts

    def matches(self, row: int) -> IntArray:
        """Rows of the endings that keep all limits with beginning `row`."""
        candidates, kept = self._kept(row)
        return candidates[kept]

    def _kept(self, row: int) -> tuple[IntArray, BoolArray]:
        """Rows of the endings that keep the tightest limit of `row`, and whether they keep the others too."""
        left, right = self._left[:, row], self._right[:, row]
        tightest = int((right - left).argmin())
        found = slice(left[tightest], right[tightest])
        sums = self.second.ordered[tightest][:, found]
        kept = np.ones(sums.shape[1], dtype=np.bool_)
        for metric in range(len(sums)):
            if metric != tightest and left[metric] > 0:
                kept &= sums[metric] >= self._low[metric, row]
            if metric != tightest and right[metric] < len(self.second.index):
                kept &= sums[metric] <= self._high[metric, row]
        return self.second.order[tightest, found], kept


@dataclass(frozen=True)
class Joined:
    """The candidates of one section with given digits of every parameter of the whole net."""

    grid: Grid
    constraints: Sequence[Constraint]
    """At least one, and no two on one metric."""
    section: Section
    digits: tuple[int, ...]
    """Digits of `section.parameters`; those of single blocks are 0 here and vary."""

    def count(self) -> int:
        """How many of them keep the constraints."""
        return sum(int(pairs.counts.sum()) for pairs in self._pairs())

    def select(self, ranks: IntArray) -> IntArray:
        """Indices of the kept candidates with these ranks, [N], each from 0 to `count() - 1`."""
        indices = np.empty(len(ranks), dtype=np.int64)
        start = 0
        for pairs in self._pairs():
            ends = start + np.cumsum(pairs.counts)
            for i in np.flatnonzero((ranks >= start) & (ranks < ends[-1])):
                row = int(np.searchsorted(ends, ranks[i], side="right"))
                ending = pairs.matches(row)[ranks[i] - ends[row] + pairs.counts[row]]
                indices[i] = pairs.first.index[row] + pairs.second.index[ending]
            start = int(ends[-1])
        return indices

    @cached_property
    def _metrics(self) -> list[int]:
        return [METRICS.index(constraint.metric) for constraint in self.constraints]

    @cached_property
    def _limits(self) -> IntArray:
        return np.array([constraint.limits for constraint in self.constraints], dtype=np.int64)

    @cached_property
    def _blocks(self) -> list[tuple[IntArray, IntArray, IntArray, IntArray]]:
        """For each stage: convolutions, channels, kernel size and share of the index, [option]."""
        section, values = self.section, []
        columns = [section.columns(name) for name in ("convs", "ratio", "kernel")]
        for stage, own in enumerate(zip(*columns, strict=True)):
            digits = np.meshgrid(
                *(
                    [self.digits[i]]
                    if section.parameters[i].stage is None
                    else np.arange(len(section.parameters[i].options))
                    for i in own
                )
            )
            convs, ratio, kernel = (digit.ravel() for digit in digits)
            share = np.zeros_like(convs)
            for i, digit in zip(own, (convs, ratio, kernel), strict=True):
                if section.parameters[i].stage is not None:
                    share += digit * section.parameters[i].weight
            values.append(
                (
                    np.array(self.grid.convs_per_block.values)[convs],
                    self.grid.widths[stage, ratio],
                    np.array(self.grid.kernel_size.values)[kernel],
                    share,
                )
            )
        return values

    def _pairs(self) -> Iterator[Pairs]:
        num_blocks, shape = self.section.num_blocks, self.grid.task.input_shape
        middle, rows = num_blocks - 1, len(self._blocks[-1][0])
        most = HALF // len(self.constraints)
        while middle > num_blocks // 2 and rows * len(self._blocks[middle - 1][0]) <= most:
            middle -= 1
            rows *= len(self._blocks[middle][0])
        begin = Half(
            np.array([self.section.index(self.digits)]),
            np.array([shape[0]]),
            image_cost(shape)[self._metrics, np.newaxis],
        )
        endings: dict[int, Half] = {}
        for first in self._extended(begin, range(middle)):
            for channels in np.unique(first.channels).tolist():
                if channels not in endings:
                    if sum(ending.nbytes for ending in endings.values()) > KEPT_BYTES:
                        endings.clear()
                    endings[channels] = self._ending(channels, range(middle, num_blocks))
                yield Pairs(
                    first[np.flatnonzero(first.channels == channels)], endings[channels], self._limits
                )

    def _ending(self, channels: int, stages: range) -> Half:
        """Every choice of the last blocks with the head, for `channels` that enter them."""
        none = np.zeros((len(self._metrics), 1), dtype=np.int64)
        begin = Half(np.array([0]), np.array([channels]), none)
        pieces = [begin[:0], *self._extended(begin, stages)]
        index = np.concatenate([piece.index for piece in pieces])
        last = np.concatenate([piece.channels for piece in pieces])
        sums = np.concatenate([piece.sums for piece in pieces], axis=1)
        head = self.grid.head[self.digits[-1]]
        added = head_costs(head, stages.stop, last, self.grid.task)
        return Half(index, last, sums + added[self._metrics])

    def _extended(self, half: Half, stages: range) -> Iterator[Half]:
        """`half` followed by every choice of `stages`, in pieces of about `HALF` rows.

        Rows that exceed a limit already are dropped.
        """
        if not stages:
            yield half
            return
        convs, widths, kernels, share = self._blocks[stages[0]]
        options, step = len(share), max(1, HALF // len(share))
        batch_norm = self.grid.batch_norm[self.digits[-2]]
        for start in range(0, len(half.index), step):
            piece = half[start : start + step]
            ways = len(piece.index)
            added = block_costs(
                stages[0],
                np.tile(convs, ways),
                np.repeat(piece.channels, options),
                np.tile(widths, ways),
                np.tile(kernels, ways),
                np.full(ways * options, batch_norm),
                self.grid.task.input_shape,
            )
            longer = Half(
                np.repeat(piece.index, options) + np.tile(share, ways),
                np.tile(widths, ways),
                np.repeat(piece.sums, options, axis=1) + added[self._metrics],
            )
            kept = (longer.sums <= self._limits[:, 1:]).all(axis=0)
            yield from self._extended(longer[np.flatnonzero(kept)], stages[1:])
