"""Accuracy, balanced accuracy and the share of the largest class, in closed form; and what a record keeps."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from vggsearch.arch import Architecture, Task
from vggsearch.data import Images
from vggsearch.model import build
from vggsearch.recipe import Budget, Recipe
from vggsearch.runs import unpack_bits
from vggsearch.training.evaluation import Evaluation, Evaluator, fold
from vggsearch.training.loop import train
from vggsearch.training.setup import set_up

CPU = torch.device("cpu")


def answers(*classes: tuple[int, int]) -> Evaluation:
    """Of each class: so many images, of which so many right."""
    labels = np.repeat(np.arange(len(classes)), [size for size, _ in classes])
    correct = np.concatenate([np.arange(size) < right for size, right in classes])
    predicted = np.where(correct, labels, (labels + 1) % len(classes))
    return Evaluation.of(labels, predicted, np.ones(len(labels), np.float32), len(classes), loss=1.0)


@pytest.mark.parametrize(
    ("classes", "accuracy", "balanced", "majority"),
    [
        ([(97, 97), (1, 0), (1, 0), (1, 0)], 0.97, 1 / 4, 0.97),  # always the largest class
        ([(90, 81), (10, 5)], 0.86, (0.9 + 0.5) / 2, 0.9),
        ([(8, 4), (8, 8)], 12 / 16, 12 / 16, 1 / 2),  # even classes: the same number
        ([(3, 3), (0, 0), (1, 0)], 3 / 4, 1 / 2, 3 / 4),  # a class without images is left out
        ([(5, 5)], 1.0, 1.0, 1.0),
    ],
)
def test_balanced_accuracy_is_the_mean_of_the_classes_own(
    classes: list[tuple[int, int]], accuracy: float, balanced: float, majority: float
) -> None:
    found = answers(*classes)
    assert found.accuracy == pytest.approx(accuracy)
    assert found.balanced_accuracy == pytest.approx(balanced)
    assert found.majority == pytest.approx(majority)


@pytest.mark.parametrize(
    ("sizes", "uneven"),
    [((10, 10), False), ((14, 10), False), ((15, 10), True), ((3, 2), True), ((4, 0), True), ((7,), False)],
)
def test_classes_are_uneven_from_one_and_a_half_on(sizes: tuple[int, ...], uneven: bool) -> None:
    assert answers(*((size, 0) for size in sizes)).uneven is uneven


class Fixed(torch.nn.Module):
    """Answers with the logits that it was given, batch by batch."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits, self.told = logits, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.told += len(x)
        return self.logits[self.told - len(x) : self.told]


def test_class_probability_and_loss_are_those_of_the_logits(data, test_images):
    logits = 3 * torch.randn(120, 4, generator=torch.Generator().manual_seed(0))
    off = torch.autocast("cpu", enabled=False)
    found = Evaluator(Fixed(logits), data, (8, 8), off, batch_size=32)(test_images)
    assert found.labels.tolist() == test_images.labels.tolist()
    assert found.predicted.tolist() == logits.argmax(1).tolist()
    assert found.probability == pytest.approx(logits.softmax(1).amax(1).numpy())
    assert found.loss == pytest.approx(float(F.cross_entropy(logits, test_images.labels)))
    assert found.accuracy == float((logits.argmax(1) == test_images.labels).double().mean())


def test_a_tested_run_keeps_the_class_of_every_test_image(data, make_key, test_images):
    record = train(
        make_key(evaluate_on="test", budget=Budget(steps=4)), data, CPU, test_images=lambda: test_images
    )
    labels, predicted = record.test_classes()
    assert labels.tolist() == test_images.labels.tolist()
    assert (labels == predicted).tolist() == unpack_bits(record.test_correct, 120).tolist()
    assert 0 < len(record.test_predictions.surest) == min(20, (labels != predicted).sum())
    assert type(record).model_validate_json(record.model_dump_json()) == record


def test_a_run_that_is_not_tested_keeps_none(data, make_key):
    assert train(make_key(), data, CPU).test_predictions is None


def without(images: Images, label: int, kept: int) -> Images:
    """The images, with only the first `kept` of one class."""
    of = images.labels == label
    wanted = ~of | (torch.cumsum(of, 0) <= kept)
    return Images(images.images[wanted], images.labels[wanted])


ADDED = ("val_balanced_accuracy", "val_majority", "test_balanced_accuracy", "test_majority")


def test_even_classes_leave_no_trace_in_a_record(data, make_key, test_images):
    record = train(make_key(evaluate_on="test"), data, CPU, test_images=lambda: test_images)
    assert [getattr(record, name) for name in ADDED] == [None] * 4
    assert not any(name in record.model_dump_json() for name in ADDED)


def test_uneven_classes_are_recorded_for_the_part_that_has_them(data, make_key, test_images):
    few = without(test_images, 3, kept=10)  # 30, 30, 30, 10
    record = train(make_key(evaluate_on="test"), data, CPU, test_images=lambda: few)
    assert (record.val_balanced_accuracy, record.val_majority) == (None, None)
    assert record.test_majority == pytest.approx(30 / 100)
    assert 0 <= record.test_balanced_accuracy <= 1
    assert type(record).model_validate_json(record.model_dump_json()) == record


def test_where_validation_is_uneven_the_test_set_has_a_balanced_accuracy_too(data, make_key, test_images):
    rare = replace(data, val=without(data.val, 0, kept=8))  # 8, 40, 40, 40
    record = train(make_key(evaluate_on="test"), rare, CPU, test_images=lambda: test_images)
    assert record.val_majority == pytest.approx(40 / 128)
    assert record.val_balanced_accuracy is not None
    assert record.test_balanced_accuracy == pytest.approx(record.test_accuracy)  # even: the same number
    assert record.test_majority is None


@pytest.mark.parametrize("text", ["2x4-1x8+bn+gap", "1x4k5-2x6+bn+fc12", "1x4-1x8+gap"])
def test_a_folded_net_computes_what_the_net_does_without_batch_norm(text: str) -> None:
    generator = torch.Generator().manual_seed(0)
    task = Task((3, 9, 14), 7)
    net = build(Architecture.parse(text), task, generator=generator, initialization="kaiming").double()
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for tensor in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                nn.init.uniform_(tensor, 0.5, 2, generator=generator)
    net.eval()
    x = torch.rand(5, *task.input_shape, generator=generator, dtype=torch.float64)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with torch.inference_mode():
        folded = fold(net)
        torch.testing.assert_close(folded(x), net(x), rtol=1e-12, atol=1e-12)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded.modules())
    assert all(torch.equal(net.state_dict()[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize(
    ("precision", "folds"), [("auto", False), ("float32", False), ("bfloat16", False), ("fastest", True)]
)
def test_only_where_the_machine_chooses_is_a_net_folded(data, make_key, precision: str, folds: bool) -> None:
    key = make_key(recipe=Recipe(lr=0.1, batch_size=32, precision=precision))
    assert set_up(key, data, CPU, report=None, deadline=math.inf).evaluator.folds is folds
