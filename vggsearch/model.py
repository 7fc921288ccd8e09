"""An architecture as a torch module, built from the same layers that `vggsearch.costs` counts.

Nothing here uses torch's global random state: weights come from one generator, dropout masks from another.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor, nn

from vggsearch.arch import DROPOUT, Architecture, Layer, Task, expand

Initialization = Literal["kaiming", "xavier"]

LINEAR_STD = 0.01
"""Standard deviation of linear weights under `kaiming` (Simonyan & Zisserman 2014, §3.1; torchvision)."""


class Dropout(nn.Module):
    """Inverted dropout whose mask is drawn from its own generator.

    The generator is on the device of the inputs. Register it with `CUDAGraph.register_generator_state` before
    a CUDA graph is captured. Without a generator the module can only evaluate: a forward pass in training
    mode raises RuntimeError.
    """

    def __init__(self, p: float, generator: torch.Generator | None) -> None:
        super().__init__()
        self.p = p
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        """Zero each element with probability `p`, scale the rest by 1/(1 - p); the identity in eval mode."""
        if not self.training:
            return x
        if self.generator is None:
            raise RuntimeError("dropout in training needs a generator: pass dropout_generator to build")
        keep = torch.empty_like(x).bernoulli_(1 - self.p, generator=self.generator)
        return x * keep.div_(1 - self.p)

    def extra_repr(self) -> str:
        """Text for `print(model)`."""
        return f"p={self.p}"


class GlobalAveragePool(nn.Module):
    """Mean over height and width: [N, C, H, W] -> [N, C]."""

    def forward(self, x: Tensor) -> Tensor:
        """The mean of every channel."""
        return x.mean((2, 3))


ACTIVATION_MODULES: Mapping[str, Callable[[], nn.Module]] = MappingProxyType(
    {
        "relu": lambda: nn.ReLU(inplace=True),
        "leaky_relu": lambda: nn.LeakyReLU(inplace=True),
        "gelu": nn.GELU,
        "silu": nn.SiLU,
    }
)
"""By the names in `vggsearch.arch.ACTIVATIONS`. `vggsearch.memory.IN_PLACE` says which of them work in
place."""


def build(
    architecture: Architecture,
    task: Task,
    *,
    generator: torch.Generator,
    initialization: Initialization,
    dropout_generator: torch.Generator | None = None,
    batch_norm: type[nn.BatchNorm2d] = nn.BatchNorm2d,
    max_pool: type[nn.MaxPool2d] = nn.MaxPool2d,
) -> nn.Sequential:
    """Build `architecture` for images of `input_shape` (channels, height, width).

    The result maps [N, C, H, W] to logits [N, num_classes]. It is a `Sequential` of the stages `block1`,
    `block2`, ... and `head`. Each stage is a `Sequential` of layers named as in `Layer.name`, so that
    `state_dict` keys read `block1.conv1.weight`. Convolutions have a bias before batch norm too, as in
    torchvision's VGG. Parameters are float32, on the device of `generator`, drawn from it in the order of the
    layers. `dropout_generator` is on the device of training; only nets with an `fc` head need it, and only
    to train. `batch_norm` and `max_pool` are the module classes of those layers. Raises `ArchitectureError`
    as `expand` does.
    """
    stages: dict[str, nn.Sequential] = {}
    for layer in expand(architecture, task):
        stage, name = layer.name.split(".")
        module = _module(
            layer, architecture.activation, generator.device, dropout_generator, batch_norm, max_pool
        )
        _initialize(module, initialization, generator)
        stages.setdefault(stage, nn.Sequential()).add_module(name, module)
    model = nn.Sequential()
    for stage, modules in stages.items():
        model.add_module(stage, modules)
    return model


def _module(
    layer: Layer,
    activation: str,
    device: torch.device,
    dropout_generator: torch.Generator | None,
    batch_norm: type[nn.BatchNorm2d],
    max_pool: type[nn.MaxPool2d],
) -> nn.Module:
    """The module of one layer, its convolution or linear weights uninitialised.

    They are made on the meta device, because the constructors would draw them from the global generator.
    """
    fan_in, fan_out = layer.in_shape[0], layer.out_shape[0]
    match layer.op:
        case "conv":
            conv = nn.Conv2d(
                fan_in, fan_out, layer.kernel_size, padding=layer.kernel_size // 2, device="meta"
            )
            return conv.to_empty(device=device)
        case "norm":
            return batch_norm(fan_in, device=device)
        case "activation":
            return ACTIVATION_MODULES[activation]()
        case "pool":
            return max_pool(layer.kernel_size, layer.stride)
        case "gap":
            return GlobalAveragePool()
        case "flatten":
            return nn.Flatten()
        case "linear":
            return nn.Linear(fan_in, fan_out, device="meta").to_empty(device=device)
        case "dropout":
            return Dropout(DROPOUT, dropout_generator)


def _initialize(module: nn.Module, initialization: Initialization, generator: torch.Generator) -> None:
    """Draw the weights of a convolution or a linear layer from `generator`; set its bias to 0."""
    if not isinstance(module, nn.Conv2d | nn.Linear):
        return
    if initialization == "xavier":
        nn.init.xavier_uniform_(module.weight, generator=generator)
    elif isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu", generator=generator)
    else:
        nn.init.normal_(module.weight, std=LINEAR_STD, generator=generator)
    if module.bias is not None:
        nn.init.zeros_(module.bias)
