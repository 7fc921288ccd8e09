from .capacity import default_workers as default_workers, usable_cores as usable_cores
from .contract import (
    Event as Event,
    Executor as Executor,
    Finished as Finished,
    KeepWeights as KeepWeights,
    Progress as Progress,
    keeps_weights as keeps_weights,
)
from .local import LocalExecutor as LocalExecutor
from .registry import EXECUTORS as EXECUTORS
from .replay import ReplayExecutor as ReplayExecutor
from .worker import (
    Report as Report,
    Trainer as Trainer,
    WorkerSetup as WorkerSetup,
    failure_record as failure_record,
    make_trainer as make_trainer,
)
