"""Layers for nets of few channels on a CPU; their results equal PyTorch's up to rounding.

PyTorch's kernels for channels-last images process the channels of one pixel at a time, and a vector register
holds 16 numbers or more. With 4 channels most of the time is spent on partly filled registers.

**Batch norm** in training treats k adjacent pixels as one pixel of k C channels, with the same kernels, and
combines the k statistics of each channel: their mean, and the mean of their variances plus the variance of
their means (Chan, Golub, LeVeque 1979, for parts of one size). **Max-pool** of bfloat16 is computed in
float32, which has kernels for half a register; where windows do not overlap, this changes no bit. The
**bias** in front of batch norm is not trained.

| notation | |
|---|---|
| x, y | one channel before and after batch norm, over the n pixels of a batch: y = weight x̂ + bias |
| x̂ | (x - mean) / deviation, where deviation = sqrt(variance + eps) |
| g | gradient of the loss by y; by the weight it is Σ g x̂, by the bias Σ g |
| by x | weight / deviation (g - Σ g / n - x̂ Σ g x̂ / n) (Ioffe & Szegedy 2015, §3), written a g + b x + c |

Measured gains: docs/performance.md.
"""

import functools
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction, FunctionCtx, once_differentiable

VECTOR = 16
"""float32 numbers in a register of AVX-512."""

WIDTH = 256
"""Most channels that pixels are joined to; more gain nothing."""

LEAST = 12_000
"""Fewest pixels in a batch for which joining makes up for its forty small operations."""


