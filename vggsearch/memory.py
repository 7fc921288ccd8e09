"""How much memory a training takes, in closed form: no tensor is built. No torch.

What is predicted is the most that a run uses at once, on top of what its process held before it: the larger
of a training step and an evaluation. Both walk the layers of `expand` in the order in which they run.

**Forward**, every output is kept where backward reads it:

| layer | what autograd keeps |
|---|---|
| convolution, linear | its input; the weight is a parameter already, or under autocast its bfloat16 copy |
| batch norm | its input, and the mean and deviation of every channel in float32 |
| ReLU, in place | its result, which is its input's memory and what the next layer keeps |
| max-pool | its input, and an int64 place for each output |
| global average, flatten | nothing; flattening copies a channels-last image of more than one pixel |
| dropout | the mask, as wide as what it masks |
| loss | the logits, their log-probabilities in float32, and a byte an image where labels are smoothed |

**Backward**, from the last layer to the first, a layer holds the gradient of its output and of its input, the
gradient of its weights and, on a CPU, weights in oneDNN's own order; then it lets go of what it kept. Weight
gradients stay until the optimiser has used them, so the peak may lie anywhere.

**Evaluation** keeps no more than a layer's input and output, the input of the block and the batch, but its
batch may be larger than training's.

Sources: `torch/csrc/autograd/derivatives.yaml` (what is kept), `torch/csrc/autograd/engine.cpp` (a node's
variables are released when it has run), `aten/src/ATen/native/mkldnn/Conv.cpp` and ideep (weights are
reordered for each pass, padded to 16 channels, and their gradient is reordered back); measured by
`tests/training_memory.py`. Not counted: what an allocator keeps of freed memory, cuDNN's workspace,
test images, and checkpoints while they are written, which may take twice the parameters and momentum.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

from vggsearch.arch import Architecture, Layer, Shape, expand
from vggsearch.cost import FLOAT_BYTES, layer_cost
from vggsearch.recipe import Recipe

EVALUATION_BATCH = 128
"""Images that are evaluated at once (`vggsearch.training.evaluation`)."""

INDEX_BYTES = 8
"""Of a max-pool's int64 place."""

VECTOR = 16
"""Channels that oneDNN pads to on AVX-512: float32 numbers in a register."""

KERNEL_BYTES = 400_000
"""What oneDNN keeps of a convolution, generated machine code above all; chosen so that small nets are met
(`tests/training_memory.py`)."""

NO_MEMORY = (
    "can't allocate memory",
    "bad_alloc",
    "not enough memory",
    "out of memory",
    "ALLOC_FAILED",
    "could not create a primitive",
)
"""What a RuntimeError of torch says where memory ran out on a CPU, or in a library that torch calls. The last
is oneDNN's, seen under a limit of address space; a convolution of ours has no other reason to fail so."""


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out; torch need not be there to ask."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY)


@dataclass(frozen=True, slots=True)
class TrainingMemory:
    """Bytes that a run takes on top of what its process held before it."""

    parameters: int
    """Weights, biases, and the running statistics of batch norm."""
    momentum: int
    copies: int
    """Images copied for batches and the like, as given, and the kernels generated for convolutions."""
    saved: int
    """What autograd keeps between forward and backward, the batch among it."""
    gradients: int
    """Of all parameters."""
    step: int
    """Most at once in a training step, beside parameters, momentum and copies."""
    step_at: str
    """Name of the layer where that is, or `optimizer` or `batch`."""
    evaluation: int
    """Most at once in an evaluation, beside the same."""

    @property
    def total(self) -> int:
        """The most that is in use at any moment."""
        return self.parameters + self.momentum + self.copies + max(self.step, self.evaluation)


def training_memory(
    architecture: Architecture,
    input_shape: tuple[int, int, int],
    num_classes: int,
    recipe: Recipe,
    *,
    device: Literal["cpu", "cuda"] = "cpu",
    image_shape: tuple[int, int, int] | None = None,
    copies: int = 0,
) -> TrainingMemory:
    """What training `architecture` by `recipe` takes on `device`, for inputs (channels, height, width).

    `image_shape` is what the data holds where that is resized to `input_shape`; `copies` are bytes that the
    run copies of the data. Raises `ArchitectureError` as `expand` does.
    """
    layers = expand(architecture, input_shape, num_classes)
    # `fastest` is either on a CPU: float32 takes more.
    half = recipe.precision == "bfloat16" or (recipe.precision != "float32" and device == "cuda")
    loss = FLOAT_BYTES * num_classes + (1 if recipe.label_smoothing else 0)
    net = _Net(layers, loss, 2 if half else FLOAT_BYTES, device == "cpu")
    weights = [FLOAT_BYTES * layer_cost(layer)[0] for layer in layers]
    statistics = sum(2 * FLOAT_BYTES * layer.out_shape[0] + 8 for layer in layers if layer.op == "norm")
    convolutions = sum(layer.op == "conv" for layer in layers)
    image = prod(image_shape or input_shape)
    batch = _making(recipe.batch_size, image, prod(input_shape), image_shape not in (None, input_shape))
    moments = [("batch", batch), *net.step(recipe.batch_size, weights)]
    step_at, step = max(moments, key=lambda moment: moment[1])
    resized = _making(EVALUATION_BATCH, image, prod(input_shape), image_shape not in (None, input_shape))
    return TrainingMemory(
        parameters=sum(weights) + statistics,
        momentum=sum(weights) if recipe.momentum else 0,
        copies=copies + (KERNEL_BYTES * convolutions if device == "cpu" else 0),
        saved=net.saved(recipe.batch_size),
        gradients=sum(weights),
        step=step,
        step_at=step_at,
        evaluation=max(resized, net.evaluation(EVALUATION_BATCH)),
    )


