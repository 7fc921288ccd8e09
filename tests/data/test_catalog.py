"""Names, shapes and sizes of data sets, known without torch and without a file."""

import re
import subprocess
import sys

import pytest

from vggsearch.data import (
    DATASETS,
    describe,
    fetch,
    load_search_data,
    load_test_images,
    locate,
    verify,
)
from vggsearch.data.catalog import CATALOG
from vggsearch.errors import DataError


@pytest.mark.parametrize(
    ("name", "input_shape", "num_classes", "train_size", "test_size"),
    [
        ("fashion-mnist", (1, 28, 28), 10, 60_000, 10_000),
        ("mnist", (1, 28, 28), 10, 60_000, 10_000),
        ("kmnist", (1, 28, 28), 10, 60_000, 10_000),
        ("cifar-10", (3, 32, 32), 10, 50_000, 10_000),
        ("cifar-100", (3, 32, 32), 100, 50_000, 10_000),
        ("svhn", (3, 32, 32), 10, 73_257, 26_032),
    ],
)
def test_named_data_sets(name, input_shape, num_classes, train_size, test_size):
    info = describe(name)
    assert info is DATASETS[name]
    assert (info.name, info.input_shape, info.num_classes) == (name, input_shape, num_classes)
    assert (info.train_size, info.test_size) == (train_size, test_size)
    assert info.source.startswith("http")


def test_these_are_all():
    assert sorted(DATASETS) == ["cifar-10", "cifar-100", "fashion-mnist", "kmnist", "mnist", "svhn"]


def test_every_file_can_be_checked():
    for entry in CATALOG.values():
        for file in entry.train + entry.test:
            digests = [file.sha256, file.md5]
            assert any(digests)
            assert all(re.fullmatch("[0-9a-f]{64}|[0-9a-f]{32}", digest) for digest in digests if digest)


def test_md5s_are_torchvision_s():
    import torchvision

    for entry in CATALOG.values():
        theirs = getattr(torchvision.datasets, entry.torchvision)
        if entry.file_format == "idx":
            known = {name.removesuffix(".gz"): md5 for name, md5 in theirs.resources}
        elif entry.file_format == "cifar":
            known = dict(
                [*theirs.train_list, *theirs.test_list, (theirs.meta["filename"], theirs.meta["md5"])]
            )
        else:
            known = {name: md5 for _, name, md5 in theirs.split_list.values()}
        ours = {file.name: file.md5 for file in entry.train + entry.test}
        assert set(ours) <= set(known)
        assert all(md5 == known[name] for name, md5 in ours.items() if md5)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("fashion_mnist", "did you mean fashion-mnist?"),
        ("CIFAR10", "did you mean cifar-10?"),
        ("imagenet", "use fashion-mnist, for example"),
        ("", "use fashion-mnist, for example"),
    ],
)
def test_an_unknown_name_is_one_line(name, remedy):
    with pytest.raises(DataError) as caught:
        describe(name)
    assert str(caught.value) == (
        "a data set is one of cifar-10, cifar-100, fashion-mnist, kmnist, mnist, svhn, folder:PATH or "
        f"arrays:PATH, not {name!r}: {remedy}"
    )


def test_describing_needs_no_torch():
    script = (
        "import sys, vggsearch.data as data; data.describe('mnist'); data.fetch, data.verify; "
        "assert not {'torch', 'torchvision'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("file_format", ["idx", "cifar", "svhn"])
def test_a_data_set_of_a_known_format_is_one_entry_of_the_catalog(tiny_of, file_format):
    tiny = tiny_of(file_format, sub="tiny-python")
    assert describe("tiny").train_size == 40
    assert fetch("tiny", tiny.folder) == locate("tiny", tiny.folder) == tiny.folder
    assert {report.status for report in verify("tiny", tiny.folder)} == {"verified"}
    assert len(load_search_data("tiny", data_dir=tiny.folder).train.labels) == 36
    assert len(load_test_images("tiny", data_dir=tiny.folder).labels) == 12
