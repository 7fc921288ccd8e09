from .capacity import default_workers as default_workers, usable_cores as usable_cores
from .contract import (
    DeviceKind as DeviceKind,
    Event as Event,
    Executor as Executor,
    Finished as Finished,
    Progress as Progress,
)
from .devices import resolve_device as resolve_device
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
