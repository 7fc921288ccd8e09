"""Seeds of named random streams, and uniformly random members of a space without replacement."""

import hashlib
from collections.abc import Container

import numpy as np

from vggsearch.arch import Architecture
from vggsearch.space import Space

_TRIES = 64
"""Draws with replacement before the unseen members, by then a small part of the space, are enumerated."""


def stream_seed(seed: int, stage: str, number: int) -> int:
    """A seed of 32 bits for the random choices of one trial; depends on the arguments alone."""
    digest = hashlib.sha256(f"{seed}/{stage}/{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def unseen_member(
    space: Space, seen: Container[str], seed: int, stage: str, number: int
) -> Architecture | None:
    """A member of `space` whose text is not in `seen`, each equally likely; None where none is left."""
    rng = np.random.default_rng(stream_seed(seed, stage, number))
    for _ in range(_TRIES):
        architecture = space.sample(rng, 1)[0]
        if str(architecture) not in seen:
            return architecture
    left = [architecture for architecture in space if str(architecture) not in seen]
    return left[int(rng.integers(len(left)))] if left else None
