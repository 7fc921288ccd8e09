"""Batches made on the device that holds the images: shuffled, shifted, mirrored, normalised, resized.

Nothing in a batch makes the host wait for a GPU: an epoch's order, shifts and flips are drawn at its start,
and a batch is a slice of them, at a position that is counted on the device, so that cutting it out can be
part of a captured graph. Images are kept as bytes, height × width × channels, inside a border of zeros, in
one flat buffer, so that a shifted image is one contiguous stretch of it and cutting a batch out is one
gather.
"""

from collections.abc import Iterator
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional as F

from vggsearch.data.load import Images
from vggsearch.errors import DataError

Batch = tuple[Tensor, Tensor]
"""Images, float32 (B, C, H, W), and their classes, int64 (B,)."""

MIN_STD = 1 / 255
"""Standard deviations are taken to be at least one grey level, for images of one colour."""


class Batches:
    """Endless random batches of training images; each epoch is a fresh permutation of them.

    The last batch of an epoch is dropped where it is not full. Each image is shifted by up to `shift_px`
    pixels in both directions, uniformly, black moving in, and mirrored left to right with probability one
    half where `flip`. `order` and `augment` are generators on the images' device; equal generators give
    equal batches.
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
                f"a batch has 1 to all {count} training images, not {batch_size}: use a smaller batch_size"
            )
        self._labels = images.labels
        self._batch_size = batch_size
        self._shift_px = shift_px
        self._flip = flip
        self._order = order
        self._augment = augment
        self._finish = _Finish(images.images, mean, std, side, channels_last)
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
        self.steps_per_epoch = count // batch_size
        """Batches of one epoch."""
        self._step = self.steps_per_epoch
        # An epoch's draws, always at the same addresses: for each place in it the image's first byte, its
        # class, and which form of which image of its batch it is.
        self._starts, self._epoch_labels, self._forms = torch.zeros_like(self._labels).repeat(3, 1)
        self._rows = torch.arange(batch_size, device=self._labels.device)
        self.position = torch.zeros((), dtype=torch.int64, device=self._labels.device)
        """Of the next batch's first image in its epoch: int64, on the device, one tensor for good."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        return self.next_batch()

    def next_batch(self) -> Batch:
        """The next batch; its tensors are its own."""
        self.advance()
        return self.cut()

    def advance(self) -> None:
        """The host's part of a batch: begin an epoch where one has ended. `cut` comes next."""
        if self._step == self.steps_per_epoch:
            self._begin_epoch()
        self._step += 1

    def cut(self) -> Batch:
        """The device's part of a batch: the same launches every time, on the same addresses."""
        rows = self._rows + self.position
        x = self._stretches.index_select(0, self._starts.index_select(0, rows))
        x = x.as_strided(self._shape, (self._stretch, self._row, self._pixel, 1))
        if self._flip:
            # Both forms, then one of them: a masked choice element by element takes several times as long.
            x = torch.cat((x, x.flip(2))).index_select(0, self._forms.index_select(0, rows))
        self.position += self._batch_size
        return self._finish(x), self._epoch_labels.index_select(0, rows)

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
            places = torch.arange(count, device=device) % self._batch_size
            self._forms.copy_(places + self._batch_size * mirrored)
        self._go_to(0)

    def _go_to(self, step: int) -> None:
        """Let the next batch be number `step` of the epoch."""
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
    """All images in order, normalised and resized, not augmented; the last batch may be smaller."""
    finish = _Finish(images.images, mean, std, side, channels_last)
    for first in range(0, len(images.labels), batch_size):
        x = images.images[first : first + batch_size]
        yield finish(x.permute(0, 2, 3, 1)), images.labels[first : first + batch_size]


class _Finish:
    """From bytes (B, H, W, C) to normalised float32 (B, C, *side)."""

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
        # One factor for every byte of an image: broadcasting over channels alone is slower by far.
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
        return image.contiguous(
            memory_format=torch.channels_last if self._channels_last else torch.contiguous_format
        )
