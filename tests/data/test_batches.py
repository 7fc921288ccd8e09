"""Batches: every image once an epoch, shifts and flips as a person would make them, the same bits again."""

import math

import pytest
import torch
from hypothesis import given, strategies as st
from torch.nn import functional as F

from vggsearch.data import Batches, Images, evaluation_batches
from vggsearch.errors import DataError

CASES = pytest.mark.parametrize("channels", [1, 3])
SHIFTS = range(-2, 3)


def generator(seed):
    return torch.Generator().manual_seed(seed)


def random_images(count=12, channels=1, height=6, width=5):
    """Images without a black pixel and without a symmetry; the class is the image's number."""
    images = torch.randint(
        1, 256, (count, channels, height, width), generator=generator(9), dtype=torch.uint8
    )
    return Images(images, torch.arange(count))


def make(
    images, *, batch_size=4, side=None, shift_px=0, flip=False, seeds=(0, 1), channels_last=True, **moments
):
    channels = images.images.shape[1]
    return Batches(
        images,
        batch_size=batch_size,
        mean=moments.get("mean", (0.0,) * channels),
        std=moments.get("std", (1.0,) * channels),
        side=side or tuple(images.images.shape[2:]),
        shift_px=shift_px,
        flip=flip,
        order=generator(seeds[0]),
        augment=generator(seeds[1]),
        channels_last=channels_last,
    )


def epoch(batches):
    drawn = [batches.next_batch() for _ in range(batches.steps_per_epoch)]
    return torch.cat([x for x, _ in drawn]), torch.cat([y for _, y in drawn])


def pixels(x):
    """Bytes of batches that were normalised with mean 0 and standard deviation 1."""
    return (x * 255).round().to(torch.uint8)


def shifted(image, down, right):
    """The image moved by whole pixels, zeros moving in: rolled, with what came round blacked out."""
    rolled = torch.roll(image, (down, right), dims=(-2, -1)).clone()
    rolled[..., : max(down, 0), :] = 0
    rolled[..., :, : max(right, 0)] = 0
    rolled[..., image.shape[-2] + min(down, 0) :, :] = 0
    rolled[..., :, image.shape[-1] + min(right, 0) :] = 0
    return rolled


@CASES
def test_without_augmentation_every_image_occurs_once_an_epoch_with_its_label(channels):
    images = random_images(channels=channels)
    batches = make(images)
    for _ in range(3):
        x, y = epoch(batches)
        assert sorted(y.tolist()) == list(range(12))
        assert torch.equal(pixels(x), images.images[y])


def test_epochs_are_different_permutations():
    batches = make(random_images())
    assert len({tuple(epoch(batches)[1].tolist()) for _ in range(5)}) == 5


def test_an_incomplete_last_batch_is_dropped():
    batches = make(random_images(), batch_size=5)
    assert batches.steps_per_epoch == 2
    _, y = epoch(batches)
    assert len(set(y.tolist())) == 10
    left_out = {tuple(set(range(12)) - set(epoch(batches)[1].tolist())) for _ in range(20)}
    assert len(left_out) > 5


@CASES
@pytest.mark.parametrize("flip", [False, True])
def test_a_shift_is_a_roll_with_zeros_and_a_flip_a_mirror(channels, flip):
    images = random_images(channels=channels)
    moves = [(down, right, mirrored) for down in SHIFTS for right in SHIFTS for mirrored in {False, flip}]
    forms = {}
    for label, image in enumerate(images.images):
        for down, right, mirrored in moves:
            form = shifted(image, down, right)
            forms[label, (form.flip(-1) if mirrored else form).numpy().tobytes()] = (down, right, mirrored)
    batches = make(images, shift_px=2, flip=flip)
    seen = set()
    for _ in range(60):
        x, y = epoch(batches)
        # A KeyError here is an image that is no shifted or mirrored form of the one its label names.
        seen.update(
            forms[label, drawn.numpy().tobytes()] for drawn, label in zip(pixels(x), y.tolist(), strict=True)
        )
    assert seen == set(moves)


