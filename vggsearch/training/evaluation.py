"""Accuracy and loss on held-out images.

`evaluate` is used on validation images all through a study. `final_test` is the one place where a model meets
test images, and it refuses a run that was not selected before it began (`RunKey.evaluate_on`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vggsearch.data import Images, SearchData, evaluation_batches
from vggsearch.runs import RunKey


@dataclass(frozen=True)
class Evaluation:
    """What a model does on n images."""

    accuracy: float
    """Fraction of images whose class is the most likely one."""
    loss: float
    """Mean cross-entropy in nats, without label smoothing."""
    correct: npt.NDArray[np.bool_]
    """Shape (n,): whether each image is right, in the images' order."""


@dataclass(frozen=True)
class Evaluator:
    """How a run looks at held-out images: normalised and resized as in training, not augmented."""

    model: nn.Module
    data: SearchData
    side: tuple[int, int]
    """(height, width) that the net is fed."""
    autocast: torch.autocast
    batch_size: int = 128
    """Small enough for a core's cache; a GPU takes more."""

    def __call__(self, images: Images) -> Evaluation:
        """Evaluate on `images`, which lie on the model's device; the model is left in training mode."""
        batches = evaluation_batches(
            images,
            batch_size=self.batch_size,
            mean=self.data.mean,
            std=self.data.std,
            side=self.side,
            channels_last=True,
        )
        self.model.eval()
        correct: list[Tensor] = []
        loss = torch.zeros((), device=images.images.device)
        with torch.inference_mode(), self.autocast:
            for x, y in batches:
                logits = self.model(x)
                correct.append(logits.argmax(1) == y)
                loss += F.cross_entropy(logits.float(), y, reduction="sum")
        self.model.train()
        right: npt.NDArray[np.bool_] = torch.cat(correct).cpu().numpy()
        return Evaluation(float(right.mean()), float(loss) / len(right), right)


def evaluate(evaluator: Evaluator, images: Images) -> Evaluation:
    """Evaluate on validation images."""
    return evaluator(images)


def final_test(key: RunKey, evaluator: Evaluator, test_images: Callable[[], Images]) -> Evaluation:
    """Read the test set, once, for a run selected before it began; raises ValueError for any other."""
    if key.evaluate_on != "test":
        raise ValueError(f"run {key.digest[:12]} searches on validation and may not see the test images")
    return evaluator(test_images())


def stratified_part(images: Images, size: int) -> Images:
    """At most `size` of the images, the same share of every class to within one, always the same ones."""
    count = len(images.labels)
    if count <= size:
        return images
    by_class = torch.argsort(images.labels, stable=True)
    picked = by_class[torch.arange(size, device=by_class.device) * count // size].sort().values
    return Images(images.images[picked], images.labels[picked])
