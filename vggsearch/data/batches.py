"""Batches made on the device that holds the images: shuffled, shifted, mirrored, normalised, resized.

The host never waits for a GPU: an epoch's order, shifts and flips are drawn at its start, and a batch is a
slice of them. The position of the slice is counted on the device, so that making a batch can be part of a
captured CUDA graph. Images are kept as bytes, height × width × channels, with a border of zeros, in one flat
buffer. So a shifted image is one contiguous stretch of the buffer, and a batch is one gather.
"""

from collections.abc import Iterator
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional as F

from vggsearch.data.load import Images
from vggsearch.devices import traits
from vggsearch.errors import DataError

Batch = tuple[Tensor, Tensor]
"""Images, float32 (B, C, H, W), and their labels, int64 (B,)."""

MIN_STD = 1 / 255
"""Smallest standard deviation to divide by, one grey level: images of one colour have 0."""


class Batches:
    """Endless random batches of training images; each epoch is a fresh permutation of them.

    The last batch of an epoch is dropped if it is not full. Each image is shifted by up to `shift_px` pixels
    in both directions, uniformly, with a black border, and mirrored left to right with probability one half
    if `flip`. `order` and `augment` are generators on the images' device; equal generators give equal
    batches.
    """

    def __init__(
        self,
        images: Images,
        *,
        batch_size: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        side: tuple[int, int],
        shift_px: int,
        flip: bool,
        order: torch.Generator,
        augment: torch.Generator,
        channels_last: bool,
    ) -> None:
        count, channels, height, width = images.images.shape
        if not 1 <= batch_size <= count:
            raise DataError(
                f"batch_size must be 1 to {count}, the number of training images, not {batch_size}: "
                "use a smaller one"
            )
        self._labels = images.labels
        self._batch_size = batch_size
        self._shift_px = shift_px
        self._flip = flip
        self._order = order
        self._augment = augment
        self._preprocess = _Preprocess(images.images, mean, std, side, channels_last)
        self._shape = (batch_size, height, width, channels)
        # Distances in the buffer from an image, a row, a pixel to the next one.
        self._pixel, self._row = channels, channels * (width + 2 * shift_px)
        self._image = self._row * (height + 2 * shift_px)
        self._stretch = self._row * (height - 1) + self._pixel * width
        padded = images.images.new_zeros(count, height + 2 * shift_px, width + 2 * shift_px, channels)
        inner = padded[:, shift_px : shift_px + height, shift_px : shift_px + width]
        inner.copy_(images.images.permute(0, 2, 3, 1))
        # Row i of this view is the stretch that begins at byte i: rows overlap, and nothing is copied.
        self._stretches = padded.view(-1).as_strided(
            (padded.numel() - self._stretch + 1, self._stretch), (1, 1)
        )
        self._selects = traits(padded.device.type).selects_overlapping_rows
        self.steps_per_epoch = count // batch_size
        """Batches of one epoch."""
        self._step = self.steps_per_epoch
        # An epoch's draws, always at the same addresses: for each place in it the image's first byte, its
        # class, and which form of which image of its batch it is.
        self._starts, self._epoch_labels, self._forms = (torch.zeros_like(self._labels) for _ in range(3))
        self._rows = torch.arange(batch_size, device=self._labels.device)
        self.position = torch.zeros((), dtype=torch.int64, device=self._labels.device)
        """Index in the epoch of the next batch's first image: int64 on the device, always the same tensor."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        return self.next_batch()

    def next_batch(self) -> Batch:
        """Return the next batch, in new tensors."""
        self.advance()
        return self.cut()

    def advance(self) -> None:
        """Do the host's part of a batch: start the next epoch if one has ended. Call `cut` next."""
        if self._step == self.steps_per_epoch:
            self._begin_epoch()
        self._step += 1

    def cut(self) -> Batch:
        """Do the device's part of a batch: the same kernel launches every time, on the same addresses."""
        rows = self._rows + self.position
        starts = self._starts.index_select(0, rows)
        x = self._stretches.index_select(0, starts) if self._selects else self._stretches[starts]
        x = x.as_strided(self._shape, (self._stretch, self._row, self._pixel, 1))
        if self._flip:
            # Make both forms, then select one: an element-wise masked choice takes several times as long.
            x = torch.cat((x, x.flip(2))).index_select(0, self._forms.index_select(0, rows))
        self.position += self._batch_size
        return self._preprocess(x), self._epoch_labels.index_select(0, rows)

    def _begin_epoch(self) -> None:
        count, device = len(self._labels), self._labels.device
        order = torch.randperm(count, generator=self._order, device=device)
        torch.index_select(self._labels, 0, order, out=self._epoch_labels)
        torch.mul(order, self._image, out=self._starts)
        if self._shift_px:
            sides = 2 * self._shift_px + 1
            down, right = torch.randint(sides, (2, count), generator=self._augment, device=device)
            self._starts += down * self._row + right * self._pixel
        if self._flip:
            mirrored = torch.randint(2, (count,), generator=self._augment, device=device)
            in_batch = torch.arange(count, device=device) % self._batch_size
            self._forms.copy_(in_batch + self._batch_size * mirrored)
        self._go_to(0)

    def _go_to(self, step: int) -> None:
        """Make the next batch number `step` of the epoch."""
        self._step = step
        self.position.fill_(step * self._batch_size)


def evaluation_batches(
    images: Images,
    *,
    batch_size: int,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    side: tuple[int, int],
    channels_last: bool,
) -> Iterator[Batch]:
    """Yield all images in order, normalised and resized, not augmented; the last batch may be smaller."""
    preprocess = _Preprocess(images.images, mean, std, side, channels_last)
    for first in range(0, len(images.labels), batch_size):
        x = images.images[first : first + batch_size]
        yield preprocess(x.permute(0, 2, 3, 1)), images.labels[first : first + batch_size]


class _Preprocess:
    """Turns bytes (B, H, W, C) into normalised float32 (B, C, *side)."""

    def __init__(
        self,
        images: Tensor,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        side: tuple[int, int],
        channels_last: bool,
    ) -> None:
        _, channels, height, width = images.shape
        spread = torch.tensor(std, dtype=torch.float64).clamp(min=MIN_STD)
        scale = 1 / (255 * spread)
        offset = -torch.tensor(mean, dtype=torch.float64) / spread
        # One factor for every byte of an image: broadcasting over channels alone is much slower.
        self._scale = scale.float().repeat(height * width).to(images.device)
        self._offset = offset.float().repeat(height * width).to(images.device)
        self._shape = (height, width, channels)
        self._side = None if side == (height, width) else side
        self._shrinks = side[0] < height or side[1] < width
        self._channels_last = channels_last

    def __call__(self, x: Tensor) -> Tensor:
        flat = x.reshape(len(x), -1).to(torch.float32).mul_(self._scale).add_(self._offset)
        image = flat.view(len(x), *self._shape).permute(0, 3, 1, 2)
        if self._side is not None:
            image = F.interpolate(image, self._side, mode="bilinear", antialias=self._shrinks)
        if self._channels_last:
            return image.contiguous(memory_format=torch.channels_last)
        # Images of one channel are contiguous in both layouts. Their strides, which layers follow, are not.
        return image.reshape(-1).view(image.shape)
