"""The stratified split of the training images into training and validation part."""

import hashlib

import numpy as np
import numpy.typing as npt

from vggsearch.errors import DataError

Indices = npt.NDArray[np.int64]


def stratified_split(
    labels: npt.NDArray[np.int64], val_fraction: float, seed: int
) -> tuple[Indices, Indices]:
    """Indices of the training and of the validation images, each ascending.

    `round(val_fraction * N)` images are validated on, of every class its share to within one image, chosen
    by `seed` alone. The draw uses PCG64's raw output, which NumPy keeps stable over its versions (NEP 19),
    so that a split's digest stays what it is. Raises `DataError` where a part would be empty.
    """
    count = len(labels)
    wanted = round(val_fraction * count)
    if not 0 < wanted < count:
        raise DataError(
            f"the validation part keeps from 1 to {count - 1} of {count} images, not {wanted}: "
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
    """SHA-256 of the validation indices as little-endian int64."""
    return hashlib.sha256(np.ascontiguousarray(val, dtype="<i8").data).hexdigest()


def _apportion(sizes: Indices, wanted: int) -> list[int]:
    """`wanted` shared out in proportion to `sizes`, by largest remainders; earlier classes win ties."""
    exact, total = sizes * wanted, int(sizes.sum())
    shares = exact // total
    largest = np.argsort(-(exact % total), kind="stable")[: wanted - int(shares.sum())]
    shares[largest] += 1
    return [int(share) for share in shares]
