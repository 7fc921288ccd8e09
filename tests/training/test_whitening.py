"""The first convolution begins as what whitens the training images' patches."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from vggsearch.arch import Architecture, Task
from vggsearch.data import Images
from vggsearch.model import build
from vggsearch.recipe import Recipe
from vggsearch.training.setup import set_up
from vggsearch.training.whitening import EPS, whiten


def net(text, channels=1, side=12):
    generator = torch.Generator().manual_seed(0)
    return build(
        Architecture.parse(text),
        Task((channels, side, side), 4),
        generator=generator,
        initialization="kaiming",
    )


def first_of(model):
    return next(layer for layer in model.modules() if isinstance(layer, nn.Conv2d))


def smooth_images(count=200, channels=1, side=12):
    """Whose neighbouring pixels are alike."""
    generator = torch.Generator().manual_seed(1)
    noise = torch.rand(count, channels, side + 4, side + 4, generator=generator)
    pixels = F.avg_pool2d(noise, 5, stride=1)
    pixels = (pixels - pixels.min()) / (pixels.max() - pixels.min())
    return Images((255 * pixels).byte(), torch.arange(count) % 4)


def statistics(images):
    pixels = images.images.double() / 255
    mean, std = pixels.mean((0, 2, 3)), pixels.std((0, 2, 3))
    return {"mean": tuple(mean.tolist()), "std": tuple(std.tolist())}


@pytest.mark.parametrize(
    ("text", "channels"), [("1x8-1x4+bn+gap", 1), ("1x8k5-1x4+gap", 1), ("1x16+bn+gap", 3)]
)
def test_what_it_gives_is_uncorrelated_and_its_negative(text, channels):
    images = smooth_images(channels=channels)
    model = net(text, channels)
    whiten(model, images, **statistics(images), side=(12, 12))
    first, half = first_of(model), first_of(model).out_channels // 2
    known = statistics(images)
    mean, std = (torch.tensor(known[name]).float().view(1, -1, 1, 1) for name in ("mean", "std"))
    with torch.no_grad():
        y = first((images.images.float() / 255 - mean) / std).transpose(0, 1).flatten(1).double()
    covariance = torch.cov(y[:half], correction=0)
    # A direction of variance v is divided by sqrt(v + EPS): most of it remains where v is large.
    torch.testing.assert_close(covariance, covariance.diag().diag(), atol=1e-4, rtol=0)
    assert covariance.diag().diff().max() < 1e-4, "from the direction of most variance on"
    assert 0.9 < float(covariance[0, 0]) < 1
    torch.testing.assert_close(y[half : 2 * half], -y[:half], atol=1e-5, rtol=0)


def test_pixels_of_one_colour_and_of_noise_in_closed_form():
    """Where all pixels are independent of variance 1, every direction has length 1 / sqrt(1 + EPS)."""
    generator = torch.Generator().manual_seed(2)
    noise = Images(
        torch.randint(0, 256, (4000, 1, 12, 12), generator=generator, dtype=torch.uint8),
        torch.zeros(4000).long(),
    )
    model = net("1x8+bn+gap")
    whiten(model, noise, **statistics(noise), side=(12, 12))
    lengths = first_of(model).weight.flatten(1).norm(dim=1)
    # Padding makes a sixth of the outer pixels 0, whose variance is less.
    assert (lengths > 1 / math.sqrt(1 + EPS) - 0.01).all()
    assert (lengths < 1.15).all()
    black = Images(torch.zeros_like(noise.images), noise.labels)
    whiten(model, black, mean=(0.0,), std=(1.0,), side=(12, 12))
    lengths = first_of(model).weight.flatten(1).norm(dim=1)
    torch.testing.assert_close(lengths, torch.full((8,), 1 / math.sqrt(EPS)))


@pytest.mark.parametrize(("channels", "changed"), [(1, 0), (2, 2), (7, 6), (18, 18), (30, 18)])
def test_the_other_filters_and_every_other_layer_stay(channels, changed):
    images = smooth_images()
    before, after = net(f"2x{channels}-1x4+bn+gap"), net(f"2x{channels}-1x4+bn+gap")
    whiten(after, images, **statistics(images), side=(12, 12))
    ours, theirs = after.state_dict(), before.state_dict()
    first = ours.pop("block1.conv1.weight"), theirs.pop("block1.conv1.weight")
    differs = (first[0] != first[1]).flatten(1).any(1)
    assert differs.tolist() == [True] * changed + [False] * (channels - changed)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_kernel_may_be_larger_than_the_image_and_images_may_be_resized():
    images = smooth_images(side=4)
    model = net("1x4k5-1x4+bn+gap", side=4)
    whiten(model, images, **statistics(images), side=(4, 4))
    assert first_of(model).weight.isfinite().all()
    whiten(model, images, **statistics(images), side=(16, 16))
    assert first_of(model).weight.isfinite().all()


def test_a_recipe_asks_for_it(data, make_key):
    def begun(initialization):
        recipe = Recipe(lr=0.1, batch_size=32, initialization=initialization)
        run = set_up(make_key(recipe=recipe), data, torch.device("cpu"), report=None, deadline=math.inf)
        return first_of(run.model).weight

    expected = begun("kaiming").detach().clone()
    assert not torch.equal(begun("whitening"), expected)
    assert torch.equal(begun("whitening"), begun("whitening"))
    torch.testing.assert_close(begun("whitening")[4:8], -begun("whitening")[:4])


def test_images_in_the_order_of_their_classes_are_looked_at_evenly(monkeypatch):
    """As they lie in a folder: a part of them stands for all classes, not for the first."""
    generator = torch.Generator().manual_seed(3)
    rough = torch.randint(0, 256, (100, 1, 12, 12), generator=generator, dtype=torch.uint8)
    ordered = torch.cat((smooth_images(100).images, rough))

    def lengths(pixels, images_looked_at):
        monkeypatch.setattr("vggsearch.training.whitening.PATCHES", images_looked_at * 144)
        model, images = net("1x8+bn+gap"), Images(pixels, torch.zeros(len(pixels)).long())
        whiten(model, images, mean=(0.5,), std=(0.25,), side=(12, 12))
        return first_of(model).weight.detach().flatten(1).norm(dim=1)

    torch.testing.assert_close(lengths(ordered, 50), lengths(ordered, 200), rtol=0.05, atol=0)
    assert not torch.allclose(lengths(ordered[:100], 50), lengths(ordered, 200), rtol=0.05)


def test_parts_give_what_all_patches_at_once_give(monkeypatch):
    images = smooth_images(61)
    found = []
    for at_once in (200, 10_000_000):
        monkeypatch.setattr("vggsearch.training.whitening.AT_ONCE", at_once)
        model = net("1x8+bn+gap")
        whiten(model, images, **statistics(images), side=(12, 12))
        found.append(first_of(model).weight.detach())
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-4)
