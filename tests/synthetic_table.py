"""A table made from a formula and noise, whose best members are known."""

from pathlib import Path

import numpy as np
import yaml

from vggsearch.arch import FASHION_MNIST, Architecture
from vggsearch.costs import cost
from vggsearch.recipe import Budget
from vggsearch.runs import Outcome
from vggsearch.study import SearchStudy, TableStudy, parse_study
from vggsearch.tables import Row, Table, TableHeader
from vggsearch.testing.fake import run_key

SPACE = {
    "num_blocks": [3, 4],
    "convs_per_block": {"per_block": [1, 2]},
    "ratio": [16, 32],
    "kernel_size": {"per_block": [3, 5]},
    "batch_norm": [True],
}
"""640 members."""

SMALL = SPACE | {"num_blocks": [2, 3], "ratio": [16]}
"""80 members."""

FULL = 360


def table_study(space: dict = SPACE, **changes: object) -> TableStudy:
    """A study whose table `synthetic_table` makes."""
    settings = {
        "kind": "table",
        "data": {"name": "fashion-mnist"},
        "space": space,
        "recipe": "fast",
        "budget": {"steps": FULL},
        "fidelities": [{"steps": FULL // 9}, {"steps": FULL // 3}],
        "seeds": 2,
    }
    study = parse_study(yaml.safe_dump(settings | changes), Path("synthetic.yaml"))
    assert isinstance(study, TableStudy)
    return study


def search_study(strategy: object = "model", space: dict = SPACE, **changes: object) -> SearchStudy:
    """A search in the same space, without a baseline and finalists."""
    settings = {
        "data": {"name": "fashion-mnist"},
        "space": space,
        "recipe": "fast",
        "budget": {"steps": FULL},
        "strategy": strategy,
        "trials": 50,
        "baseline": False,
        "finalists": None,
    }
    study = parse_study(yaml.safe_dump(settings | changes), Path("synthetic-search.yaml"))
    assert isinstance(study, SearchStudy)
    return study


def merit(net: Architecture, weights: np.ndarray) -> float:
    """The true value of a net: main effects, products of two, and something of its own."""
    first, second = weights[:40], weights[40:].reshape(40, 40)
    levels = np.zeros(40)
    for i, block in enumerate(net.blocks):
        levels[3 * i] = block.num_convs - 1
        levels[3 * i + 1] = (block.kernel_sizes[0] - 3) / 2
    levels[20] = len(net.blocks) - 3
    levels[21] = float(net.blocks[0].channels > 2)
    levels[22] = np.log10(cost(net, FASHION_MNIST).macs) - 5.5
    own = np.random.default_rng(int.from_bytes(str(net).encode(), "big") % 2**63).normal()
    return float(levels @ first + 0.5 * levels @ second @ levels + 0.6 * own)


def synthetic_table(study: TableStudy | None = None, truth: int = 0, correlation: float = 0.6) -> Table:
    """Accuracies with a spread of 1.5 pp over members and 0.35 pp over seeds; short runs agree by
    `correlation`."""
    study = study or table_study()
    rng = np.random.default_rng([truth, 1])
    weights = rng.normal(size=40 + 1600)
    nets = list(study.space(FASHION_MNIST))
    values = np.array([merit(net, weights) for net in nets])
    values = (values - values.mean()) / values.std()
    other = rng.normal(size=len(nets))
    rows = []
    for rung, budget in enumerate(study.budgets):
        rank = len(study.budgets) - 1 - rung
        share = correlation if rank == len(study.budgets) - 1 else 1 - rank * (1 - correlation) / 2
        seen = share * values + np.sqrt(1 - share**2) * other
        for seed in range(study.seed, study.seed + study.seeds):
            noise = rng.normal(size=len(nets))
            accuracy = 0.86 - 0.08 * rank + 0.015 * (1 + rank) * seen + 0.0035 * (1 + rank) * noise
            for net, reached in zip(nets, np.clip(accuracy, 0.1, 0.99), strict=True):
                price = cost(net, FASHION_MNIST).macs
                took_s = budget.amount * (0.002 + price * 1e-8)
                rows.append(
                    Row(
                        str(net),
                        budget,
                        seed,
                        Outcome.COMPLETED,
                        round(float(reached), 6),
                        None,
                        took_s,
                        0.1,
                        0.05,
                        price / 1e6,
                        int(budget.amount),
                    )
                )
    return Table(_header(study, len(rows)), tuple(rows))


def _header(study: TableStudy, rows: int) -> TableHeader:
    data = run_key().data.model_copy(update={"name": "fashion-mnist"})
    return TableHeader(
        name=study.name,
        input_shape=(1, 28, 28),
        num_classes=10,
        data=data,
        recipe=study.recipe,
        device="cpu",
        budgets=tuple(sorted({*study.budgets}, key=lambda one: one.amount)),
        full=Budget(steps=FULL),
        rows=rows,
        study=study.source,
    )
