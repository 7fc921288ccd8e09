"""Matched pairs of kernel sizes."""

import pandas as pd
import pytest

from vggsearch.analysis.kernels import compare_kernels
from vggsearch.arch import parse


def nets(accuracies):
    rows = []
    for i, (text, accuracy) in enumerate(accuracies.items()):
        size = parse(text).kernel_size
        kernel = "mixed" if size is None else str(size)
        rows.append(
            {"architecture": text, "kernel_size": kernel, "macs": 1000 * (i + 1), "val_accuracy": accuracy}
        )
    return pd.DataFrame(rows, columns=["architecture", "kernel_size", "macs", "val_accuracy"])


def test_a_pair_is_alike_in_all_but_its_kernels():
    found = compare_kernels(
        nets(
            {
                "1x8-1x16+bn+gap": 0.90,
                "1x8k5-1x16k5+bn+gap": 0.91,
                "1x8k5-1x16+bn+gap": 0.88,
                "1x8k5-1x16k5+gap": 0.80,  # no batch norm: another net
                "1x8k5-2x16k5+bn+gap": 0.80,  # deeper
                "1x8k5-1x32k5+bn+gap": 0.80,  # wider
                "1x8k5-1x16k5+bn+fc64": 0.80,  # another head
            }
        )
    )
    pairs = found.pairs.set_index("change")
    assert set(pairs.index) == {"every block", "block 1", "block 2"}
    assert pairs.loc["every block", "difference"] == pytest.approx(0.01)
    assert pairs.loc["block 1", ["small", "large"]].tolist() == ["1x8-1x16+bn+gap", "1x8k5-1x16+bn+gap"]
    assert pairs.loc["block 1", "difference"] == pytest.approx(-0.02)
    assert pairs.loc["block 2", "difference"] == pytest.approx(0.03)


def test_a_net_of_one_block_is_one_pair_and_not_two():
    found = compare_kernels(nets({"1x8+gap": 0.8, "1x8k5+gap": 0.82}))
    assert found.pairs["change"].tolist() == ["every block"]


def test_a_block_of_mixed_kernels_is_not_enlarged():
    found = compare_kernels(nets({"2x8k3,5+gap": 0.8, "2x8k5+gap": 0.82}))
    assert found.pairs.empty


def test_other_sizes_are_compared_where_3_and_5_are_not_both_there():
    found = compare_kernels(nets({"1x8k7+gap": 0.8, "1x8k1+gap": 0.7, "1x16k1+gap": 0.7}))
    assert (found.small, found.large) == (1, 7)


@pytest.mark.parametrize("accuracies", [{}, {"1x8+gap": 0.8, "2x8+gap": 0.8}])
def test_kernels_all_alike_are_not_compared(accuracies):
    assert compare_kernels(nets(accuracies)) is None


def test_bins_hold_every_net_of_one_kernel_size_once_and_do_not_overlap():
    many = {f"1x{c}{kernel}-1x{2 * c}{kernel}+gap": 0.8 for c in range(4, 24) for kernel in ("", "k5")}
    frame = nets(many | {"1x8-1x16k5+gap": 0.9})
    bins = compare_kernels(frame).bins
    assert sorted(bins["architecture"]) == sorted(many)
    assert bins["bin"].nunique() == 4
    edges = bins.groupby("bin")[["macs_from", "macs_to"]].first()
    assert (edges["macs_from"].iloc[1:].to_numpy() > edges["macs_to"].iloc[:-1].to_numpy()).all()
    assert ((bins["macs"] >= bins["macs_from"]) & (bins["macs"] <= bins["macs_to"])).all()
