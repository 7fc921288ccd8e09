from .capacity import default_workers as default_workers, usable_cores as usable_cores
<<<<<<< HEAD
from .contract import Event as Event, Executor as Executor, Finished as Finished, Progress as Progress
from .devices import DeviceKind as DeviceKind, resolve_device as resolve_device
=======
from .contract import (
    DeviceKind as DeviceKind,
    Event as Event,
    Executor as Executor,
    Finished as Finished,
    Progress as Progress,
)
>>>>>>> h-data
from .local import LocalExecutor as LocalExecutor
from .ray import RayExecutor as RayExecutor
from .registry import EXECUTORS as EXECUTORS, ExecutorFactory as ExecutorFactory
from .worker import (
    Report as Report,
    Trainer as Trainer,
    WorkerSetup as WorkerSetup,
    failure_record as failure_record,
)
