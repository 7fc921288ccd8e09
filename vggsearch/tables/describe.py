"""What a table shows: how fidelities agree, how much is chance, which factor explains how much."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from vggsearch.analysis import agreement, fidelity_correlations, seed_noise, variance_shares
from vggsearch.arch import Architecture
from vggsearch.costs import cost
from vggsearch.tables.table import Table


@dataclass(frozen=True)
class Description:
    """The statistics of a table, of its completed runs; accuracies are fractions."""

    sizes: pd.DataFrame
    """budget, amount, members, seeds (most of any member), runs, completed, mean_s, of each fidelity."""
    correlations: pd.DataFrame
    """See `vggsearch.analysis.fidelity_correlations`."""
    noise: pd.DataFrame
    """See `vggsearch.analysis.seed_noise`."""
    shares: pd.DataFrame
    """See `vggsearch.analysis.variance_shares`; at the full budget."""
    predictors: pd.DataFrame
    """predictor, members, spearman, kendall, top: of what needs no training, with the full budget's means."""


def describe_table(table: Table) -> Description:
    """The statistics of `table`."""
    runs = table.frame()
    sizes = pd.DataFrame([_size(part) for _, part in runs.groupby("amount")])
    completed = runs.assign(value=runs["val_accuracy"])
    completed = completed[(completed["outcome"] == "completed") & completed["value"].notna()]
    full = completed[completed["amount"] == table.header.full.amount]
    return Description(
        sizes,
        fidelity_correlations(completed),
        seed_noise(completed),
        variance_shares(full, factors(table)) if len(full) else variance_shares(full, pd.DataFrame()),
        _predictors(table, full),
    )


def factors(table: Table) -> pd.DataFrame:
    """The levels of everything in which members differ, one row a member; NaN where a block is absent."""
    nets = {text: Architecture.parse(text) for text in table.members}
    most = max(len(net.blocks) for net in nets.values())
    columns: dict[str, list[object]] = {"blocks": [len(net.blocks) for net in nets.values()]}
    for i in range(most):
        blocks = [net.blocks[i] if i < len(net.blocks) else None for net in nets.values()]
        columns[f"channels of block {i + 1}"] = [block and block.channels for block in blocks]
        columns[f"convolutions of block {i + 1}"] = [block and block.num_convs for block in blocks]
        columns[f"kernels of block {i + 1}"] = [block and str(block.kernel_sizes[0]) for block in blocks]
    columns["batch norm"] = [net.batch_norm for net in nets.values()]
    columns["activation"] = [net.activation for net in nets.values()]
    columns["head"] = [str(net.head) for net in nets.values()]
    found = pd.DataFrame(columns, index=pd.Index(nets, name="architecture"))
    for i in range(1, most):  # one ratio divides all blocks of a net: then their channels are one factor
        name = f"channels of block {i + 1}"
        there = found[name].notna()
        pairs = found.loc[there, ["channels of block 1", name]].drop_duplicates()
        if len(pairs) == pairs[name].nunique() == pairs["channels of block 1"].nunique():
            found = found.drop(columns=name)
    return found


def _size(part: pd.DataFrame) -> Mapping[str, object]:
    seeds = part.groupby("architecture")["seed"].nunique()
    return {
        "budget": part["budget"].iloc[0],
        "amount": part["amount"].iloc[0],
        "members": len(seeds),
        "seeds": int(seeds.max()),
        "runs": len(part),
        "completed": int((part["outcome"] == "completed").sum()),
        "mean_s": float((part["train_s"] + part["eval_s"] + part["setup_s"]).mean()),
    }


def _predictors(table: Table, full: pd.DataFrame) -> pd.DataFrame:
    """How well costs, which need no training, predict the ranks at the full budget."""
    columns = ["predictor", "members", "spearman", "kendall", "top"]
    means = full.groupby("architecture")["value"].mean()
    if len(means) < 3:  # no correlation of two points
        return pd.DataFrame(columns=columns)
    costs = [cost(Architecture.parse(str(text)), table.header.task) for text in means.index]
    rows = []
    for name, label in (("params", "parameters"), ("macs", "MACs")):
        values = pd.Series([getattr(one, name) for one in costs]).to_numpy(dtype=float)
        rows.append((label, len(means), *agreement(values, means.to_numpy())))
    return pd.DataFrame(rows, columns=columns)
