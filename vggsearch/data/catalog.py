"""The data sets known by name: their shapes, their files, and the digests of the files. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from vggsearch.arch import Task
from vggsearch.errors import DataError
from vggsearch.text import nearest

Part = Literal["train", "test"]
PARTS: tuple[Part, ...] = ("train", "test")

FileFormat = Literal["idx", "cifar", "svhn"]
"""`idx` has an images file and a labels file per part (yann.lecun.com/exdb/mnist)."""


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """Shapes and sizes of a data set, known without loading its images."""

    name: str
    input_shape: tuple[int, int, int]
    """(channels, height, width)."""
    num_classes: int
    train_size: int
    """Training images, before the validation part is split off."""
    test_size: int
    source: str
    """Web page to download it from, or the user's folder."""
    val_size: int | None = None
    """Validation images where they have a part of their own, which `train_size` counts; else None."""

    def training_images(self, val_fraction: float) -> int:
        """Number of training images without validation images, to within a few where there are copies."""
        if self.val_size is not None:
            return self.train_size - self.val_size
        return round(self.train_size * (1 - val_fraction))

    @property
    def task(self) -> Task:
        """Shape of the images, before they are resized, and number of classes."""
        return Task(self.input_shape, self.num_classes)


@dataclass(frozen=True, slots=True)
class DatasetFile:
    """A file as it is published. It is checked by each digest that is given."""

    name: str
    """File name without `.gz`."""
    sha256: str | None = None
    """SHA-256 of the decompressed bytes, since compressed bytes differ between archives."""
    md5: str | None = None
    """MD5 of the file as published (for `idx`: with `.gz`), from torchvision."""


@dataclass(frozen=True, slots=True)
class NamedDataset:
    """A data set and its files."""

    info: DatasetInfo
    file_format: FileFormat
    torchvision: str
    """Name of its class in `torchvision.datasets`."""
    folder: str
    """Subfolder of torchvision's root folder that holds the files."""
    train: tuple[DatasetFile, ...]
    test: tuple[DatasetFile, ...]
    debian: str | None = None
    """Debian package that installs the files in `/usr/share/datasets/NAME`."""

    def files(self, part: Part) -> tuple[DatasetFile, ...]:
        """Return the files of one part."""
        return self.train if part == "train" else self.test

    def size(self, part: Part) -> int:
        """Return the number of images of one part."""
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
    """Make the entry of a set of 60 000 + 10 000 grey 28×28 images of ten classes; digests as in `_IDX`."""
    files = tuple(DatasetFile(*fields) for fields in zip(_IDX, sha256, md5, strict=True))
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
                DatasetFile("data_batch_1", md5="c99cafc152244af753f735de768cd75f"),
                DatasetFile("data_batch_2", md5="d4bba439e000b95fd0a9bffe97cbabec"),
                DatasetFile("data_batch_3", md5="54ebc095f3ab1f0389bbae665268c751"),
                DatasetFile("data_batch_4", md5="634d18415352ddfa80567beed471001a"),
                DatasetFile("data_batch_5", md5="482c414d41f54cd18b22e5b47cb7c3cb"),
                DatasetFile("batches.meta", md5="5ff9c542aee3614f3951f8cda6e48888"),
            ),
            test=(
                DatasetFile("test_batch", md5="40351d587109b95175f43aff81a1287e"),
                DatasetFile("batches.meta", md5="5ff9c542aee3614f3951f8cda6e48888"),
            ),
        ),
        "cifar-100": NamedDataset(
            _rgb("cifar-100", 100, 50_000, 10_000, "https://www.cs.toronto.edu/~kriz/cifar.html"),
            "cifar",
            "CIFAR100",
            "cifar-100-python",
            train=(
                DatasetFile("train", md5="16019d7e3df5f24257cddd939b257f8d"),
                DatasetFile("meta", md5="7973b15100ade9c7d40fb424638fde48"),
            ),
            test=(
                DatasetFile("test", md5="f0ef6b0ae62326f3e7ffdfab6717acfc"),
                DatasetFile("meta", md5="7973b15100ade9c7d40fb424638fde48"),
            ),
        ),
        "svhn": NamedDataset(
            _rgb("svhn", 10, 73_257, 26_032, "http://ufldl.stanford.edu/housenumbers/"),
            "svhn",
            "SVHN",
            ".",
            train=(DatasetFile("train_32x32.mat", md5="e26dedcc434d2e4c54c9b2d4a06d8373"),),
            test=(DatasetFile("test_32x32.mat", md5="eb5a983be6a315427106f1b164d9cef3"),),
        ),
    }
)
"""All named data sets. A data set of a known format is added here and nowhere else."""

DATASETS: Mapping[str, DatasetInfo] = MappingProxyType({name: entry.info for name, entry in CATALOG.items()})


def named(name: str) -> NamedDataset:
    """Return the catalog's entry. Raises `DataError`, with the nearest name, if there is none."""
    entry = CATALOG.get(name)
    if entry is None:
        near = nearest(name, CATALOG)
        remedy = f"did you mean {near}?" if near else "use fashion-mnist, for example"
        raise DataError(
            f"a data set is one of {', '.join(sorted(CATALOG))}, folder:PATH or arrays:PATH, "
            f"not {name[:60]!r}: {remedy}"
        )
    return entry
