from .checkpoint import Checkpoints as Checkpoints
from .environment import device_model as device_model
from .fits import memory_policy as memory_policy
from .loop import train as train
from .remembered import Speeds as Speeds, choices_folder as choices_folder, measure_speeds as measure_speeds
from .weights import Weights as Weights, read_weights as read_weights
