"""Choice of each arm's learning rate: the best mean validation accuracy over seeds of its own."""

import pandas as pd

COLUMNS = ("arm", "lr", "n", "failed", "mean", "sd", "chosen", "at_edge")


def rate_table(rates: pd.DataFrame) -> pd.DataFrame:
    """One row for each arm and learning rate, in the order of `rates`.

    A rate at which a run did not complete is chosen only where all rates had such runs. Of rates with equal
    means the smallest is chosen.

    Args:
        rates: One row for each run: arm, lr, val_accuracy (missing where the run did not complete).

    Returns:
        arm, lr, n (completed runs), failed, mean and sd of val_accuracy as fractions, chosen, and at_edge:
        whether the chosen rate is the smallest or largest of several.
    """
    grouped = rates.groupby(["arm", "lr"], sort=False)["val_accuracy"]
    columns = {"n": grouped.count(), "mean": grouped.mean(), "sd": grouped.std()}
    table = pd.DataFrame(columns | {"failed": grouped.size() - grouped.count()}).reset_index()
    chosen: set[int] = set()
    for _, rows in table.groupby("arm", sort=False):
        known = rows[rows["n"] > 0]
        sound = known[known["failed"] == 0]
        candidates = (sound if len(sound) else known).sort_values(["mean", "lr"], ascending=[False, True])
        chosen.update(candidates.index[:1])
    table["chosen"] = [index in chosen for index in table.index]
    ends = table.groupby("arm", sort=False)["lr"]
    several = ends.transform("nunique") > 1
    edge = (table["lr"] == ends.transform("min")) | (table["lr"] == ends.transform("max"))
    table["at_edge"] = table["chosen"] & several & edge
    return table[list(COLUMNS)]
