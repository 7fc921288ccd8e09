from .base import (
    BaseLedger as BaseLedger,
    check_digest as check_digest,
    decode_record as decode_record,
    encode_record as encode_record,
    is_kept as is_kept,
)
from .checkpoints import remove_checkpoints as remove_checkpoints
from .layout import handed_over as handed_over, weights_path as weights_path
from .memory import MemoryLedger as MemoryLedger, MemoryStore as MemoryStore
from .state import (
    Options as Options,
    PendingCandidate as PendingCandidate,
    RateChoice as RateChoice,
    Selection as Selection,
)
from .store import Store as Store, trial_order as trial_order
from .upkeep import (
    Problem as Problem,
    ProblemKind as ProblemKind,
    Repair as Repair,
    StudySurvey as StudySurvey,
    Survey as Survey,
    repair as repair,
    survey as survey,
)
