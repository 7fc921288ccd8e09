"""What happened: the record of every run, and the ledger that keeps them.

Their tables are in `vggsearch.runs.frames`, which needs pandas and is not imported here.
"""

from vggsearch.runs.base import BaseLedger
from vggsearch.runs.ledger import FINAL, Ledger
from vggsearch.runs.record import CurvePoint, DataKey, Outcome, Provenance, RunKey, RunRecord, TrialRecord
from vggsearch.runs.sealed import Damaged

__all__ = [
    "FINAL",
    "BaseLedger",
    "CurvePoint",
    "Damaged",
    "DataKey",
    "Ledger",
    "Outcome",
    "Provenance",
    "RunKey",
    "RunRecord",
    "TrialRecord",
]
