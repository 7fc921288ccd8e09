"""Memory that a training needs, in closed form: no tensor is built. No torch.

The prediction is the peak of a run, on top of what its process held before: the larger of a training step and
an evaluation. Both walk the layers of `expand` in the order in which they run.

**Forward**: every output that backward reads is kept.

| layer | what autograd keeps |
|---|---|
| convolution, linear | its input; under autocast also a bfloat16 copy of the weight |
| batch norm | its input, and the mean and deviation of every channel in float32 |
| ReLU, in place | its output, in the memory of its input; the next layer keeps the same |
| max-pool | its input, and an int64 index for each output |
| global average, flatten | nothing; flattening copies a channels-last image of more than one pixel |
| dropout | the mask, of the size and type of its input |
| loss | the logits, their log-probabilities in float32, and a byte for each image with label smoothing |

**Backward**, from the last layer to the first: a layer holds the gradients of its output, its input and its
weights and, on a CPU, weights in oneDNN's own order; then what it kept is released. Weight gradients stay
until the optimiser has used them, so that any layer may be the peak.

**Evaluation** keeps only the input and output of a layer, the input of its block and the batch, but its batch
may be larger than that of training.

Sources: `torch/csrc/autograd/derivatives.yaml` (what is kept), `torch/csrc/autograd/engine.cpp` (a node's
variables are released when it has run), `aten/src/ATen/native/mkldnn/Conv.cpp` and ideep (weights are
reordered for each pass, padded to 16 channels, and their gradient is reordered back); measured by
`tests/training_memory.py`. Not counted: freed memory that an allocator keeps, cuDNN's workspace, test images,
and checkpoints while they are written, which may take twice the parameters and momentum.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

from vggsearch.arch import Architecture, Layer, Shape, Task, expand
from vggsearch.costs import FLOAT_BYTES, layer_cost
from vggsearch.recipe import Recipe

EVALUATION_BATCH = 128
"""Batch size of an evaluation (`vggsearch.training.evaluation`)."""

INDEX_BYTES = 8
"""Bytes of an int64 index, of which a max-pool keeps one for each output."""

VECTOR = 16
"""oneDNN pads channels to a multiple of this on AVX-512: the float32 numbers in a register."""

KERNEL_BYTES = 400_000
"""Bytes that oneDNN keeps for each convolution, mostly generated machine code; chosen to fit measurements of
small nets (`tests/training_memory.py`)."""

IN_PLACE = frozenset({"relu", "leaky_relu"})
"""Activations that overwrite their input, and so take no memory of their own (`vggsearch.model`)."""

OUT_OF_MEMORY_MESSAGES = (
    "can't allocate memory",
    "bad_alloc",
    "not enough memory",
    "out of memory",
    "ALLOC_FAILED",
    "could not create a primitive",
)
"""Parts of the message of a RuntimeError from torch when memory runs out on a CPU or in a library that torch
calls. The last is oneDNN's under a limit of address space; our convolutions have no other reason for it."""


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out. Does not import torch."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(part in str(error) for part in OUT_OF_MEMORY_MESSAGES)


@dataclass(frozen=True, slots=True)
class TrainingMemory:
    """Bytes that a run needs on top of what its process held before."""

    parameters: int
    """Weights, biases, and the running statistics of batch norm."""
    optimizer_state: int
    copies: int
    """Copies of images, as passed in, and the kernels that oneDNN generates for convolutions."""
    saved: int
    """What autograd keeps between forward and backward, including the batch."""
    gradients: int
    """Gradients of all parameters."""
    step: int
    """Peak of a training step, in addition to parameters, momentum and copies."""
    step_at: str
    """Name of the layer at that peak, or `optimizer` or `batch`."""
    evaluation: int
    """Peak of an evaluation, in addition to the same."""

    @property
    def total(self) -> int:
        """Peak of the whole run."""
        return self.parameters + self.optimizer_state + self.copies + max(self.step, self.evaluation)


def training_memory(
    architecture: Architecture,
    task: Task,
    recipe: Recipe,
    *,
    device: Literal["cpu", "cuda"] = "cpu",
    image_shape: tuple[int, int, int] | None = None,
    copies: int = 0,
) -> TrainingMemory:
    """Memory for training `architecture` by `recipe` on `device`, for inputs (channels, height, width).

    `image_shape` is the shape of the data's images where they are resized to `input_shape`; `copies` are the
    bytes of the run's copies of the data. Raises `ArchitectureError` as `expand` does.
    """
    layers = expand(architecture, task)
    # On a CPU `fastest` may be either; float32 takes more.
    half = recipe.precision == "bfloat16" or (recipe.precision != "float32" and device == "cuda")
    loss = FLOAT_BYTES * task.num_classes + (1 if recipe.label_smoothing else 0)
    net = _Net(layers, loss, 2 if half else FLOAT_BYTES, architecture.activation, device == "cpu")
    weights = [FLOAT_BYTES * layer_cost(layer)[0] for layer in layers]
    statistics = sum(2 * FLOAT_BYTES * layer.out_shape[0] + 8 for layer in layers if layer.op == "norm")
    convolutions = sum(layer.op == "conv" for layer in layers)
    input_shape = task.input_shape
    image = prod(image_shape or input_shape)
    batch = _making(recipe.batch_size, image, prod(input_shape), image_shape not in (None, input_shape))
    moments = [("batch", batch), *net.step(recipe.batch_size, weights)]
    step_at, step = max(moments, key=lambda moment: moment[1])
    resized = _making(EVALUATION_BATCH, image, prod(input_shape), image_shape not in (None, input_shape))
    return TrainingMemory(
        parameters=sum(weights) + statistics,
        optimizer_state=recipe.state_copies * sum(weights),
        copies=copies + (KERNEL_BYTES * convolutions if device == "cpu" else 0),
        saved=net.saved(recipe.batch_size),
        gradients=sum(weights),
        step=step,
        step_at=step_at,
        evaluation=max(resized, net.evaluation(EVALUATION_BATCH)),
    )


