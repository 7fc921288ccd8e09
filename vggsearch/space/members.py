"""`Members`: many members of a space as arrays, without an object for each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vggsearch.arch import Architecture
from vggsearch.costs import METRICS, IntArray, cost
from vggsearch.space.base import Space
from vggsearch.space.feasible import CHUNK, keeps
from vggsearch.space.search import SearchSpace

MOST_FILTERED = 2**22
"""Candidates of a space with constraints that are filtered one by one; of more, members are drawn."""


@dataclass(frozen=True, eq=False)
class Members:
    """N members of a space, each once."""

    levels: dict[str, IntArray]
    """What sets members apart, [N] each, by name: `blocks`; `convs_1`, `channels_1`, `kernel_1` and so on, 0
    where there is no such block; `batch_norm`, `activation`, `head` as numbers of their options."""
    costs: dict[str, IntArray]
    """`METRICS`, [N] each."""
    _source: "SearchSpace | Sequence[Architecture]"
    _indices: IntArray

    def __len__(self) -> int:
        return len(self._indices)

    def picked(self, architectures: Sequence[Architecture]) -> "Members":
        """These members of the space, in this order, which need not be among the ones here."""
        source = self._source
        if isinstance(source, SearchSpace):
            found = [source.index(one) for one in architectures]
            indices = np.array([index for index in found if index is not None], dtype=np.int64)
            return Members(_levels_of_grid(source, indices), source.costs(indices), source, indices)
        rows = np.array([source.index(one) for one in architectures], dtype=np.int64)
        levels = {name: values[rows] for name, values in self.levels.items()}
        costs = {name: values[rows] for name, values in self.costs.items()}
        return Members(levels, costs, [source[row] for row in rows], np.arange(len(rows), dtype=np.int64))

    def architecture(self, row: int) -> Architecture:
        """The member in a row."""
        if isinstance(self._source, SearchSpace):
            return self._source.candidate(int(self._indices[row]))
        return self._source[row]

    def row(self, architecture: Architecture) -> int | None:
        """The row of a member; None where it is not among these."""
        if isinstance(self._source, SearchSpace):
            index = self._source.index(architecture)
            at = -1 if index is None else int(np.searchsorted(self._indices, index))
            return at if 0 <= at < len(self) and self._indices[at] == index else None
        return self._source.index(architecture) if architecture in self._source else None


def members_of(space: Space, most: int, seed: int) -> Members:
    """All members of `space`, or `most` of them, drawn uniformly, where there are more."""
    rng = np.random.default_rng(seed)
    if isinstance(space, SearchSpace):
        indices = _indices(space, most, rng)
        return Members(_levels_of_grid(space, indices), space.costs(indices), space, indices)
    nets = list(space)
    if len(nets) > most:
        nets = [nets[i] for i in np.sort(rng.permutation(len(nets))[:most])]
    costs = [cost(net, space.task) for net in nets]
    found = {name: np.array([getattr(one, name) for one in costs], dtype=np.int64) for name in METRICS}
    return Members(_levels_of_nets(nets), found, nets, np.arange(len(nets), dtype=np.int64))


def _indices(space: SearchSpace, most: int, rng: np.random.Generator) -> IntArray:
    if space.count <= most and space.size <= MOST_FILTERED:
        chunks = (
            np.arange(start, min(start + CHUNK, space.size), dtype=np.int64)
            for start in range(0, space.size, CHUNK)
        )
        return np.concatenate([chunk[keeps(space, space.constraints, chunk)] for chunk in chunks])
    return np.unique(space.sample_indices(rng, most))


def _levels_of_grid(space: SearchSpace, indices: IntArray) -> dict[str, IntArray]:
    most = max(space.num_blocks)
    names = [f"{what}_{i + 1}" for i in range(most) for what in ("convs", "channels", "kernel")]
    last = ("activation", "batch_norm", "head")
    levels = {name: np.zeros(len(indices), dtype=np.int64) for name in ("blocks", *names, *last)}
    convs, kernels = np.array(space.convs_per_block.values), np.array(space.kernel_size.values)
    for section in space.sections:
        rows = np.flatnonzero((indices >= section.start) & (indices < section.start + section.size))
        digits = section.digits(indices[rows] - section.start)
        levels["blocks"][rows] = section.num_blocks
        columns = [section.columns(name) for name in ("convs", "ratio", "kernel")]
        for i, (conv, ratio, kernel) in enumerate(zip(*columns, strict=True)):
            levels[f"convs_{i + 1}"][rows] = convs[digits[:, conv]]
            levels[f"channels_{i + 1}"][rows] = space.widths[i, digits[:, ratio]]
            levels[f"kernel_{i + 1}"][rows] = kernels[digits[:, kernel]]
        for name, column in zip(last, (-3, -2, -1), strict=True):
            levels[name][rows] = digits[:, column]
    return levels


def _levels_of_nets(nets: Sequence[Architecture]) -> dict[str, IntArray]:
    columns: dict[str, list[int]] = {"blocks": [len(net.blocks) for net in nets]}
    for i in range(max(columns["blocks"])):
        blocks = [net.blocks[i] if i < len(net.blocks) else None for net in nets]
        columns[f"convs_{i + 1}"] = [block.num_convs if block else 0 for block in blocks]
        columns[f"channels_{i + 1}"] = [block.channels if block else 0 for block in blocks]
        columns[f"kernel_{i + 1}"] = [sum(block.kernel_sizes) if block else 0 for block in blocks]
    columns["activation"] = _numbered([net.activation for net in nets])
    columns["batch_norm"] = _numbered([net.batch_norm for net in nets])
    columns["head"] = _numbered([str(net.head) for net in nets])
    return {name: np.array(values, dtype=np.int64) for name, values in columns.items()}


def _numbered(values: Sequence[object]) -> list[int]:
    known = {value: number for number, value in enumerate(dict.fromkeys(values))}
    return [known[value] for value in values]