def _making(batch_size: int, image: int, side: int, resized: bool) -> int:
    """Bytes held while a batch is made: images as bytes, twice, once as float32, and as the net is fed."""
    return batch_size * (image * (2 + FLOAT_BYTES) + (FLOAT_BYTES * side if resized else 0))


@dataclass(frozen=True, slots=True)
class _Net:
    """The layers, and how wide their numbers are."""

    layers: Sequence[Layer]
    loss: int
    """Bytes that the loss keeps of an image."""
    width: int
    """Bytes of an activation."""
    reorders: bool
    """Whether convolutions copy their weights into an order of their own."""

    def output(self, i: int, batch: int) -> int:
        """Bytes that layer `i` allocates for its output."""
        layer = self.layers[i]
        if layer.op == "relu" or (layer.op == "flatten" and not _copies(layer.in_shape)):
            return 0
        return self.width * batch * prod(layer.out_shape)

    def kept_output(self, i: int, batch: int) -> int:
        """Of that, what stays for backward: all but what goes into a layer that keeps no input."""
        if i + 1 == len(self.layers):
            return self.output(i, batch)
        following = self.layers[i + 1]
        lost = following.op == "gap" or (following.op == "flatten" and _copies(following.in_shape))
        return 0 if lost else self.output(i, batch)

    def kept_beside(self, i: int, batch: int) -> int:
        """Bytes that layer `i` keeps beside inputs and outputs."""
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
        """Bytes of the images that are fed, and of their narrower copy where there is one."""
        size = batch * prod(self.layers[0].in_shape)
        return FLOAT_BYTES * size + (self.width * size if self.width < FLOAT_BYTES else 0)

    def saved(self, batch: int) -> int:
        """Bytes between forward and backward."""
        kept = sum(self.kept_output(i, batch) + self.kept_beside(i, batch) for i in range(len(self.layers)))
        return self.batch(batch) + kept + self.loss * batch

    def step(self, batch: int, weights: Sequence[int]) -> Iterator[tuple[str, int]]:
        """(where, bytes held) at the moments of a training step that may be its peak, last layer first."""
        held = self.saved(batch)
        gradient = self.output(len(self.layers) - 1, batch)
        gradients = 0
        for i in reversed(range(len(self.layers))):
            layer = self.layers[i]
            gradients += weights[i]
            view = layer.op == "flatten" or (layer.op == "conv" and i == 0)
            below = 0 if view else self.width * batch * prod(layer.in_shape)
            yield layer.name, held + gradients + gradient + below + 2 * self.reordered(layer)
            held -= self.kept_beside(i, batch) + (self.kept_output(i - 1, batch) if i else 0)
            if layer.op != "flatten":
                gradient = below
        yield "optimizer", held + gradients

    def evaluation(self, batch: int) -> int:
        """Most bytes at once in one evaluation of `batch` images."""
        most, block = 0, 0
        fed = self.batch(batch)
        for i, layer in enumerate(self.layers):
            going_in = self.width * batch * prod(layer.in_shape) if i else 0
            if i and layer.stage != self.layers[i - 1].stage:
                block = going_in  # its module holds it until the block is through
            first = i == 0 or layer.stage != self.layers[i - 1].stage
            beside = self.reordered(layer) + (self.kept_beside(i, batch) if layer.op == "pool" else 0)
            out = 0 if layer.op == "dropout" else self.output(i, batch)
            most = max(most, fed + block + (0 if first else going_in) + out + beside)
        return most

    def reordered(self, layer: Layer) -> int:
        """Bytes of a convolution's weights in oneDNN's own order."""
        if not self.reorders or layer.op != "conv":
            return 0
        padded = [-(-channels // VECTOR) * VECTOR for channels in (layer.in_shape[0], layer.out_shape[0])]
        return self.width * layer.kernel_size**2 * prod(padded)


def _copies(image: Shape) -> bool:
    """Whether flattening a channels-last image of this shape moves its numbers."""
    return image[0] > 1 and image[1] * image[2] > 1
