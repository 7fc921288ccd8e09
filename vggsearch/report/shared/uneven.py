"""What a report says where the classes of the images are uneven."""

import pandas as pd

from vggsearch.report.document import percent

_PARTS = {"val": "validation", "test": "test"}


def majority(trials: pd.DataFrame, part: str) -> float | None:
    """Share of the largest class in the part `val` or `test`; None where classes are even, or nothing is
    known."""
    known = trials[f"{part}_majority"].dropna()
    return float(known.iloc[0]) if len(known) else None


def beside(trials: pd.DataFrame, part: str) -> str:
    """` (largest class 97.08 %)`, to follow an accuracy; nothing where classes are even."""
    share = majority(trials, part)
    return "" if share is None else f" (largest class {percent(share)})"


def largest_class(trials: pd.DataFrame) -> str:
    """What always naming the largest class reaches, as a sentence; empty where classes are even."""
    shares = {name: majority(trials, part) for part, name in _PARTS.items()}
    known = [f"{percent(share)} on {name} images" for name, share in shares.items() if share is not None]
    return f"Always naming the largest class reaches {' and '.join(known)}." if known else ""


def with_largest_class(caption: str, trials: pd.DataFrame) -> str:
    """A table's caption, and the sentence of `largest_class` where there is one."""
    return f"{caption} {largest_class(trials)}".strip()
