"""A tiny data set in each file format, and a cache of its own for every test."""

import gzip
import hashlib
import pickle
import struct
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from vggsearch.data import catalog, locations
from vggsearch.data.catalog import DatasetFile, DatasetInfo, NamedDataset

CLASSES = 3


@pytest.fixture(autouse=True)
def cache(tmp_path, tmp_path_factory, monkeypatch):
    """An empty cache, and no Debian package."""
    place = tmp_path_factory.mktemp("home") / "cache"  # not in `tmp_path`, which may be a folder of images
    monkeypatch.setenv("XDG_CACHE_HOME", str(place))
    monkeypatch.setattr(locations, "SYSTEM_DIR", tmp_path / "system")
    return place / "vggsearch"


def arrays(count, shape, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, *shape), dtype=np.uint8), np.arange(count, dtype=np.int64) % CLASSES


class Tiny:
    """Files of a data set of 40 training and 12 test images in a folder, and its arrays."""

    def __init__(self, folder, family, shape):
        self.folder = folder
        self.arrays = {"train": arrays(40, shape, 0), "test": arrays(12, shape, 1)}
        self.contents = {}
        files = {part: tuple(self._write(part, family)) for part in ("train", "test")}
        if family == "cifar":
            meta = self._file("meta", pickle.dumps({"fine_label_names": ["a", "b", "c"]}))
            files = {part: (*published, meta) for part, published in files.items()}
        info = DatasetInfo("tiny", shape, CLASSES, 40, 12, "https://example.org/tiny")
        names = {"idx": "MNIST", "cifar": "CIFAR100", "svhn": "SVHN"}
        self.entry = NamedDataset(info, family, names[family], "MNIST/raw", files["train"], files["test"])
        if family == "cifar":
            self.entry = replace(self.entry, folder="tiny-python")

    def _write(self, part, family):
        images, labels = self.arrays[part]
        if family == "idx":
            prefix = "train" if part == "train" else "t10k"
            header = struct.pack(">4I", 0x803, len(images), *images.shape[2:])
            yield self._file(f"{prefix}-images-idx3-ubyte", header + images.tobytes())
            yield self._file(
                f"{prefix}-labels-idx1-ubyte",
                struct.pack(">2I", 0x801, len(labels)) + labels.astype("u1").tobytes(),
            )
        elif family == "cifar":
            rows = {"data": images.reshape(len(images), -1), "fine_labels": labels.tolist()}
            yield self._file(part, pickle.dumps(rows))
        else:
            path = self.folder / f"{part}_32x32.mat"
            published = np.where(labels == 0, 10, labels).astype("u1")[:, None]
            savemat(path, {"X": images.transpose(2, 3, 1, 0), "y": published})
            yield self._file(path.name, path.read_bytes())

    def _file(self, name, content):
        self.contents[name] = content
        (self.folder / name).write_bytes(content)
        if name.endswith("-ubyte"):
            return DatasetFile(name, sha256=hashlib.sha256(content).hexdigest())
        return DatasetFile(name, md5=hashlib.md5(content).hexdigest())

    def compress(self):
        for name in self.contents:
            (self.folder / name).unlink()
            (self.folder / f"{name}.gz").write_bytes(gzip.compress(self.contents[name], 1))


@pytest.fixture
def tiny_of(tmp_path, monkeypatch):
    """Make a tiny set of a family, known to the catalog as `tiny`, in the folder `data/SUB`."""

    def make(family="idx", sub=".", shape=None):
        folder = tmp_path / "data" / sub
        folder.mkdir(parents=True)
        tiny = Tiny(folder, family, shape or ((1, 5, 4) if family == "idx" else (3, 32, 32)))
        monkeypatch.setattr(catalog, "CATALOG", {"tiny": tiny.entry})
        return tiny

    return make


@pytest.fixture
def tiny(tiny_of):
    return tiny_of()


@pytest.fixture
def photos(tmp_path):
    """A folder of 20 red and 20 blue 6×4 RGB images, each with its number in the green channel."""
    for name, colour in {"blue": (0, 0, 200), "red": (200, 0, 0)}.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(20):
            Image.new("RGB", (6, 4), (colour[0], i, colour[2])).save(
                tmp_path / "photos" / name / f"{i:02}.png"
            )
    return tmp_path / "photos"
