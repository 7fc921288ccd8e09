"""Initialisation of the first convolution from the training images: it whitens their patches.

A patch is the input of a kernel: k × k pixels of all channels, d numbers. Neighbouring pixels are similar, so
a few of the d directions hold most of the variance; divided by its deviation, each has the same weight
(Coates, Ng, Lee 2011; as the first layer of a trained net, Page 2019 and Jordan 2024). Every direction is
used with both signs, because ReLU keeps only one side. Its effect is in docs/recipes.md.
"""

from math import prod

import torch
from torch import nn
from torch.nn import functional as F

from vggsearch.data import Images, evaluation_batches

PATCHES = 500_000
"""Approximate number of patches used, from images spread evenly over the training set."""

AT_ONCE = 16_384
"""Approximate number of patches in memory at once."""

EPS = 0.01
"""Number added to each variance, so that directions of almost no variance, which are noise, stay small."""


def whiten(
    model: nn.Module,
    images: Images,
    *,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    side: tuple[int, int],
) -> None:
    """Set the first convolution of `model` to the directions of most variance in the patches of `images`.

    The images are normalised and resized as in training. The work is done on the CPU, where the model is. Of
    C output channels, C // 2 but at most d become directions and as many their negatives; the other channels
    and the biases do not change.
    """
    convolution = next(layer for layer in model.modules() if isinstance(layer, nn.Conv2d))
    kernel_size = (convolution.kernel_size[0], convolution.kernel_size[1])
    pixels = side[0] * side[1]
    count = len(images.labels)
    some = min(count, -(-PATCHES // pixels))
    spread = torch.arange(some, device=images.labels.device) * count // some
    batches = evaluation_batches(
        Images(images.images[spread].cpu(), images.labels[spread].cpu()),
        batch_size=max(1, AT_ONCE // pixels),
        mean=mean,
        std=std,
        side=side,
        channels_last=False,
    )
    size = convolution.in_channels * prod(kernel_size)
    total, products = torch.zeros(size, dtype=torch.float64), torch.zeros(size, size, dtype=torch.float64)
    for x, _ in batches:
        patches = F.unfold(x, kernel_size, padding=kernel_size[0] // 2).transpose(1, 2).flatten(0, 1).double()
        total += patches.sum(0)
        products += patches.T @ patches
    mean_patch = total / (some * pixels)
    variances, directions = torch.linalg.eigh(products / (some * pixels) - mean_patch.outer(mean_patch))
    half = min(convolution.out_channels // 2, size)
    filters = (directions / (variances.clamp(min=0) + EPS).sqrt()).T.flip(0)[:half]
    with torch.no_grad():
        shape = (2 * half, *convolution.weight.shape[1:])
        convolution.weight[: 2 * half] = torch.cat((filters, -filters)).view(shape)
