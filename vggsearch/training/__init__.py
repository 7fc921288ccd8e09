"""Training one architecture under a budget: (`RunKey`, data) -> `RunRecord`."""

from vggsearch.training.checkpoint import Checkpoints
from vggsearch.training.evaluation import Evaluation, evaluate
from vggsearch.training.loop import train
from vggsearch.training.provenance import device_model, provenance

__all__ = ["Checkpoints", "Evaluation", "device_model", "evaluate", "provenance", "train"]
