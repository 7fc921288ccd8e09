"""The state of a training while it runs, made from its key and its data."""

import time
from dataclasses import dataclass

import torch
from torch import nn

from vggsearch.arch import Architecture
from vggsearch.costs import cost
from vggsearch.data import Images, SearchData, stream
from vggsearch.model import build
from vggsearch.recipe import total_steps
from vggsearch.runs import Outcome, RunKey
from vggsearch.training.choices import Choice, candidates
from vggsearch.training.curve import LearningCurve, Report, Stopped
from vggsearch.training.evaluation import Evaluation, Evaluator, evaluate, stratified_part
from vggsearch.training.meter import Meter
from vggsearch.training.narrow import NarrowBatchNorm, NarrowMaxPool, leave_biases
from vggsearch.training.optimizer import make_optimizer
from vggsearch.training.position import ResumableBatches
from vggsearch.training.whitening import whiten

CURVE_IMAGES = 1000
"""Validation images for all points of a curve but the last; all images would take a tenth of a run."""


@dataclass
class Training:
    """The parts and the counters of a training while it runs."""

    key: RunKey
    choice: Choice
    """The precision and the layers that it trains with."""
    model: nn.Module
    optimizer: torch.optim.Optimizer
    batches: ResumableBatches
    dropout: torch.Generator
    """Generator of dropout masks, if the net has dropout."""
    meter: Meter
    evaluator: Evaluator
    curve: LearningCurve
    curve_images: Images
    """Validation images on which all points of the curve but the last are measured."""
    deadline: float
    """Time of the monotonic clock after which the run ends as `timed_out`."""
    eval_s: float = 0.0
    """Wall seconds spent on evaluation so far."""

    @property
    def device(self) -> torch.device:
        """The device on which the run is trained."""
        return self.curve.loss.device

    def evaluate(self, images: Images) -> Evaluation:
        """Accuracy and loss on validation images; the training clock is paused meanwhile."""
        self.meter.pause()
        begun = time.monotonic()
        result = evaluate(self.evaluator, images)
        self.eval_s += time.monotonic() - begun
        return result

    def add_point(self, val: Evaluation) -> None:
        """Read the training loss and add a point to the curve; see `LearningCurve`."""
        self.curve.check_loss(self.key.num_classes)
        self.curve.add_point(val)

    def check_deadline(self) -> None:
        """Raise `Stopped` after the deadline."""
        if time.monotonic() > self.deadline:
            raise Stopped(
                Outcome.TIMED_OUT,
                f"not finished at its deadline, {self.meter.fraction:.0%} of {self.key.budget} spent",
            )


def set_up(
    key: RunKey,
    data: SearchData,
    device: torch.device,
    *,
    report: Report | None,
    deadline: float,
    choice: Choice | None = None,
) -> Training:
    """Make the model, optimiser, batches and budget of a run on `device`, which holds `data`.

    `choice` is one that the recipe permits, by default the plainest; `vggsearch.training.remembered.choose`
    measures which one is the fastest.
    """
    recipe, architecture = key.recipe, Architecture.parse(key.architecture)
    choice = choice or candidates(recipe, architecture, device)[0]
    narrow = choice.layers == "narrow"
    side = (key.input_shape[1], key.input_shape[2])
    dropout = stream(key.seed, "dropout", device)
    # Weights are drawn on the CPU, so that a seed gives the same initial net on every device.
    model: nn.Module = build(
        architecture,
        key.task,
        generator=stream(key.seed, "initialization", torch.device("cpu")),
        initialization="xavier" if recipe.initialization == "xavier" else "kaiming",
        dropout_generator=dropout,
        batch_norm=NarrowBatchNorm if narrow else nn.BatchNorm2d,
        max_pool=NarrowMaxPool if narrow else nn.MaxPool2d,
    )
    if narrow:
        leave_biases(model)
    if recipe.initialization == "whitening":
        whiten(model, data.train, mean=data.mean, std=data.std, side=side)
    model = model.to(device).to(memory_format=torch.channels_last).train()
    steps = total_steps(
        key.budget,
        steps_per_epoch=len(data.train.labels) // recipe.batch_size,
        macs_per_image=cost(architecture, key.task).macs,
        batch_size=recipe.batch_size,
    )
    meter = Meter(key.budget, steps, device)
    return Training(
        key=key,
        choice=choice,
        model=model,
        optimizer=make_optimizer(model, recipe),
        batches=ResumableBatches(
            data.train,
            batch_size=recipe.batch_size,
            mean=data.mean,
            std=data.std,
            side=side,
            shift_px=recipe.shift_px,
            flip=recipe.flip,
            order=stream(key.seed, "order", device),
            augment=stream(key.seed, "augmentation", device),
            channels_last=True,
        ),
        dropout=dropout,
        meter=meter,
        evaluator=Evaluator(
            model,
            data,
            side,
            torch.autocast(device.type, dtype=torch.bfloat16, enabled=choice.precision == "bfloat16"),
        ),
        curve_images=stratified_part(data.val, CURVE_IMAGES),
        curve=LearningCurve(torch.zeros((), device=device), meter, recipe.batch_size, report),
        deadline=deadline,
    )
