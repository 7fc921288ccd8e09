"""Kernel sizes compared among nets that are otherwise alike."""

from collections.abc import Iterator

import pandas as pd

from vggsearch.analysis import KernelComparison, compare_kernels
from vggsearch.report.document import Block, Figures, Section, fixed, paragraph, points, remark
from vggsearch.report.search.kernel_sizes_figures import NO_VERDICT, bin_figure, pair_figure
from vggsearch.report.search.search_findings import SearchFindings

FEW_PAIRS = 3
"""Fewer matched pairs are not drawn."""


def kernel_sizes_section(findings: SearchFindings) -> Section:
    """Kernel sizes compared, the two sizes in the title."""
    found = compare_kernels(findings.ranked)
    if found is None:
        nothing = remark("All nets that completed have kernels of one size: nothing to compare.")
        return Section("kernels", "Kernel size", (nothing,))
    title = f"Kernel size: {found.small}×{found.small} against {found.large}×{found.large}"
    return Section("kernels", title, tuple(_comparison(found)))


def _comparison(found: KernelComparison) -> Iterator[Block]:
    drawings, pairs = [], found.pairs
    if len(pairs) >= FEW_PAIRS:
        drawings.append(pair_figure(found))
        yield _pairs_in_words(pairs, found.small, found.large)
    else:
        many = f"{len(pairs)} matched pair{'s' if len(pairs) != 1 else ''}"
        yield remark(f"{many} of nets that differ in kernel size alone: too few to draw. {NO_VERDICT}")
    if found.bins["kernel_size"].nunique() == 2 and len(found.bins) >= 2 * FEW_PAIRS:
        drawings.append(bin_figure(found))
    if drawings:
        yield Figures(tuple(drawings))


def _pairs_in_words(pairs: pd.DataFrame, small: int, large: int) -> Block:
    every = pairs["change"] == "every block"
    parts = []
    for where, chosen in (("every block", pairs[every]), ("one block alone", pairs[~every])):
        if chosen.empty:
            continue
        low, middle, high = (
            points(float(chosen["difference"].quantile(level))) for level in (0.25, 0.5, 0.75)
        )
        ratio = fixed(float((chosen["large_macs"] / chosen["small_macs"]).median()), 2)
        ahead = int((chosen["difference"] > 0).sum())
        parts.append(
            f"With {large}×{large} in place of {small}×{small} in {where}, validation accuracy changes by "
            f"{middle} in the median (n = {len(chosen)} pairs, quartiles {low} and {high}), at {ratio} times "
            f"the MACs; {large}×{large} is ahead in {ahead}. "
        )
    return paragraph(*parts, f"Pairs share nets, so they are not independent. {NO_VERDICT}")
