"""Named streams of one seed are reproducible and independent of each other."""

import hashlib

import torch

from vggsearch.data import stream

CPU = torch.device("cpu")


def draw(seed, name):
    return torch.rand(1000, generator=stream(seed, name, CPU))


def test_the_same_name_of_the_same_seed_is_the_same_stream():
    assert torch.equal(draw(5, "order"), draw(5, "order"))


def test_seeds_and_names_do_not_share_streams():
    draws = [
        draw(seed, name) for seed in (0, 1, 2**62) for name in ("order", "augmentation", "initialization")
    ]
    correlations = torch.corrcoef(torch.stack(draws)) - torch.eye(len(draws))
    assert correlations.abs().max() < 0.12


def test_the_seed_is_the_sha256_of_seed_and_name():
    expected = int.from_bytes(hashlib.sha256(b"5/order").digest()[:8], "little")
    assert stream(5, "order", CPU).initial_seed() == expected


def test_drawing_from_a_stream_leaves_torch_s_own_alone():
    before = torch.get_rng_state()
    draw(5, "order")
    assert torch.equal(torch.get_rng_state(), before)
