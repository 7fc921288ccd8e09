"""Parameters, MACs, activation bytes and receptive field, in closed form: no tensor is built.

Notation, per layer:

    k        kernel size (k×k)                 h, w     height and width of the output
    c_in     input channels                    c_out    output channels
    f_in     input features                    f_out    output features

    conv       (k² c_in + 1) c_out parameters          k² c_in c_out h w MACs
    norm       2 c_out parameters (running statistics are buffers, not parameters)
    linear     (f_in + 1) f_out parameters             f_in f_out MACs

MACs are the multiply-adds of one forward pass of one image; biases, pooling, ReLU and batch norm are not
counted; FLOPs are 2 MACs: the convention of `torch.utils.flop_counter`. `cost` walks the layers of one
architecture; `costs` sums the blocks of many at once. The receptive field is that of one unit of the last
feature map, after the last pool: r = 1 + Σ (k − 1) 2^s over convolutions + Σ 2^s over pools, of stages
s = 0, 1, … (vgg16: 212).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from vggsearch.arch import FASHION_MNIST, Architecture, Head, Layer, Task, expand

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Count = TypeVar("Count", int, IntArray)

METRICS = (
    "params",
    "conv_params",
    "norm_params",
    "head_params",
    "macs",
    "conv_macs",
    "head_macs",
    "activation_bytes",
    "receptive_field",
)
"""Names of the whole numbers that `cost` and `costs` give; a space may constrain each."""

FLOAT_BYTES = 4


def conv_params(kernel_size: Count, in_channels: Count, out_channels: Count) -> Count:
    """Weights and biases of a convolution; it has a bias before batch norm too, as in torchvision."""
    return (kernel_size * kernel_size * in_channels + 1) * out_channels


def conv_macs(kernel_size: Count, in_channels: Count, out_channels: Count, pixels: int) -> Count:
    """MACs of a convolution whose output has `pixels` positions."""
    return kernel_size * kernel_size * in_channels * out_channels * pixels


def linear_params(in_features: Count, out_features: int) -> Count:
    """Weights and biases of a linear layer."""
    return (in_features + 1) * out_features


@dataclass(frozen=True, slots=True)
class LayerCost:
    """Cost of one layer for one image."""

    layer: Layer
    params: int
    macs: int
    activation_bytes: int
    """float32 bytes of its output; 0 for ReLU (in place), dropout and flatten."""


@dataclass(frozen=True)
class Cost:
    """Cost of one architecture for one image."""

    architecture: Architecture = field(repr=False)
    task: Task = field(repr=False)
    params: int
    """conv_params + norm_params + head_params."""
    conv_params: int
    norm_params: int
    head_params: int
    """Parameters of the linear layers: 98 % of all in the d2l chapter's net."""
    macs: int
    """conv_macs + head_macs."""
    conv_macs: int
    head_macs: int
    activation_bytes: int
    """float32 bytes of the image and of all outputs of convolutions, norms, pools and linear layers."""
    receptive_field: int
    """Side in pixels of the part of the image that one unit of the last feature map sees."""

    @property
    def flops(self) -> int:
        """2 × MACs."""
        return 2 * self.macs

    @cached_property
    def layers(self) -> tuple[LayerCost, ...]:
        """Cost of each layer, in order; they sum to the totals, but for the bytes of the image."""
        layers = expand(self.architecture, self.task)
        return tuple(LayerCost(layer, *layer_cost(layer)) for layer in layers)


def layer_cost(layer: Layer) -> tuple[int, int, int]:
    """Parameters, MACs and activation bytes of one layer, for one image."""
    op, out = layer.op, layer.out_shape
    if op in ("activation", "dropout", "flatten"):
        return 0, 0, 0
    if op == "linear":
        features = layer.in_shape[0]
        return linear_params(features, out[0]), features * out[0], FLOAT_BYTES * out[0]
    if op == "gap":
        return 0, 0, FLOAT_BYTES * out[0]
    pixels = out[1] * out[2]
    size = FLOAT_BYTES * out[0] * pixels
    if op == "conv":
        k, c = layer.kernel_size, layer.in_shape[0]
        return conv_params(k, c, out[0]), conv_macs(k, c, out[0], pixels), size
    return (2 * out[0] if op == "norm" else 0), 0, size