def _making(batch_size: int, image: int, side: int, resized: bool) -> int:
    """Bytes held while a batch is made: its images twice as bytes, once as float32, and once resized."""
    return batch_size * (image * (2 + FLOAT_BYTES) + (FLOAT_BYTES * side if resized else 0))


@dataclass(frozen=True, slots=True)
class _Net:
    """The layers of a net and the size of their numbers."""

    layers: Sequence[Layer]
    loss: int
    """Bytes that the loss keeps for each image."""
    width: int
    """Bytes of one activation."""
    activation: str
    reorders: bool
    """Whether convolutions copy their weights into another order, as oneDNN does."""

    def output(self, i: int, batch: int) -> int:
        """Bytes that layer `i` allocates for its output."""
        layer = self.layers[i]
        in_place = layer.op == "activation" and self.activation in IN_PLACE
        if in_place or (layer.op == "flatten" and not _copies(layer.in_shape)):
            return 0
        return self.width * batch * prod(layer.out_shape)

    def kept_output(self, i: int, batch: int) -> int:
        """Bytes of that output kept for backward: 0 where the next layer does not keep its input."""
        if i + 1 == len(self.layers):
            return self.output(i, batch)
        following = self.layers[i + 1]
        lost = following.op in ("gap", "dropout") or (
            following.op == "flatten" and _copies(following.in_shape)
        )
        return 0 if lost else self.output(i, batch)

    def kept_extra(self, i: int, batch: int) -> int:
        """Bytes that layer `i` keeps in addition to inputs and outputs."""
        layer = self.layers[i]
        size = batch * prod(layer.out_shape)
        if layer.op == "pool":
            return INDEX_BYTES * size
        if layer.op == "dropout":
            return self.width * size
        if layer.op == "norm":
            return 2 * FLOAT_BYTES * layer.out_shape[0]
        if layer.op in ("conv", "linear") and self.width < FLOAT_BYTES:
            return self.width * (layer_cost(layer)[0] - layer.out_shape[0])  # the weight, without its bias
        return 0

    def batch(self, batch: int) -> int:
        """Bytes of the input images, and of their bfloat16 copy where there is one."""
        size = batch * prod(self.layers[0].in_shape)
        return FLOAT_BYTES * size + (self.width * size if self.width < FLOAT_BYTES else 0)

    def saved(self, batch: int) -> int:
        """Bytes kept between forward and backward."""
        kept = sum(self.kept_output(i, batch) + self.kept_extra(i, batch) for i in range(len(self.layers)))
        return self.batch(batch) + kept + self.loss * batch

    def step(self, batch: int, weights: Sequence[int]) -> Iterator[tuple[str, int]]:
        """(layer, bytes held) at each possible peak of a training step, last layer first."""
        held = self.saved(batch)
        gradient = self.output(len(self.layers) - 1, batch)
        gradients = 0
        for i in reversed(range(len(self.layers))):
            layer = self.layers[i]
            gradients += weights[i]
            view = layer.op == "flatten" or (layer.op == "conv" and i == 0)
            below = 0 if view else self.width * batch * prod(layer.in_shape)
            yield layer.name, held + gradients + gradient + below + 2 * self.reordered(layer)
            held -= self.kept_extra(i, batch) + (self.kept_output(i - 1, batch) if i else 0)
            if layer.op != "flatten":
                gradient = below
        yield "optimizer", held + gradients

    def evaluation(self, batch: int) -> int:
        """Peak bytes of an evaluation of `batch` images."""
        most, block = 0, 0
        fed = self.batch(batch)
        for i, layer in enumerate(self.layers):
            entering = self.width * batch * prod(layer.in_shape) if i else 0
            if i and layer.stage != self.layers[i - 1].stage:
                block = entering  # its module holds it until the block is finished
            first = i == 0 or layer.stage != self.layers[i - 1].stage
            extra = self.reordered(layer) + (self.kept_extra(i, batch) if layer.op == "pool" else 0)
            out = 0 if layer.op == "dropout" else self.output(i, batch)
            most = max(most, fed + block + (0 if first else entering) + out + extra)
        return most

    def reordered(self, layer: Layer) -> int:
        """Bytes of a convolution's weights in oneDNN's own order; 0 for other layers."""
        if not self.reorders or layer.op != "conv":
            return 0
        padded = [-(-channels // VECTOR) * VECTOR for channels in (layer.in_shape[0], layer.out_shape[0])]
        return self.width * layer.kernel_size**2 * prod(padded)


def _copies(image: Shape) -> bool:
    """Whether flattening a channels-last image of this shape copies it."""
    return image[0] > 1 and image[1] * image[2] > 1
