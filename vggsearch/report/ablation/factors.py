"""The cells of a factorial by their levels."""

from itertools import combinations, product

import pandas as pd

from vggsearch.designs import level_text
from vggsearch.report.ablation.findings import Ablation
from vggsearch.report.document import plain

CELL_COLUMNS = ("factor", "level", "other", "other_level", "n", "mean", "se")


def interaction_cells(found: Ablation) -> pd.DataFrame:
    """For every two factors of a factorial, `CELL_COLUMNS`: mean accuracy, on the images that judge the
    pairs, where they have these levels, over all levels of the others and all seeds.

    `se` is the standard error over seeds, of each seed's mean over the cells. Empty where nothing completed.
    """
    factors = found.study.factors or {}
    names, column = list(factors), found.part.column
    cells = {
        " ".join(f"{name}={level_text(level)}" for name, level in zip(names, cell, strict=True)): cell
        for cell in product(*(factors[name] for name in names))
    }
    complete = found.complete[found.complete["arm"].isin(list(cells))]
    rows = []
    for i, j in combinations(range(len(names)), 2):
        for one, other in product(factors[names[i]], factors[names[j]]):
            arms = [arm for arm, cell in cells.items() if (cell[i], cell[j]) == (one, other)]
            inside = complete[complete["arm"].isin(arms)]
            if inside.empty:
                continue
            seeds = inside.groupby("pair")[column].mean().astype(float)
            rows.append(
                (
                    names[i],
                    plain(level_text(one), 30),
                    names[j],
                    plain(level_text(other), 30),
                    len(seeds),
                    float(inside[column].astype(float).mean()),
                    float(seeds.std() / len(seeds) ** 0.5),
                )
            )
    return pd.DataFrame(rows, columns=list(CELL_COLUMNS))
