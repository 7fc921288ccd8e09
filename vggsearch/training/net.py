"""The net of a run, made from its key for training."""

from collections import OrderedDict
from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from vggsearch.arch import Architecture
from vggsearch.data import SearchData, stream
from vggsearch.devices import traits
from vggsearch.model import build
from vggsearch.runs import RunKey
from vggsearch.training.narrow import NarrowBatchNorm, NarrowMaxPool, leave_biases
from vggsearch.training.weights import begin_with
from vggsearch.training.whitening import whiten


def make_net(
    key: RunKey,
    data: SearchData,
    device: torch.device,
    dropout: torch.Generator,
    layers: Literal["torch", "narrow"],
    initial: Mapping[str, Tensor] | None = None,
) -> nn.Sequential:
    """The net of `key` as it begins, on `device`, in training mode, in the device's memory format.

    `dropout` is the generator of dropout masks. Weights are drawn on the CPU, so that a seed gives the same
    net on every device, or are `initial`. `data` is only used where the recipe whitens.
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
    if initial is not None:
        begin_with(model, initial)
    elif recipe.initialization == "whitening":
        side = (key.input_shape[1], key.input_shape[2])
        whiten(model, data.train, mean=data.mean, std=data.std, side=side)
    pool_before_relu(model)
    channels_last = traits(device.type).channels_last
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    return model.to(memory_format=memory_format).to(device).train()


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
