"""`Classifier`: the preprocessing and the net as one torch module, from bytes to logits."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vggsearch.arch import Architecture
from vggsearch.export.preprocess import Preprocess
from vggsearch.model import outline


class Normalize(nn.Module):
    """Bytes [N, C, H, W] -> the net's input, float32 [N, C, H', W']; the numbers of training."""

    scale: Tensor
    offset: Tensor

    def __init__(self, preprocess: Preprocess) -> None:
        super().__init__()
        mean, std = (torch.tensor(one, dtype=torch.float64) for one in (preprocess.mean, preprocess.std))
        self.register_buffer("scale", (1 / (255 * std)).float().view(1, -1, 1, 1), persistent=False)
        self.register_buffer("offset", (-mean / std).float().view(1, -1, 1, 1), persistent=False)
        self.side, self.shrinks = preprocess.side, preprocess.shrinks

    def forward(self, images: Tensor) -> Tensor:
        """Scale, shift, and resize if need be."""
        x = images.to(torch.float32) * self.scale + self.offset
        if self.side is not None:
            x = F.interpolate(x, self.side, mode="bilinear", antialias=self.shrinks)
        return x


class Classifier(nn.Module):
    """Images of bytes [N, C, H, W], of `preprocess.image_shape`, -> logits [N, number of classes].

    `normalize` makes the net's input, and `net` is the net as `vggsearch.model.outline` gives it.
    """

    def __init__(self, preprocess: Preprocess, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.normalize = Normalize(preprocess)
        self.net = outline(Architecture.parse(preprocess.architecture), preprocess.task)
        self.net.load_state_dict(weights, assign=True)
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """The logits of the images."""
        logits: Tensor = self.net(self.normalize(images))
        return logits


@torch.inference_mode()
def logits_of(module: nn.Module, images: Tensor, batch_size: int = 128) -> Tensor:
    """The logits [N, number of classes] of any number of images [N, C, H, W], a batch at a time."""
    starts = range(0, len(images), batch_size)
    return torch.cat([module(images[start : start + batch_size]) for start in starts])
