"""Images with the same pixels, found by digest, and images of one colour."""

import hashlib

import numpy as np
import numpy.typing as npt

from vggsearch.data.formats import Labels, Pixels
from vggsearch.data.split import Indices

MIN_STD = 1.0
"""An image all of whose channels have a smaller standard deviation, of 255, has one colour."""

_CHUNK = 1024
Digests = npt.NDArray[np.bytes_]
"""Shape (N,): 16 bytes of BLAKE2b of each image's pixels."""


def pixel_digests(images: Pixels) -> Digests:
    """Return a digest of every image's pixels."""
    size = 16
    found = (hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=size).digest() for image in images)
    return np.fromiter(found, dtype=f"S{size}", count=len(images))


def first_equal(digests: Digests) -> Indices:
    """Return for every image the index of the first one with the same pixels, perhaps itself."""
    _, first, which = np.unique(digests, return_index=True, return_inverse=True)
    return first[which].astype(np.int64)


def count_constant(images: Pixels) -> int:
    """Return the number of images of one colour."""
    found = 0
    for start in range(0, len(images), _CHUNK):
        spread = np.asarray(images[start : start + _CHUNK], dtype=np.float32).std(axis=(2, 3)).max(axis=1)
        found += int((spread < MIN_STD).sum())
    return found


def count_other_labels(first: Indices, labels: Labels) -> int:
    """Return the number of different pictures that have several labels."""
    return len(np.unique(first[labels != labels[first]]))
