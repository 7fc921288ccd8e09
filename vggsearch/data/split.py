"""The stratified split of the training part into training and validation images."""

import hashlib

import numpy as np
import numpy.typing as npt

from vggsearch.errors import DataError

Indices = npt.NDArray[np.int64]


def stratified_split(
    labels: npt.NDArray[np.int64], val_fraction: float, seed: int, first: Indices | None = None
) -> tuple[Indices, Indices]:
    """Return the indices of the training images and of the validation images, each ascending.

    There are `round(val_fraction * N)` validation images: of every class its share to within one image,
    chosen by `seed` alone. The draw uses PCG64's raw output, which is the same in every NumPy version
    (NEP 19), so that a split's digest never changes. Raises `DataError` if either would be empty.

    `first` gives for every image the first one with the same pixels. Copies stay together, in the class of
    the first, and a class then has at most its share, but one picture at least. Without copies `first`
    changes nothing.
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
    shares = _apportion(sizes, wanted)
    held_out = np.zeros(count, dtype=bool)
    if first is None or np.array_equal(first, np.arange(count)):
        chosen = [order[start : start + n] for start, n in zip(starts, shares, strict=True)]
        held_out[np.concatenate(chosen)] = True
    else:
        copies = np.bincount(first, minlength=count)
        for start, size, share in zip(starts, sizes, shares, strict=True):
            members = order[start : start + size]
            held_out[_fill(members[first[members] == members], copies, share)] = True
        held_out = held_out[first]
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _fill(pictures: Indices, copies: Indices, share: int) -> list[int]:
    """Return those of `pictures`, in their order, whose `copies` go into `share`; at least one of several."""
    chosen: list[int] = []
    left = share
    for picture in pictures:
        if copies[picture] <= left:
            chosen.append(int(picture))
            left -= int(copies[picture])
    if share and not chosen and len(pictures) > 1:
        chosen.append(int(min(pictures, key=lambda picture: copies[picture])))
    return chosen


def hold_out(
    labels: npt.NDArray[np.int64], digests: npt.NDArray[np.bytes_], first: Indices, share: float
) -> Indices:
    """Return the ascending indices of `share` of each class: the pictures with the smallest digests.

    `digests` are of the pixels, so that the order of the images changes nothing. Copies stay together, as in
    `stratified_split`. A class has at least one picture there where it has several.
    """
    held_out = np.zeros(len(labels), dtype=bool)
    copies = np.bincount(first, minlength=len(labels))
    pictures = np.flatnonzero(first == np.arange(len(first)))
    for label, size in zip(*np.unique(labels, return_counts=True), strict=True):
        members = pictures[labels[pictures] == label]
        members = members[np.argsort(digests[members], kind="stable")]
        held_out[_fill(members, copies, max(1, round(share * size)))] = True
    return np.flatnonzero(held_out[first])


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
