"""An accuracy as a person should read it: where classes are uneven, beside the share of the largest."""

from typing import Literal

from vggsearch.runs.record import RunRecord
from vggsearch.text import percent


def accuracy_text(run: RunRecord, part: Literal["val", "test"] = "val", name: str = "") -> str:
    """`97.56 % (largest class 97.08 %, balanced 33.00 %)`; the accuracy alone where classes are even.

    `name` follows the accuracy after a space.
    """
    accuracy: float | None = getattr(run, f"{part}_accuracy")
    known = {
        "largest class": getattr(run, f"{part}_majority"),
        "balanced": getattr(run, f"{part}_balanced_accuracy"),
    }
    beside = ", ".join(f"{label} {percent(share)}" for label, share in known.items() if share is not None)
    return " ".join([percent(accuracy), *([name] if name else []), *([f"({beside})"] if beside else [])])
