"""What tables of trials and runs have in common."""

import pandas as pd

from vggsearch.runs import UNEVEN_COLUMNS

_CONSTANT = ("study", "dataset", "device", "digest", "train_wall_s", "train_cpu_s", "images_per_s")
"""Columns that are the same in all rows or follow from others; the records in `data/` have them."""

_CALENDAR = ("asked_at", "told_at", "started_at", "finished_at")
"""Unix times; the CSV file has seconds since the study began, `asked_s` and `told_s`, instead."""


def trial_data(trials: pd.DataFrame, *unread: str) -> pd.DataFrame:
    """What the CSV file of all trials holds; the columns `unread` are left out too."""
    begin = trials["asked_at"].min()
    empty = [name for name in UNEVEN_COLUMNS if trials[name].isna().all()]
    return trials.drop(columns=[*_CONSTANT, *_CALENDAR, *empty, *unread]).assign(
        asked_s=(trials["asked_at"] - begin).round(1), told_s=(trials["told_at"] - begin).round(1)
    )


def outcome_name(outcome: str, cached: bool = False) -> str:
    """`out_of_memory` is `out of memory`; a run that was answered from the ledger is `cached`."""
    return outcome.replace("_", " ") + (", cached" if cached else "")
