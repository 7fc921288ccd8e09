from .contract import Event as Event, Executor as Executor, Finished as Finished, Progress as Progress
from .local import LocalExecutor as LocalExecutor
from .ray import RayExecutor as RayExecutor
from .worker import (
    Report as Report,
    Trainer as Trainer,
    WorkerSetup as WorkerSetup,
    failure_record as failure_record,
)
