"""Search data and test images; the firewall between them."""

import gzip
import json
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from vggsearch.data import data_key, load_search_data, load_test_images
from vggsearch.errors import DataError


def test_search_data_is_the_training_part_split_in_two(tiny):
    data = load_search_data("tiny", data_dir=tiny.folder, val_fraction=0.25, split_seed=7)
    assert (len(data.train.labels), len(data.val.labels), data.num_classes) == (30, 10, 3)
    images, labels = tiny.arrays["train"]
    loaded = sorted(
        (image.numpy().tobytes(), int(label))
        for part in (data.train, data.val)
        for image, label in zip(part.images, part.labels, strict=True)
    )
    assert loaded == sorted(
        (image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True)
    )
    assert data.train.images.dtype == torch.uint8
    assert data.train.labels.dtype == torch.int64
    assert data.train.images.shape[1:] == (1, 5, 4)


def test_test_images_are_the_test_part_in_order(tiny):
    images, labels = tiny.arrays["test"]
    loaded = load_test_images("tiny", data_dir=tiny.folder)
    np.testing.assert_array_equal(loaded.images.numpy(), images)
    np.testing.assert_array_equal(loaded.labels.numpy(), labels)


@pytest.mark.parametrize("family", ["idx", "cifar", "svhn"])
def test_search_data_load_where_the_test_files_are_garbage(tiny_of, family):
    tiny = tiny_of(family, sub="tiny-python")
    train = {file.name for file in tiny.entry.train}
    for file in tiny.entry.test:
        if file.name not in train:
            (tiny.folder / file.name).write_bytes(b"garbage")
    assert len(load_search_data("tiny", data_dir=tiny.folder).train.labels) == 36
    with pytest.raises(DataError, match="is damaged, truncated"):
        load_test_images("tiny", data_dir=tiny.folder)


WATCH = """
import json, sys
from pathlib import Path
opened = {"search": [], "test": []}
phase = "search"
sys.addaudithook(lambda event, args: opened[phase].append(str(args[0])) if event == "open" else None)
from vggsearch.data import load_search_data, load_test_images
load_search_data(sys.argv[1], data_dir=Path(sys.argv[2]))
phase = "test"
load_test_images(sys.argv[1], data_dir=Path(sys.argv[2]))
print(json.dumps(opened))
"""


def opened_files(name, folder):
    """Paths of the files that a search opens, and of those that reading the test images opens after it."""
    done = subprocess.run([sys.executable, "-c", WATCH, name, str(folder)], capture_output=True, check=True)
    return json.loads(done.stdout)


def test_a_search_opens_no_image_of_the_test_part(photos):
    from vggsearch.data.folder import list_folder

    folder = list_folder(f"folder:{photos}")
    opened = opened_files(f"folder:{photos}", photos)
    train = {str(folder.root / path) for path, _ in folder.train}
    test = {str(folder.root / path) for path, _ in folder.test}
    assert train <= set(opened["search"])
    assert not test & set(opened["search"])
    assert test <= set(opened["test"])


def test_a_search_on_fashion_mnist_opens_no_test_file(fashion_mnist_dir, tmp_path):
    folder = shutil.copytree(fashion_mnist_dir, tmp_path / "copy")
    opened = opened_files("fashion-mnist", folder)
    for load, seen, unseen in (("search", "train", "t10k"), ("test", "t10k", "train")):
        paths = [path for path in opened[load] if path.startswith(str(folder))]
        assert len(paths) == 2
        assert all(seen in path and unseen not in path for path in paths)


def test_fashion_mnist_is_what_it_is_known_to_be(fashion_mnist_dir):
    data = load_search_data("fashion-mnist", data_dir=fashion_mnist_dir)
    assert data.mean == pytest.approx((0.28604,), abs=5e-6)
    assert data.std == pytest.approx((0.35302,), abs=5e-6)
    assert data.train.images.shape == (54_000, 1, 28, 28)
    assert data.val.labels.bincount().tolist() == [600] * 10
    # Changing either makes every run of every store a new one.
    assert data.key.digest == "2b9efa765a6e28263e4980ced0cc328cabc4cdc3feb91c0eaa5cb35095672faf"
    assert data.key.split_digest == "d020abac7c546cdd6584394ca96ca2abe8c46b6d4b856565f1355a880647f9c0"
    assert load_test_images("fashion-mnist", data_dir=fashion_mnist_dir).images.shape == (10_000, 1, 28, 28)


def test_once_prepared_fashion_mnist_loads_in_a_moment(fashion_mnist_dir):
    load_search_data("fashion-mnist", data_dir=fashion_mnist_dir)
    seconds = []
    for _ in range(3):
        begun = time.process_time()
        load_search_data("fashion-mnist", data_dir=fashion_mnist_dir)
        seconds.append(time.process_time() - begun)
    assert min(seconds) < 0.3


def test_a_damaged_file_of_the_user_s_is_named(fashion_mnist_dir, tmp_path):
    folder = shutil.copytree(fashion_mnist_dir, tmp_path / "copy")
    (labels,) = folder.glob("train-labels*")
    content = bytearray(
        gzip.decompress(labels.read_bytes()) if labels.suffix == ".gz" else labels.read_bytes()
    )
    content[1000] ^= 1
    labels.write_bytes(gzip.compress(content) if labels.suffix == ".gz" else content)
    with pytest.raises(DataError, match=f"^{labels} is damaged, truncated or of another data set "):
        load_search_data("fashion-mnist", data_dir=folder)


def test_the_key_says_what_was_loaded(tiny):
    first, again, other_seed, other_share = (
        load_search_data("tiny", data_dir=tiny.folder, val_fraction=share, split_seed=seed).key
        for share, seed in ((0.25, 0), (0.25, 0), (0.25, 1), (0.2, 0))
    )
    assert first == again
    assert first.digest == other_seed.digest == other_share.digest
    assert len({first.split_digest, other_seed.split_digest, other_share.split_digest}) == 3
    assert (first.name, first.val_fraction, first.split_seed) == ("tiny", 0.25, 0)


def test_the_key_can_be_had_without_the_images(tiny):
    loaded = load_search_data("tiny", data_dir=tiny.folder, val_fraction=0.25, split_seed=3)
    assert data_key("tiny", data_dir=tiny.folder, val_fraction=0.25, split_seed=3) == loaded.key


def test_where_the_files_lie_is_not_part_of_the_digest(tiny, tmp_path):
    digest = load_search_data("tiny", data_dir=tiny.folder).key.digest
    tiny.compress()
    moved = shutil.copytree(tiny.folder, tmp_path / "moved")
    assert load_search_data("tiny", data_dir=moved).key.digest == digest


@pytest.mark.usefixtures("tiny")
def test_absent_files_are_one_line_that_says_where_they_were_looked_for(tmp_path, cache):
    (tmp_path / "empty").mkdir()
    for load, part in ((load_search_data, "train"), (load_test_images, "test")):
        with pytest.raises(DataError) as caught:
            load("tiny", data_dir=tmp_path / "empty")
        assert str(caught.value) == (
            f"the {part} files of tiny must be in one of {tmp_path / 'empty'}, {cache / 'tiny'}, "
            "and are in none: run vggsearch data fetch tiny, or give their folder with --data-dir"
        )


def test_data_move_to_a_device(tiny):
    meta = torch.device("meta")
    data = load_search_data("tiny", data_dir=tiny.folder)
    moved = data.to(meta)
    assert {t.device for part in (moved.train, moved.val) for t in (part.images, part.labels)} == {meta}
    assert (moved.key, moved.mean) == (data.key, data.mean)