class NarrowBatchNorm(nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d`, with pixels joined where that is faster."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise [N, C, H, W]; in training, update the running statistics."""
        mean, variance, momentum = self.running_mean, self.running_var, self.momentum
        if (
            not self.training
            or not _narrow(x)
            or x.numel() < LEAST * x.shape[1]
            or mean is None
            or variance is None
            or momentum is None
            or not self.affine
        ):
            return super().forward(x)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        y: Tensor = _Joined.apply(x, self.weight, self.bias, mean, variance, momentum, self.eps)
        return y


class NarrowMaxPool(nn.MaxPool2d):
    """`torch.nn.MaxPool2d`, computed in float32 where that is faster."""

    def forward(self, x: Tensor) -> Tensor:
        """Pool [N, C, H, W]."""
        by_float = x.dtype == torch.bfloat16 and _narrow(x)
        y: Tensor = super().forward(x.float() if by_float else x)
        return y.bfloat16() if by_float else y


def leave_biases(model: nn.Module) -> None:
    """Do not train the bias of a convolution that batch norm follows.

    Batch norm subtracts the mean and with it the bias, whose gradient is therefore 0; in floating point it
    would be a sum over the batch of terms that cancel.
    """
    for layer, following in pairwise(model.modules()):
        if isinstance(layer, nn.Conv2d) and isinstance(following, nn.BatchNorm2d) and layer.bias is not None:
            layer.bias.requires_grad_(False)


def leaves_registers_empty(channels: int) -> bool:
    """Whether so many channels leave much of a vector register empty: where these layers are used."""
    return channels < 2 * VECTOR and channels % VECTOR != 0


def _narrow(x: Tensor) -> bool:
    """Whether these layers are used for [N, C, H, W]: few channels, channels last, on a CPU."""
    return (
        x.device.type == "cpu"
        and leaves_registers_empty(x.shape[1])
        and x.is_contiguous(memory_format=torch.channels_last)
    )


class _Joined(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        running_mean: Tensor,
        running_variance: Tensor,
        momentum: float,
        eps: float,
    ) -> Tensor:
        channels = x.shape[1]
        k = _pixels_a_row(x.numel() // channels, channels)
        rows, constants = _fold(x, k), _constants(k, channels, weight.dtype)
        # With running statistics given, which are not used, the statistics of bfloat16 are float32.
        unused = weight.new_zeros(2, k * channels)
        means, variances = torch.batch_norm_update_stats(rows, unused[0], unused[1], 0.0)
        means, variances = means.view(k, channels), variances.view(k, channels)
        mean = means.sum(0) / k
        apart = means - mean
        variance = torch.addcmul(variances, apart, apart).sum(0) / k
        n = x.numel() // channels
        running_mean.lerp_(mean, momentum)
        running_variance.lerp_(variance * (n / (n - 1)), momentum)
        inverse = (variance + eps).rsqrt_()
        scale = weight * inverse
        ctx.save_for_backward(x, scale, mean, inverse)
        shift = torch.addcmul(bias, mean, scale, value=-1)
        y = torch.empty_like(x)  # its own tensor, not a view: ReLU changes it in place
        _affine(rows, constants.repeat(scale), constants.repeat(shift), constants, out=_fold(y, k))
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: BackwardCFunction, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, scale, mean, inverse = list(ctx.saved_tensors)
        channels = x.shape[1]
        n = x.numel() // channels
        k = _pixels_a_row(n, channels)
        rows, constants = _fold(x, k), _constants(k, channels, scale.dtype)
        g = _fold(gradient.contiguous(memory_format=torch.channels_last), k)
        # Σ g (x - mean) and Σ g of every joined channel: what the kernel gives for a deviation of 1.
        _, products, sums = torch.ops.aten.native_batch_norm_backward(
            g, rows, None, constants.repeat(mean), constants.ones, None, None, False, 0.0, [False, True, True]
        )
        by_bias = sums.view(k, channels).sum(0)
        by_weight = products.view(k, channels).sum(0).mul_(inverse)
        b = (scale * inverse).mul_(by_weight).div_(-n)
        c = (scale * by_bias).div_(-n).addcmul_(b, mean, value=-1)
        a = constants.repeat(scale)
        by_x = torch.empty_like(x)
        part = _affine(rows, constants.repeat(b), constants.repeat(c), constants, out=_fold(by_x, k))
        if g.dtype == a.dtype:
            part.addcmul_(g, a[:, None, None])
        else:
            part += _affine(g, a, constants.zeros, constants, out=torch.empty_like(g))
        return by_x, by_weight, by_bias, None, None, None, None


@dataclass(frozen=True, slots=True)
class _Constants:
    """Tensors that are only read, for k joined pixels of C channels: made once, as a step has little else."""

    zeros: Tensor
    ones: Tensor
    """Both (k C,)."""
    channel: Tensor
    """int64 (k C,): the channel of each joined channel."""

    def repeat(self, of_channels: Tensor) -> Tensor:
        """Numbers of channels, (C,), as numbers of joined channels, (k C,)."""
        return of_channels.index_select(0, self.channel)


@functools.lru_cache(maxsize=64)
def _constants(k: int, channels: int, dtype: torch.dtype) -> _Constants:
    zeros = torch.zeros(k * channels, dtype=dtype)
    return _Constants(zeros, torch.ones_like(zeros), torch.arange(channels).repeat(k))


def _pixels_a_row(pixels: int, channels: int) -> int:
    """How many pixels are joined: a power of 2 that divides their number."""
    k = 1
    while 2 * k * channels <= WIDTH and pixels % (2 * k) == 0:
        k *= 2
    return k


def _fold(x: Tensor, k: int) -> Tensor:
    """[N, C, H, W], channels last, as [N H W / k, k C, 1, 1]: the same memory."""
    return x.permute(0, 2, 3, 1).view(-1, k * x.shape[1], 1, 1)


def _affine(rows: Tensor, scale: Tensor, shift: Tensor, constants: _Constants, out: Tensor) -> Tensor:
    """rows × scale + shift, rounded once, also where rows are bfloat16 and the others float32."""
    if rows.dtype == scale.dtype:
        return torch.addcmul(shift[:, None, None], rows, scale[:, None, None], out=out)
    zeros, none = constants.zeros, scale.new_empty(0)
    torch.ops.aten.native_batch_norm.out(
        rows, scale, shift, zeros, constants.ones, False, 0.0, 0.0, out=out, save_mean=none, save_invstd=none
    )
    return out
