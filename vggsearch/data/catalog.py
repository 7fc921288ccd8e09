"""The data sets known by name: their shapes, their files, and how the files are checked. No torch."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from vggsearch.arch import Task
from vggsearch.errors import DataError

Part = Literal["train", "test"]
PARTS: tuple[Part, ...] = ("train", "test")


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """What can be known of a data set without loading a pixel."""

    name: str
    input_shape: tuple[int, int, int]
    """(channels, height, width)."""
    num_classes: int
    train_size: int
    """Training images, before the validation part is split off."""
    test_size: int
    source: str
    """Web page where it may be got, or the user's folder."""

    @property
    def task(self) -> Task:
        """Shape of the images, before they are resized, and number of classes."""
        return Task(self.input_shape, self.num_classes)


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file as its makers publish it, and how it is checked: by either digest, whichever is given."""

    name: str
    """Without `.gz`."""
    sha256: str | None = None
    """Of the decompressed bytes: archives differ in how they compress them."""
    md5: str | None = None
    """Of the file as published, which is with `.gz` for the idx family. As torchvision has it."""


@dataclass(frozen=True, slots=True)
class NamedDataset:
    """A data set, and the files it comes in."""

    info: DatasetInfo
    family: Literal["idx", "cifar", "svhn"]
    """File format: `idx` has an images file and a labels file a part (yann.lecun.com/exdb/mnist)."""
    torchvision: str
    """Its class in `torchvision.datasets`."""
    folder: str
    """Where below its root torchvision keeps the files."""
    train: tuple[RawFile, ...]
    test: tuple[RawFile, ...]
    debian: str | None = None
    """Debian package that installs the files in `/usr/share/datasets/NAME`."""

    def files(self, part: Part) -> tuple[RawFile, ...]:
        """The files of one part."""
        return self.train if part == "train" else self.test

    def size(self, part: Part) -> int:
        """Number of images of one part."""
        return self.info.train_size if part == "train" else self.info.test_size


_IDX = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def _idx(
    name: str,
    source: str,
    torchvision: str,
    *,
    sha256: tuple[str | None, ...] = (None,) * 4,
    md5: tuple[str | None, ...] = (None,) * 4,
    debian: str | None = None,
) -> NamedDataset:
    """A set of 60 000 + 10 000 grey 28×28 images of ten classes; digests in the order of `_IDX`."""
    files = tuple(RawFile(*fields) for fields in zip(_IDX, sha256, md5, strict=True))
    info = DatasetInfo(name, (1, 28, 28), 10, 60_000, 10_000, source)
    return NamedDataset(info, "idx", torchvision, f"{torchvision}/raw", files[:2], files[2:], debian)


def _rgb(name: str, num_classes: int, train_size: int, test_size: int, source: str) -> DatasetInfo:
    return DatasetInfo(name, (3, 32, 32), num_classes, train_size, test_size, source)


CATALOG: Mapping[str, NamedDataset] = MappingProxyType(
    {
        "fashion-mnist": _idx(
            "fashion-mnist",
            "https://github.com/zalandoresearch/fashion-mnist",
            "FashionMNIST",
            sha256=(
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ),
            debian="dataset-fashion-mnist",
        ),
        "mnist": _idx(
            "mnist",
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "MNIST",
            sha256=(
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                "ff7bcfd416de33731a308c3f266cd351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ),
        "kmnist": _idx(
            "kmnist",
            "https://github.com/rois-codh/kmnist",
            "KMNIST",
            md5=(
                "bdb82020997e1d708af4cf47b453dcf7",
                "e144d726b3acfaa3e44228e80efcd344",
                "5c965bf0a639b31b8f53240b1b52f4d7",
                "7320c461ea6c1c855c0b718fb2a4b134",
            ),
        ),
        "cifar-10": NamedDataset(
            _rgb("cifar-10", 10, 50_000, 10_000, "https://www.cs.toronto.edu/~kriz/cifar.html"),
            "cifar",
            "CIFAR10",
            "cifar-10-batches-py",
            train=(
                RawFile("data_batch_1", md5="c99cafc152244af753f735de768cd75f"),
                RawFile("data_batch_2", md5="d4bba439e000b95fd0a9bffe97cbabec"),
                RawFile("data_batch_3", md5="54ebc095f3ab1f0389bbae665268c751"),
                RawFile("data_batch_4", md5="634d18415352ddfa80567beed471001a"),
                RawFile("data_batch_5", md5="482c414d41f54cd18b22e5b47cb7c3cb"),
                RawFile("batches.meta", md5="5ff9c542aee3614f3951f8cda6e48888"),
            ),
            test=(
                RawFile("test_batch", md5="40351d587109b95175f43aff81a1287e"),
                RawFile("batches.meta", md5="5ff9c542aee3614f3951f8cda6e48888"),
            ),
        ),
        "cifar-100": NamedDataset(
            _rgb("cifar-100", 100, 50_000, 10_000, "https://www.cs.toronto.edu/~kriz/cifar.html"),
            "cifar",
            "CIFAR100",
            "cifar-100-python",
            train=(
                RawFile("train", md5="16019d7e3df5f24257cddd939b257f8d"),
                RawFile("meta", md5="7973b15100ade9c7d40fb424638fde48"),
            ),
            test=(
                RawFile("test", md5="f0ef6b0ae62326f3e7ffdfab6717acfc"),
                RawFile("meta", md5="7973b15100ade9c7d40fb424638fde48"),
            ),
        ),
        "svhn": NamedDataset(
            _rgb("svhn", 10, 73_257, 26_032, "http://ufldl.stanford.edu/housenumbers/"),
            "svhn",
            "SVHN",
            ".",
            train=(RawFile("train_32x32.mat", md5="e26dedcc434d2e4c54c9b2d4a06d8373"),),
            test=(RawFile("test_32x32.mat", md5="eb5a983be6a315427106f1b164d9cef3"),),
        ),
    }
)
"""SHA-256 of Fashion-MNIST and MNIST are of the original files, decompressed; the MD5s are torchvision's."""

DATASETS: Mapping[str, DatasetInfo] = MappingProxyType({name: entry.info for name, entry in CATALOG.items()})


def named(name: str) -> NamedDataset:
    """The catalog's entry; raises `DataError` with the nearest name for any other text."""
    entry = CATALOG.get(name)
    if entry is None:
        near = difflib.get_close_matches(name.lower(), CATALOG, n=1)
        remedy = f"did you mean {near[0]}?" if near else "use fashion-mnist, for example"
        raise DataError(
            f"a data set is one of {', '.join(sorted(CATALOG))}, or folder:PATH, not {name[:60]!r}: {remedy}"
        )
    return entry
