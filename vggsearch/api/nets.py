"""What a net costs, and the net itself."""

from typing import TYPE_CHECKING

from vggsearch.arch import FASHION_MNIST, ZOO, Architecture, Task, parse
from vggsearch.costs import Cost, cost as cost_of

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn


class NetCost(Cost):
    """Parameters, MACs and output shapes of a net, exact, in total and by layer."""

    def frame(self) -> "pd.DataFrame":
        """One row a layer: its name, operation, kernel size, output shape, parameters, MACs."""
        import pandas as pd

        return pd.DataFrame(
            {
                "layer": one.layer.name,
                "op": one.layer.op,
                "kernel_size": one.layer.kernel_size,
                "output_shape": one.layer.out_shape,
                "params": one.params,
                "macs": one.macs,
            }
            for one in self.layers
        )

    def __repr__(self) -> str:
        return (
            f"{self.architecture}: {self.params:,} parameters, {self.macs:,} MACs, "
            f"receptive field {self.receptive_field} pixels"
        )

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{self.frame().to_html(index=False)}"


def cost(architecture: str | Architecture, task: Task | None = None) -> NetCost:
    """What a net costs, in closed form, without building it.

    >>> import vggsearch as vs
    >>> vs.cost("vgg16").params
    138357544
    >>> vs.cost("1x16-1x32+bn+gap", vs.Task((3, 32, 32), 100)).macs
    1625216

    Args:
        architecture: Name of a published net (`vgg16`, `d2l-vgg11/4`) or text (`1x16-2x32k5+bn+gap`).
        task: Shape of the images and number of classes. By default those for which a named net was published;
            for a text (1, 28, 28) and 10.

    Raises:
        ArchitectureError: No net is named so, the text is not one, or the images are too small for it.
    """
    net, chosen = _net_and_task(architecture, task)
    found = cost_of(net, chosen)
    return NetCost(**{name: getattr(found, name) for name in found.__dataclass_fields__})


def build(architecture: str | Architecture, task: Task | None = None, *, seed: int = 0) -> "nn.Module":
    """Build a net as a plain torch module, with random weights.

    It maps images [N, C, H, W] to logits [N, num_classes].

    >>> import torch
    >>> import vggsearch as vs
    >>> net = vs.build("1x16-1x32+bn+gap")
    >>> net(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])

    Args:
        architecture: As in `cost`.
        task: As in `cost`.
        seed: The same seed gives the same weights. Nothing else draws from it.

    Raises:
        ArchitectureError: As in `cost`.
    """
    import torch

    from vggsearch.model import build as build_module

    net, chosen = _net_and_task(architecture, task)
    weights, dropout = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
    return build_module(net, chosen, generator=weights, initialization="kaiming", dropout_generator=dropout)


def _net_and_task(architecture: str | Architecture, task: Task | None) -> tuple[Architecture, Task]:
    if isinstance(architecture, Architecture):
        return architecture, task or FASHION_MNIST
    entry = ZOO.get(architecture.partition("/")[0])
    return parse(architecture), task or (entry.task if entry else FASHION_MNIST)
