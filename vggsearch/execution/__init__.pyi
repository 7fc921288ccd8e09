from .capacity import default_workers as default_workers, usable_cores as usable_cores
from .contract import (
    Event as Event,
    Executor as Executor,
    Finished as Finished,
    Progress as Progress,
)
from .local import LocalExecutor as LocalExecutor
from .registry import EXECUTORS as EXECUTORS
from .worker import (
    Report as Report,
    Trainer as Trainer,
    WorkerSetup as WorkerSetup,
    failure_record as failure_record,
    make_trainer as make_trainer,
)
