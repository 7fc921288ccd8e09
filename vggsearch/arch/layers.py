"""The expansion of an architecture into layers, shared by cost and model.

A layer here is a description: its operation, its input shape and its output shape. Shapes are (channels,
height, width) for images and (features,) after flattening, without the batch dimension.
"""

from dataclasses import dataclass
from typing import Literal

from vggsearch.arch.spec import Architecture
from vggsearch.arch.task import MAX_SIDE, Task
from vggsearch.errors import ArchitectureError

Shape = tuple[int, ...]
Op = Literal["conv", "norm", "activation", "pool", "gap", "flatten", "linear", "dropout"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of an expanded architecture."""

    name: str
    """Name, unique in the net: `block1.conv1`, `block1.pool`, `head.linear3`."""
    op: Op
    stage: int | None
    """Index of its block, from 0; None in the head."""
    in_shape: Shape
    out_shape: Shape
    kernel_size: int = 1
    """Kernel size of a convolution or a pool; 1 for other layers."""
    stride: int = 1


def expand(architecture: Architecture, task: Task) -> tuple[Layer, ...]:
    """Every layer of `architecture` for `task`, in order.

    Convolutions have stride 1 and half their kernel as padding; each is followed by (batch norm and) ReLU;
    each block ends in a 2×2 stride-2 max-pool that drops an odd last row or column. Raises
    `ArchitectureError` where the image is too small for the number of blocks.
    """
    num_blocks, most = len(architecture.blocks), task.max_blocks
    if num_blocks > most:
        remedies = [f"at most {most} blocks"] if most else []
        if 2**num_blocks <= MAX_SIDE:
            remedies.append(f"an input of at least {2**num_blocks} pixels")
        raise ArchitectureError(
            f"{num_blocks} blocks halve a side of {min(task.input_shape[1:])} pixels {num_blocks} times, and "
            f"only {most} fit: use {', or '.join(remedies)}"
        )
    layers: list[Layer] = []
    activation = architecture.activation
    shape: Shape = task.input_shape
    for stage, block in enumerate(architecture.blocks):
        name = f"block{stage + 1}"
        for i, kernel_size in enumerate(block.kernel_sizes, start=1):
            out_shape: Shape = (block.channels, *shape[1:])
            layers.append(Layer(f"{name}.conv{i}", "conv", stage, shape, out_shape, kernel_size))
            if architecture.batch_norm:
                layers.append(Layer(f"{name}.norm{i}", "norm", stage, out_shape, out_shape))
            layers.append(Layer(f"{name}.{activation}{i}", "activation", stage, out_shape, out_shape))
            shape = out_shape
        pooled = (shape[0], shape[1] // 2, shape[2] // 2)
        layers.append(Layer(f"{name}.pool", "pool", stage, shape, pooled, kernel_size=2, stride=2))
        shape = pooled
    return (*layers, *_head(architecture, shape, task.num_classes))


def _head(architecture: Architecture, shape: Shape, num_classes: int) -> list[Layer]:
    channels, height, width = shape
    hidden = architecture.head.hidden
    features: Shape = (channels * height * width,) if hidden else (channels,)
    layers = [
        Layer("head.flatten" if hidden else "head.gap", "flatten" if hidden else "gap", None, shape, features)
    ]
    for i, units in enumerate(hidden, start=1):
        layers += [
            Layer(f"head.linear{i}", "linear", None, features, (units,)),
            Layer(f"head.{architecture.activation}{i}", "activation", None, (units,), (units,)),
            Layer(f"head.dropout{i}", "dropout", None, (units,), (units,)),
        ]
        features = (units,)
    return [*layers, Layer(f"head.linear{len(hidden) + 1}", "linear", None, features, (num_classes,))]
