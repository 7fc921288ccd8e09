"""A bare training loop, tuned by hand: what the framework around ours may cost is measured against it.

Everything that helps on a core is in it (images in memory as bytes, channels last, fused SGD, one thread,
gradients set to none); no curve, no checks, no budget, no records.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def train(model: nn.Module, images: Tensor, labels: Tensor, *, batch: int, steps: int, lr: float) -> None:
    """Train for `steps` batches of `batch` of the uint8 `images` [N, 1, H, W]."""
    weights = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": weights, "weight_decay": 5e-4}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=lr, momentum=0.9, nesterov=True, fused=True)
    order = torch.randperm(len(labels))
    mirrored = torch.rand(len(labels)) < 0.5
    flipped = images.flip(3)
    for step in range(steps):
        rows = order[step * batch : (step + 1) * batch]
        x = torch.where(mirrored[rows].view(-1, 1, 1, 1), flipped[rows], images[rows])
        x = x.float().mul_(1 / (255 * 0.353)).sub_(0.286 / 0.353)
        x = x.contiguous(memory_format=torch.channels_last)
        for group in optimizer.param_groups:
            group["lr"] = lr * (1 - step / steps)
        loss = F.cross_entropy(model(x), labels[rows], label_smoothing=0.1)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
