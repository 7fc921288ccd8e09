"""The cells of a factorial by their levels."""

from itertools import combinations, product

import pandas as pd

from vggsearch.designs import level_text
from vggsearch.report.ablation.ablation_findings import AblationFindings
from vggsearch.report.document import plain

CELL_COLUMNS = ("factor", "level", "other", "other_level", "n", "mean", "se")


def interaction_cells(found: AblationFindings) -> pd.DataFrame:
    """`CELL_COLUMNS` for every two factors of a factorial, at each pair of their levels.

    `mean` is the accuracy on the images that judge the pairs, over all levels of the other factors and all
    seeds. `se` is the standard error over seeds of each seed's mean over the cells. Empty where no run
    completed.
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
