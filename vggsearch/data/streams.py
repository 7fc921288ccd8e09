"""One seed, many independent streams of random numbers, each with a name."""

import hashlib

import torch


def stream(seed: int, name: str, device: torch.device) -> torch.Generator:
    """A generator on `device` for one use of `seed`: `initialization`, `order`, `augmentation`, `dropout`.

    It is seeded by the first eight bytes of the SHA-256 of `seed/name`, so that neither neighbouring seeds
    nor other names of the same seed share a stream.
    """
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "little"))
