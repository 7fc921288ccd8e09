"""Weights under the names that torchvision's VGG gives them: `features.N`, `classifier.N`.

torchvision numbers the layers: all those of the blocks, activations and pools included, are `features`; the
linear layers with their activations and dropouts are `classifier`.
"""

from collections.abc import Mapping

from torch import Tensor

from vggsearch.arch import Architecture, Task, expand
from vggsearch.errors import WeightsError


def to_torchvision(
    tensors: Mapping[str, Tensor], architecture: Architecture, task: Task
) -> dict[str, Tensor]:
    """Rename the `state_dict` of a net to that of `torchvision.models`' VGG with the same layers.

    torchvision's pools average every image to 7×7 features before the classifier: it computes the same for
    inputs of 224×224. Raises `WeightsError` where a tensor is not the net's.
    """
    return _renamed(tensors, torchvision_layers(architecture, task))


def from_torchvision(
    tensors: Mapping[str, Tensor], architecture: Architecture, task: Task
) -> dict[str, Tensor]:
    """Rename the `state_dict` of a torchvision VGG to that of `architecture`; see `to_torchvision`."""
    return _renamed(
        tensors, {theirs: ours for ours, theirs in torchvision_layers(architecture, task).items()}
    )


def torchvision_layers(architecture: Architecture, task: Task) -> dict[str, str]:
    """The name in torchvision of each layer: `block1.conv1` is `features.0`."""
    found: dict[str, str] = {}
    for part, in_head in (("features", False), ("classifier", True)):
        layers = [layer for layer in expand(architecture, task) if (layer.stage is None) is in_head]
        numbered = [layer for layer in layers if layer.op not in ("flatten", "gap")]
        found |= {layer.name: f"{part}.{number}" for number, layer in enumerate(numbered)}
    return found


def _renamed(tensors: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        layer, _, kind = name.rpartition(".")
        if layer not in names:
            raise WeightsError(
                f"the weights must be those of the architecture, and {name[:60]!r} is none of them: give the "
                "architecture that they belong to"
            )
        renamed[f"{names[layer]}.{kind}"] = tensor
    return renamed
