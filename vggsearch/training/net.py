"""The net of a run, made from its key for training."""

from collections import OrderedDict
from itertools import pairwise
from typing import Literal

import torch
from torch import nn

from vggsearch.arch import Architecture
from vggsearch.data import SearchData, stream
from vggsearch.model import build
from vggsearch.runs import RunKey
from vggsearch.training.narrow import NarrowBatchNorm, NarrowMaxPool, leave_biases
from vggsearch.training.whitening import whiten


def make_net(
    key: RunKey, data: SearchData, dropout: torch.Generator, layers: Literal["torch", "narrow"]
) -> nn.Sequential:
    """The net of `key` as it begins, on the device of `dropout`, in training mode, channels last.

    `dropout` is the generator of dropout masks. Weights are drawn on the CPU, so that a seed gives the same
    net on every device. `data` is only used where the recipe whitens.
    """
    recipe, narrow = key.recipe, layers == "narrow"
    model = build(
        Architecture.parse(key.architecture),
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
        side = (key.input_shape[1], key.input_shape[2])
        whiten(model, data.train, mean=data.mean, std=data.std, side=side)
    pool_before_relu(model)
    return model.to(dropout.device).to(memory_format=torch.channels_last).train()


def pool_before_relu(model: nn.Sequential) -> None:
    """Make max-pool come before the ReLU in front of it, which then has a quarter of the numbers to do.

    This changes no bit, forward or backward. ReLU keeps the largest number of a window, and which one it is,
    unless it is at most 0; then the gradient is 0 in either order.
    """
    for name, stage in model.named_children():
        layers = list(stage.named_children())
        for i, ((_, first), (_, second)) in enumerate(pairwise(tuple(layers))):
            if isinstance(first, nn.ReLU) and isinstance(second, nn.MaxPool2d):
                layers[i], layers[i + 1] = layers[i + 1], layers[i]
        model.set_submodule(name, nn.Sequential(OrderedDict(layers)))
