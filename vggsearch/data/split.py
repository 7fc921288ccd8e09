"""The stratified split of the training part into training and validation images."""

import hashlib

import numpy as np
import numpy.typing as npt

from vggsearch.errors import DataError

Indices = npt.NDArray[np.int64]


def stratified_split(
    labels: npt.NDArray[np.int64], val_fraction: float, seed: int
) -> tuple[Indices, Indices]:
    """Return the indices of the training images and of the validation images, each ascending.

    There are `round(val_fraction * N)` validation images: of every class its share to within one image,
    chosen by `seed` alone. The draw uses PCG64's raw output, which is the same in every NumPy version
    (NEP 19), so that a split's digest never changes. Raises `DataError` if either would be empty.
    """
    count = len(labels)
    wanted = round(val_fraction * count)
    if not 0 < wanted < count:
        raise DataError(
            f"there must be 1 to {count - 1} validation images of {count} images, not {wanted}: "
            "change val_fraction"
        )
    keys = np.random.PCG64(np.random.SeedSequence(seed)).random_raw(count)
    # Images in a random order within each class, the classes one after another.
    order = np.lexsort((keys, labels))
    sizes = np.unique(labels, return_counts=True)[1]
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    chosen = [order[start : start + n] for start, n in zip(starts, _apportion(sizes, wanted), strict=True)]
    held_out = np.zeros(count, dtype=bool)
    held_out[np.concatenate(chosen)] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def split_digest(val: Indices) -> str:
    """Return the SHA-256 of the validation indices as little-endian int64."""
    return hashlib.sha256(np.ascontiguousarray(val, dtype="<i8").data).hexdigest()


def _apportion(sizes: Indices, wanted: int) -> list[int]:
    """Apportion `wanted` by `sizes` with the largest-remainder method; earlier classes win ties."""
    exact, total = sizes * wanted, int(sizes.sum())
    shares = exact // total
    largest = np.argsort(-(exact % total), kind="stable")[: wanted - int(shares.sum())]
    shares[largest] += 1
    return [int(share) for share in shares]
