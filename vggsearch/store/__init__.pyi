from .base import BaseLedger as BaseLedger, check_digest as check_digest
from .checkpoints import remove_checkpoints as remove_checkpoints
from .ledger import stands as stands
from .state import (
    ControllerState as ControllerState,
    PendingCandidate as PendingCandidate,
    RateChoice as RateChoice,
    Selection as Selection,
)
from .store import Store as Store, trial_order as trial_order
from .upkeep import (
    Finding as Finding,
    Kind as Kind,
    Repair as Repair,
    StudyFound as StudyFound,
    Survey as Survey,
    repair as repair,
    survey as survey,
)