def cost(architecture: Architecture, task: Task = FASHION_MNIST) -> Cost:
    """Cost of `architecture` for one image of `task`.

    Raises `ArchitectureError` where the image is too small for the number of blocks.
    """
    params = {"conv": 0, "norm": 0, "linear": 0}
    macs = {"conv": 0, "linear": 0}
    activation_bytes = FLOAT_BYTES * prod(task.input_shape)
    receptive_field, jump = 1, 1
    for layer in expand(architecture, task):
        op = layer.op
        layer_params, layer_macs, layer_bytes = layer_cost(layer)
        activation_bytes += layer_bytes
        if layer_params:
            params[op] += layer_params
        if layer_macs:
            macs[op] += layer_macs
        if op in ("conv", "pool"):
            receptive_field += (layer.kernel_size - 1) * jump
            jump *= layer.stride
    return Cost(
        architecture,
        task,
        params=sum(params.values()),
        conv_params=params["conv"],
        norm_params=params["norm"],
        head_params=params["linear"],
        macs=sum(macs.values()),
        conv_macs=macs["conv"],
        head_macs=macs["linear"],
        activation_bytes=activation_bytes,
        receptive_field=receptive_field,
    )


def costs(
    num_convs: IntArray,
    channels: IntArray,
    kernel_sizes: IntArray,
    batch_norm: BoolArray,
    heads: Sequence[Head],
    head: IntArray,
    task: Task,
) -> dict[str, IntArray]:
    """`METRICS` of N architectures of B blocks each, as arrays [N]; about a million architectures a second.

    `num_convs`, `channels` and `kernel_sizes` are [N, B] (one kernel size a block), `batch_norm` is [N], and
    `head` [N] indexes `heads`. The counts must stay below 2^63, as those of a `SearchSpace` do.
    """
    count, num_blocks = channels.shape
    in_channels = np.full(count, task.input_shape[0], dtype=np.int64)
    total = image_cost(task.input_shape)[:, np.newaxis].repeat(count, axis=1)
    for stage in range(num_blocks):
        total += block_costs(
            stage,
            num_convs[:, stage],
            in_channels,
            channels[:, stage],
            kernel_sizes[:, stage],
            batch_norm,
            task.input_shape,
        )
        in_channels = channels[:, stage]
    for i, one in enumerate(heads):
        rows = np.flatnonzero(head == i)
        total[:, rows] += head_costs(one, num_blocks, in_channels[rows], task)
    return dict(zip(METRICS, total, strict=True))


def image_cost(input_shape: tuple[int, int, int]) -> IntArray:
    """What a net costs before its first layer, [metric] as in `METRICS`: the image, which sees itself."""
    pixels = input_shape[0] * input_shape[1] * input_shape[2]
    return np.array([0, 0, 0, 0, 0, 0, 0, FLOAT_BYTES * pixels, 1], dtype=np.int64)


def block_costs(
    stage: int,
    num_convs: IntArray,
    in_channels: IntArray,
    channels: IntArray,
    kernel_size: IntArray,
    batch_norm: BoolArray,
    input_shape: tuple[int, int, int],
) -> IntArray:
    """What N blocks at depth `stage` (from 0) add to each metric, [metric, N] as in `METRICS`."""
    height, width = input_shape[1] >> stage, input_shape[2] >> stage
    pixels, pooled = height * width, (height // 2) * (width // 2)
    more = num_convs - 1
    params = conv_params(kernel_size, in_channels, channels) + more * conv_params(
        kernel_size, channels, channels
    )
    macs = conv_macs(kernel_size, in_channels + more * channels, channels, pixels)
    norm = 2 * channels * num_convs * batch_norm
    size = FLOAT_BYTES * channels * (pixels * num_convs * (1 + batch_norm) + pooled)
    field_growth = (num_convs * (kernel_size - 1) + 1) << stage
    none = np.zeros_like(macs)
    return np.stack([params + norm, params, norm, none, macs, macs, none, size, field_growth])


def head_costs(head: Head, num_blocks: int, channels: IntArray, task: Task) -> IntArray:
    """What `head` on N last blocks of `channels` adds to each metric, [metric, N] as in `METRICS`."""
    height, width = task.input_shape[1] >> num_blocks, task.input_shape[2] >> num_blocks
    pixels = height * width
    widths = (*head.hidden, task.num_classes)
    features = channels * pixels if head.hidden else channels
    params = linear_params(features, widths[0])
    macs = features * widths[0]
    size = FLOAT_BYTES * (sum(widths) + (0 if head.hidden else channels))
    for f_in, f_out in pairwise(widths):
        params = params + linear_params(f_in, f_out)
        macs = macs + f_in * f_out
    none = np.zeros_like(params)
    return np.stack([params, none, none, params, macs, none, macs, none + size, none])
