from .allocator import (
    keeping_freed_memory as keeping_freed_memory,
    return_freed_memory as return_freed_memory,
)
from .checkpoint import Checkpoints as Checkpoints
from .environment import device_model as device_model, provenance as provenance
from .evaluation import Evaluation as Evaluation, evaluate as evaluate
from .fits import kept_memory as kept_memory
from .loop import train as train
