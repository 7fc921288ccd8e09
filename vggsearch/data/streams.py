"""Independent streams of random numbers, each given by a seed and a name."""

import hashlib

import torch


def stream(seed: int, name: str, device: torch.device) -> torch.Generator:
    """Return a generator on `device` for one use: `initialization`, `order`, `augmentation` or `dropout`.

    Its seed is the first eight bytes of the SHA-256 of `seed/name`, so that different seeds and different
    names give independent streams.
    """
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "little"))
