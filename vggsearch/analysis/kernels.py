"""Kernel sizes compared among nets that are otherwise alike.

This is an observation on the nets that a search trained, not an ablation.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vggsearch.arch import Architecture

PAIR_COLUMNS = (
    "change",
    "small",
    "large",
    "small_accuracy",
    "large_accuracy",
    "difference",
    "small_macs",
    "large_macs",
)
BIN_COLUMNS = ("bin", "macs_from", "macs_to", "kernel_size", "architecture", "macs", "val_accuracy")

_Skeleton = tuple[tuple[tuple[int, int], ...], bool, str, str]


@dataclass(frozen=True, slots=True)
class KernelComparison:
    """Matched pairs, and bins for where there are few pairs."""

    small: int
    large: int
    pairs: pd.DataFrame
    """`PAIR_COLUMNS`, one row for each pair.

    `change` is `every block` (all `small` against all `large`) or `block N` (that block alone); `difference`
    is the large kernel's validation accuracy minus the small one's, as a fraction.
    """
    bins: pd.DataFrame
    """`BIN_COLUMNS`, one row for each net of `small` or of `large` kernels alone, in bins of similar MACs."""


def compare_kernels(ranked: pd.DataFrame) -> KernelComparison | None:
    """3×3 against 5×5 over completed runs, or else the two most common kernel sizes.

    `ranked` has one row for each architecture: `architecture`, `kernel_size`, `macs`, `val_accuracy`. None
    where all kernels have one size.
    """
    sizes = _two_sizes(ranked)
    if sizes is None:
        return None
    small, large = sizes
    nets = [
        (*_structure(Architecture.parse(text)), text, float(accuracy), int(macs))
        for text, accuracy, macs in zip(
            ranked["architecture"], ranked["val_accuracy"], ranked["macs"], strict=True
        )
    ]
    found = {(skeleton, kernels): (text, accuracy, macs) for skeleton, kernels, text, accuracy, macs in nets}
    rows = []
    for (skeleton, kernels), (text, accuracy, macs) in found.items():
        for change, other in _enlarged(kernels, small, large):
            partner = found.get((skeleton, other))
            if partner is not None:
                rows.append(
                    (change, text, partner[0], accuracy, partner[1], partner[1] - accuracy, macs, partner[2])
                )
    pairs = pd.DataFrame(rows, columns=list(PAIR_COLUMNS))
    return KernelComparison(
        small, large, pairs.sort_values(["change", "small"], ignore_index=True), _bins(ranked, sizes)
    )


def _two_sizes(ranked: pd.DataFrame) -> tuple[int, int] | None:
    """The two most common kernel sizes, the smaller first; 3 and 5 where both occur."""
    blocks: dict[int, int] = {}
    for text in ranked["architecture"]:
        for block in Architecture.parse(text).blocks:
            for size in block.kernel_sizes:
                blocks[size] = blocks.get(size, 0) + 1
    if len(blocks) < 2:
        return None
    if 3 in blocks and 5 in blocks:
        return 3, 5
    first, second = sorted(blocks, key=lambda size: (-blocks[size], size))[:2]
    return min(first, second), max(first, second)


def _structure(architecture: Architecture) -> tuple[_Skeleton, tuple[tuple[int, ...], ...]]:
    """What two nets of a pair share, and the kernel sizes by block."""
    shapes = tuple((block.num_convs, block.channels) for block in architecture.blocks)
    kernels = tuple(block.kernel_sizes for block in architecture.blocks)
    return (shapes, architecture.batch_norm, architecture.activation, str(architecture.head)), kernels


def _enlarged(
    kernels: tuple[tuple[int, ...], ...], small: int, large: int
) -> Iterator[tuple[str, tuple[tuple[int, ...], ...]]]:
    """The kernel sizes with every block, or one block, of small kernels made large."""
    is_small = [set(block) == {small} for block in kernels]
    if all(is_small):
        yield "every block", tuple((large,) * len(block) for block in kernels)
    if len(kernels) > 1:
        for i, block in enumerate(kernels):
            if is_small[i]:
                yield f"block {i + 1}", (*kernels[:i], (large,) * len(block), *kernels[i + 1 :])


def _bins(ranked: pd.DataFrame, sizes: tuple[int, int], most: int = 4, fewest: int = 8) -> pd.DataFrame:
    """Nets of one kernel size in up to `most` bins of MACs, each of about as many and at least `fewest`."""
    wanted = [str(size) for size in sizes]
    pure = ranked.loc[
        ranked["kernel_size"].isin(wanted), ["architecture", "kernel_size", "macs", "val_accuracy"]
    ]
    if pure.empty:
        return pd.DataFrame(columns=list(BIN_COLUMNS))
    number = max(1, min(most, len(pure) // fewest))
    order = pure["macs"].rank(method="first").to_numpy()
    of = np.minimum(((order - 1) * number / len(pure)).astype(int), number - 1)
    pure = pure.assign(bin=of + 1)
    by_bin = pure.groupby("bin")["macs"]
    pure = pure.assign(macs_from=by_bin.transform("min"), macs_to=by_bin.transform("max"))
    return pure[list(BIN_COLUMNS)].sort_values(["bin", "kernel_size", "macs"], ignore_index=True)