def test_shifts_and_flips_are_uniform():
    """One bright pixel in the middle says where each image went; 10 000 of them, five standard deviations."""
    image = torch.zeros(1, 1, 5, 6, dtype=torch.uint8)
    image[0, 0, 2, 2] = 255
    images = Images(image.expand(10_000, 1, 5, 6), torch.zeros(10_000, dtype=torch.int64))
    x, _ = epoch(make(images, batch_size=100, shift_px=1, flip=True))
    counts = x.sum(0)[0]
    # Mirrored about the middle of six columns, column 2 becomes column 3.
    share = torch.tensor([0, 1, 2, 2, 1, 0]) / 6
    expected = 10_000 / 3 * torch.tensor([0, 1, 1, 1, 0])[:, None] * share[None, :]
    assert (counts - expected).abs().max() < 5 * math.sqrt(10_000 / 9)
    assert torch.equal(counts == 0, expected == 0)


@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    channels=st.integers(1, 3),
    shift_px=st.integers(0, 10),
    flip=st.booleans(),
)
def test_any_size_and_any_shift_keeps_what_stays_inside(height, width, channels, shift_px, flip):
    images = random_images(4, channels, height, width)
    x, y = make(images, shift_px=shift_px, flip=flip).next_batch()
    assert x.shape == (4, channels, height, width)
    for drawn, label in zip(pixels(x), y.tolist(), strict=True):
        values = set(drawn.flatten().tolist()) - {0}
        assert values <= set(images.images[label].flatten().tolist())


