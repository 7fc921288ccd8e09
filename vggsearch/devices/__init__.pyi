from .accelerator import (
    backend_of as backend_of,
    device_count as device_count,
    resolve_device as resolve_device,
    worker_device as worker_device,
)
from .kinds import DeviceKind as DeviceKind, traits as traits
