"""Read the files of a named data set into arrays. Every file is checked before it is parsed."""

import gzip
import hashlib
import io
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vggsearch.data.catalog import DatasetFile, FileFormat, NamedDataset, Part
from vggsearch.data.locations import DamagedFileError

Pixels = npt.NDArray[np.uint8]
"""Shape (N, C, H, W)."""
Labels = npt.NDArray[np.int64]
"""Shape (N,)."""

_MAX_BYTES = 1 << 28
"""Most bytes of a file, compressed or not. No file of the catalog has more; decompression bombs have."""


def check_files(dataset: NamedDataset, part: Part, paths: tuple[Path, ...]) -> None:
    """Raise `DamagedFileError` for the first file of the part that does not have the digest it must have."""
    for file, path in zip(dataset.files(part), paths, strict=True):
        checked_content(dataset, file, path)


def read_files(dataset: NamedDataset, part: Part, paths: tuple[Path, ...]) -> tuple[Pixels, Labels]:
    """Return images and labels of one part. `paths` are its files, in the catalog's order.

    Raises `DamagedFileError`.
    """
    return _READERS[dataset.file_format](dataset, part, paths)


def checked_content(dataset: NamedDataset, file: DatasetFile, path: Path) -> bytes:
    """Return the decompressed bytes of a file. Raises `DamagedFileError` if they have another digest."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise DamagedFileError(path, f"more than {_MAX_BYTES} bytes", dataset.info.name)
        published = content = path.read_bytes()
        if path.suffix == ".gz":
            with gzip.open(io.BytesIO(published)) as stream:
                content = stream.read(_MAX_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise DamagedFileError(path, str(error), dataset.info.name) from None
    if file.sha256 is not None and hashlib.sha256(content).hexdigest() != file.sha256:
        raise DamagedFileError(path, "wrong SHA-256", dataset.info.name)
    if file.md5 is not None and hashlib.md5(published, usedforsecurity=False).hexdigest() != file.md5:
        raise DamagedFileError(path, "wrong MD5", dataset.info.name)
    return content


def torchvision_class(dataset: NamedDataset) -> type[Any]:
    """Return the class of the data set in `torchvision.datasets`."""
    import torchvision  # slow to import, and most calls do not need it

    found: type[Any] = getattr(torchvision.datasets, dataset.torchvision)
    return found


def _read_idx(dataset: NamedDataset, part: Part, paths: tuple[Path, ...]) -> tuple[Pixels, Labels]:
    count, shape = dataset.size(part), dataset.info.input_shape
    headers = struct.pack(">4I", 0x803, count, *shape[1:]), struct.pack(">2I", 0x801, count)
    arrays = []
    for file, path, header, item in zip(dataset.files(part), paths, headers, (shape, ()), strict=True):
        content = checked_content(dataset, file, path)
        if not content.startswith(header) or len(content) != len(header) + count * int(np.prod(item)):
            raise DamagedFileError(path, "wrong header or length", dataset.info.name)
        arrays.append(np.frombuffer(content, dtype=np.uint8, offset=len(header)).reshape(count, *item))
    return arrays[0], arrays[1].astype(np.int64)


def _read_cifar(dataset: NamedDataset, part: Part, paths: tuple[Path, ...]) -> tuple[Pixels, Labels]:
    # torchvision unpickles these files. That is safe after this check: they are the published files.
    check_files(dataset, part, paths)
    base = torchvision_class(dataset)
    *batches, meta = ((file.name, file.md5) for file in dataset.files(part))
    # torchvision opens the files of both parts, whichever it loads; this class has the files of one part.
    attributes = {
        "base_folder": paths[0].parent.name,
        "train_list": batches if part == "train" else [],
        "test_list": batches if part == "test" else [],
        "meta": {**base.meta, "filename": meta[0], "md5": meta[1]},
    }
    loaded = type("OnePart", (base,), attributes)(paths[0].parent.parent, train=part == "train")
    images = np.ascontiguousarray(loaded.data.transpose(0, 3, 1, 2))
    return images, np.asarray(loaded.targets, dtype=np.int64)


def _read_svhn(dataset: NamedDataset, part: Part, paths: tuple[Path, ...]) -> tuple[Pixels, Labels]:
    check_files(dataset, part, paths)
    (file,) = dataset.files(part)
    attributes = {"split_list": {part: ["", file.name, file.md5]}}
    loaded = type("OnePart", (torchvision_class(dataset),), attributes)(paths[0].parent, split=part)
    return np.ascontiguousarray(loaded.data), loaded.labels.astype(np.int64)


_READERS: Mapping[FileFormat, Callable[[NamedDataset, Part, tuple[Path, ...]], tuple[Pixels, Labels]]] = {
    "idx": _read_idx,
    "cifar": _read_cifar,
    "svhn": _read_svhn,
}
