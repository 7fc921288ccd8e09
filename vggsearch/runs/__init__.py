"""What happened: the record of every run, and the ledger that keeps them.

Their tables are in `vggsearch.runs.frames`, which needs pandas and is not imported here.
"""

from vggsearch.runs.checksums import Damaged
from vggsearch.runs.record import (
    FINAL,
    CurvePoint,
    DataKey,
    Outcome,
    Provenance,
    RunKey,
    RunRecord,
    TrialRecord,
)

__all__ = [
    "FINAL",
    "CurvePoint",
    "Damaged",
    "DataKey",
    "Outcome",
    "Provenance",
    "RunKey",
    "RunRecord",
    "TrialRecord",
]
