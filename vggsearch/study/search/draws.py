"""Draws without history: seeds of named streams, and members of a space uniformly without replacement."""

import hashlib
from collections.abc import Container

import numpy as np

from vggsearch.arch import Architecture
from vggsearch.space import Space

_TRIES = 64
"""Draws with replacement before what is left is enumerated: by then it is a small part of the space."""


def stream_seed(seed: int, stage: str, number: int) -> int:
    """A seed of 32 bits for what is drawn for one trial; it depends on the arguments alone."""
    digest = hashlib.sha256(f"{seed}/{stage}/{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def unseen_member(
    space: Space, seen: Container[str], seed: int, stage: str, number: int
) -> Architecture | None:
    """A member of `space` whose text is not in `seen`, each equally likely; None where there is none left."""
    rng = np.random.default_rng(stream_seed(seed, stage, number))
    for _ in range(_TRIES):
        architecture = space.sample(rng, 1)[0]
        if str(architecture) not in seen:
            return architecture
    left = [architecture for architecture in space if str(architecture) not in seen]
    return left[int(rng.integers(len(left)))] if left else None
