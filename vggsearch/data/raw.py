"""From the files of a named data set to arrays; every file is checked before it is believed."""

import gzip
import hashlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vggsearch.data.catalog import NamedDataset, Part, RawFile
from vggsearch.data.places import DamagedFileError

Pixels = npt.NDArray[np.uint8]
"""Shape (N, C, H, W)."""
Labels = npt.NDArray[np.int64]
"""Shape (N,)."""

_MAX_BYTES = 1 << 28
"""No file of the catalog is larger, decompressed or not: a border against archives that swell."""


def check_files(dataset: NamedDataset, part: Part, paths: tuple[Path, ...]) -> None:
    """Raise `DamagedFileError` for the first of the part's files whose bytes are not what they must be."""
    for raw, path in zip(dataset.files(part), paths, strict=True):
        check_file(dataset, raw, path)


def check_file(dataset: NamedDataset, raw: RawFile, path: Path) -> None:
    """Raise `DamagedFileError` unless the bytes of `path` are what those of `raw` must be."""
    _checked_bytes(dataset, raw, path)


def read_files(dataset: NamedDataset, part: Part, paths: tuple[Path, ...]) -> tuple[Pixels, Labels]:
    """Images and labels of one part from its files, which are `paths` in the catalog's order.

    Raises `DamagedFileError`.
    """
    if dataset.family == "idx":
        return _read_idx(dataset, part, paths)
    check_files(dataset, part, paths)
    return (
        _read_cifar(dataset, part, paths) if dataset.family == "cifar" else _read_svhn(dataset, part, paths)
    )


def _read_idx(dataset: NamedDataset, part: Part, paths: tuple[Path, ...]) -> tuple[Pixels, Labels]:
    shape = (dataset.size(part), *dataset.info.input_shape[1:])
    contents = [
        _checked_bytes(dataset, raw, path) for raw, path in zip(dataset.files(part), paths, strict=True)
    ]
    headers = [struct.pack(">4I", 0x803, *shape), struct.pack(">2I", 0x801, shape[0])]
    sizes = [16 + int(np.prod(shape)), 8 + shape[0]]
    for path, content, header, size in zip(paths, contents, headers, sizes, strict=True):
        if len(content) != size or not content.startswith(header):
            raise DamagedFileError(path, "its header or its length is another", dataset.info.name)
    images = np.frombuffer(contents[0], dtype=np.uint8, offset=16).reshape(
        shape[0], *dataset.info.input_shape
    )
    return images, np.frombuffer(contents[1], dtype=np.uint8, offset=8).astype(np.int64)


def _read_cifar(dataset: NamedDataset, part: Part, paths: tuple[Path, ...]) -> tuple[Pixels, Labels]:
    # torchvision unpickles these files. They are safe to unpickle because `check_files` has just held them
    # against the digests of the published ones.
    import torchvision  # slow to import, and only this family and SVHN need it

    *batches, meta = ((raw.name, raw.md5) for raw in dataset.files(part))
    base = getattr(torchvision.datasets, dataset.torchvision)
    # torchvision opens the files of both parts whichever is asked for; this class knows of one part only.
    only_part = type(
        "OnlyPart",
        (base,),
        {
            "base_folder": paths[0].parent.name,
            "train_list": batches if part == "train" else [],
            "test_list": batches if part == "test" else [],
            "meta": {**base.meta, "filename": meta[0], "md5": meta[1]},
        },
    )
    loaded = only_part(paths[0].parent.parent, train=part == "train")
    images = np.ascontiguousarray(loaded.data.transpose(0, 3, 1, 2))
    return images, np.asarray(loaded.targets, dtype=np.int64)


def _read_svhn(dataset: NamedDataset, part: Part, paths: tuple[Path, ...]) -> tuple[Pixels, Labels]:
    import torchvision

    (raw,) = dataset.files(part)
    base = getattr(torchvision.datasets, dataset.torchvision)
    only_part = type("OnlyPart", (base,), {"split_list": {part: ["", raw.name, raw.md5]}})
    loaded = only_part(paths[0].parent, split=part)
    return np.ascontiguousarray(loaded.data), loaded.labels.astype(np.int64)


def _checked_bytes(dataset: NamedDataset, raw: RawFile, path: Path) -> bytes:
    """Decompressed bytes of a file that is what it must be; raises `DamagedFileError` for any other."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise DamagedFileError(path, f"more than {_MAX_BYTES} bytes", dataset.info.name)
        published = path.read_bytes()
        content = _decompressed(published) if path.suffix == ".gz" else published
    except (OSError, EOFError, zlib.error) as error:
        raise DamagedFileError(path, str(error), dataset.info.name) from None
    if raw.sha256 is not None and hashlib.sha256(content).hexdigest() != raw.sha256:
        raise DamagedFileError(path, "its SHA-256 is another", dataset.info.name)
    if raw.md5 is not None and hashlib.md5(published, usedforsecurity=False).hexdigest() != raw.md5:
        raise DamagedFileError(path, "its MD5 is another", dataset.info.name)
    return content


def _decompressed(published: bytes) -> bytes:
    """The content of a gzip file, cut off at the bound."""
    with gzip.open(io.BytesIO(published)) as stream:
        return stream.read(_MAX_BYTES)