def test_normalisation_is_by_channel():
    images = random_images(channels=3)
    mean, std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    x, y = make(images, mean=mean, std=std).next_batch()
    expected = (images.images[y] / 255 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    torch.testing.assert_close(x, expected)


def test_what_a_shift_moves_in_is_black_before_normalisation():
    images = Images(torch.full((4, 1, 3, 3), 255, dtype=torch.uint8), torch.arange(4))
    x, _ = make(images, shift_px=1, mean=(0.5,), std=(0.25,), seeds=(0, 3)).next_batch()
    assert {round(value, 5) for value in x.flatten().tolist()} == {-2.0, 2.0}


def test_images_of_one_colour_stay_finite():
    images = Images(torch.full((4, 1, 3, 3), 7, dtype=torch.uint8), torch.arange(4))
    x, _ = make(images, mean=(7 / 255,), std=(0.0,)).next_batch()
    torch.testing.assert_close(x, torch.zeros(4, 1, 3, 3), atol=1e-5, rtol=0)


@CASES
@pytest.mark.parametrize("side", [(12, 10), (3, 2), (6, 20)])
def test_resizing_is_bilinear(channels, side):
    images = random_images(channels=channels)
    x, y = make(images, side=side).next_batch()
    expected = F.interpolate(
        images.images[y] / 255,
        side,
        mode="bilinear",
        antialias=side[0] < 6 or side[1] < 5,
        align_corners=False,
    )
    torch.testing.assert_close(x, expected)


@CASES
@pytest.mark.parametrize("side", [(6, 5), (12, 10)])
@pytest.mark.parametrize("channels_last", [True, False])
def test_type_and_memory_format(channels, side, channels_last):
    images = random_images(channels=channels)
    keywords = {
        "mean": (0.0,) * channels,
        "std": (1.0,) * channels,
        "side": side,
        "channels_last": channels_last,
    }
    for x, y in (
        make(images, shift_px=1, flip=True, **keywords).next_batch(),
        next(evaluation_batches(images, batch_size=5, **keywords)),
    ):
        assert (x.dtype, y.dtype) == (torch.float32, torch.int64)
        assert x.is_contiguous(
            memory_format=torch.channels_last if channels_last else torch.contiguous_format
        )


def test_equal_generators_give_equal_batches():
    first, again = (make(random_images(), shift_px=2, flip=True) for _ in range(2))
    for _ in range(10):
        (x, y), (x_again, y_again) = next(first), next(again)
        assert torch.equal(x, x_again)
        assert torch.equal(y, y_again)


def test_order_and_augmentation_are_independent_streams():
    images = random_images(count=40)
    base, other_order, other_augment = (
        epoch(make(images, shift_px=2, flip=True, seeds=seeds)) for seeds in ((0, 1), (5, 1), (0, 5))
    )
    assert torch.equal(base[1], other_augment[1])
    assert not torch.equal(base[0], other_augment[0])
    assert not torch.equal(base[1], other_order[1])
    assert torch.equal(base[1], epoch(make(images))[1])


def test_batch_size_does_not_change_the_order():
    images = random_images()
    (x, y), (x_other, y_other) = (
        epoch(make(images, batch_size=size, shift_px=2, flip=True)) for size in (3, 6)
    )
    assert torch.equal(y, y_other)
    assert torch.equal(x, x_other)


def test_batches_are_not_written_to_again():
    batches = make(random_images(), shift_px=1, flip=True)
    x, y = batches.next_batch()
    before = x.clone(), y.clone()
    for _ in range(10):
        batches.next_batch()
    assert torch.equal(x, before[0])
    assert torch.equal(y, before[1])


def test_images_are_left_as_they_are_and_global_randomness_too():
    images = random_images()
    before, state = images.images.clone(), torch.get_rng_state()
    epoch(make(images, shift_px=2, flip=True))
    assert torch.equal(images.images, before)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("batch_size", [0, 13])
def test_a_batch_size_that_does_not_fit_is_one_line(batch_size):
    with pytest.raises(DataError) as caught:
        make(random_images(), batch_size=batch_size)
    assert str(caught.value) == (
        f"batch_size must be 1 to 12, the number of training images, not {batch_size}: use a smaller one"
    )


def test_evaluation_batches_are_all_images_in_order():
    images = random_images(channels=3)
    mean, std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    batches = list(
        evaluation_batches(images, batch_size=5, mean=mean, std=std, side=(6, 5), channels_last=True)
    )
    assert [len(y) for _, y in batches] == [5, 5, 2]
    assert torch.equal(torch.cat([y for _, y in batches]), images.labels)
    expected = (images.images / 255 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    torch.testing.assert_close(torch.cat([x for x, _ in batches]), expected)


def test_training_and_evaluation_normalise_alike():
    images = random_images()
    keywords = {"mean": (0.3,), "std": (0.2,), "side": (9, 9), "channels_last": True}
    x, y = epoch(make(images, **keywords))
    evaluated = torch.cat([x for x, _ in evaluation_batches(images, batch_size=12, **keywords)])
    torch.testing.assert_close(x, evaluated[y])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_nothing_in_a_batch_waits_for_the_device():
    device = torch.device("cuda")
    batches = Batches(
        random_images(channels=3).to(device),
        batch_size=4,
        mean=(0.1, 0.2, 0.3),
        std=(0.4, 0.5, 0.6),
        side=(12, 10),
        shift_px=2,
        flip=True,
        order=torch.Generator(device).manual_seed(0),
        augment=torch.Generator(device).manual_seed(1),
        channels_last=True,
    )
    batches.next_batch()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(9):
            batches.next_batch()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@CASES
def test_batches_cost(benchmark, channels):
    """Batch 128, shift and flip, one thread, 100 batches a round; CPU time, so that other work matters less.

    pytest tests/data/test_batches.py -o addopts= --benchmark-only --benchmark-timer=time.process_time
    """
    torch.set_num_threads(1)
    size = 28 if channels == 1 else 32
    batches = make(random_images(20_000, channels, size, size), batch_size=128, shift_px=2, flip=True)

    def hundred():
        for _ in range(100):
            batches.next_batch()

    benchmark(hundred)
    benchmark.extra_info["us_per_image"] = 1e6 * benchmark.stats["median"] / 12_800
    assert benchmark.extra_info["us_per_image"] < 20
