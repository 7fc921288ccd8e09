"""Accuracy and loss on held-out images.

`evaluate` is for validation images, throughout a study. `final_test` is the only function that gives a model
test images; it refuses a run that was not selected for that before it started (`RunKey.evaluate_on`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vggsearch.data import Images, SearchData, evaluation_batches
from vggsearch.devices import traits
from vggsearch.runs import RunKey

UNEVEN = 1.5
"""Classes are uneven where the largest has at least so many times the images of the smallest."""


@dataclass(frozen=True)
class Evaluation:
    """Results of a model on n images of k classes."""

    accuracy: float
    """Fraction of images whose most likely class is the right one."""
    loss: float
    """Mean cross-entropy in nats, without label smoothing."""
    labels: npt.NDArray[np.int64]
    """Shape (n,): the true class of each image, in the order of the images."""
    predicted: npt.NDArray[np.int64]
    """Shape (n,): the most likely class of each image."""
    probability: npt.NDArray[np.float32]
    """Shape (n,): the probability of that class."""
    class_sizes: npt.NDArray[np.int64]
    """Shape (k,): images of each class."""
    class_correct: npt.NDArray[np.int64]
    """Shape (k,): how many of these are right."""

    @classmethod
    def of(
        cls,
        labels: npt.NDArray[np.int64],
        predicted: npt.NDArray[np.int64],
        probability: npt.NDArray[np.float32],
        num_classes: int,
        loss: float,
    ) -> Self:
        """The results where the images have these labels."""
        correct = labels == predicted
        sizes = np.bincount(labels, minlength=num_classes)
        right = np.bincount(labels[correct], minlength=len(sizes))
        return cls(float(correct.mean()), loss, labels, predicted, probability, sizes, right)

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Shape (n,): whether the prediction for each image is right."""
        return np.equal(self.labels, self.predicted)

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the classes' own accuracies; classes without images are left out."""
        present = self.class_sizes > 0
        return float((self.class_correct[present] / self.class_sizes[present]).mean())

    @property
    def majority(self) -> float:
        """Share of the largest class: the accuracy of a model that always names it."""
        return float(self.class_sizes.max() / self.class_sizes.sum())

    @property
    def uneven(self) -> bool:
        """Whether the largest class has at least `UNEVEN` times the images of the smallest."""
        return bool(self.class_sizes.max() >= UNEVEN * self.class_sizes.min())


@dataclass(frozen=True)
class Evaluator:
    """Evaluates a model on held-out images, normalised and resized as in training, not augmented."""

    model: nn.Module
    data: SearchData
    side: tuple[int, int]
    """(height, width) of the net's input."""
    autocast: torch.autocast
    batch_size: int = 128
    """Small enough for a core's cache; larger on a GPU."""
    folds: bool = False
    """Whether batch norm is folded into convolutions, which computes less and changes results in rounding."""

    def __call__(self, images: Images) -> Evaluation:
        """Evaluate on `images`, which are on the model's device; leaves the model in training mode."""
        batches = evaluation_batches(
            images,
            batch_size=self.batch_size,
            mean=self.data.mean,
            std=self.data.std,
            side=self.side,
            channels_last=traits(images.images.device.type).channels_last,
        )
        self.model.eval()
        net = fold(self.model) if self.folds else self.model
        predicted: list[Tensor] = []
        probability: list[Tensor] = []
        loss = torch.zeros((), device=images.images.device)
        with torch.inference_mode(), self.autocast:
            for x, y in batches:
                logits = net(x).float()
                log_p = F.log_softmax(logits, dim=1)
                predicted.append(logits.argmax(1))
                probability.append(log_p.amax(1).exp())
                loss += F.nll_loss(log_p, y, reduction="sum")
        self.model.train()
        return Evaluation.of(
            images.labels.cpu().numpy().astype(np.int64),
            torch.cat(predicted).cpu().numpy(),
            torch.cat(probability).cpu().numpy(),
            self.data.num_classes,
            float(loss) / len(images.labels),
        )


def evaluate(evaluator: Evaluator, images: Images) -> Evaluation:
    """Evaluate on validation images."""
    return evaluator(images)


def final_test(key: RunKey, evaluator: Evaluator, test_images: Callable[[], Images]) -> Evaluation:
    """Evaluate on the test set, once, for a run selected before it started; ValueError for any other."""
    if key.evaluate_on != "test":
        raise ValueError(
            f"run {key.digest[:12]} is evaluated on validation images and may not use the test images"
        )
    return evaluator(test_images())


def fold(model: nn.Module) -> nn.Sequential:
    """The layers of `model` (`vggsearch.model.build`), each batch norm folded into the convolution before it.

    `model` is in evaluation mode and is not changed: these convolutions are copies.
    """
    layers: list[nn.Module] = []
    for layer in (layer for stage in model.children() for layer in stage.children()):
        if isinstance(layer, nn.BatchNorm2d) and isinstance(layers[-1], nn.Conv2d):
            layers[-1] = fuse_conv_bn_eval(layers[-1], layer)
        else:
            layers.append(layer)
    return nn.Sequential(*layers)


def stratified_part(images: Images, size: int) -> Images:
    """At most `size` of the images, always the same, in the classes' proportions to within one image."""
    count = len(images.labels)
    if count <= size:
        return images
    by_class = torch.argsort(images.labels, stable=True)
    picked = by_class[torch.arange(size, device=by_class.device) * count // size].sort().values
    return Images(images.images[picked], images.labels[picked])
