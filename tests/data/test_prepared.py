"""The quick form of a part gives the same arrays, is made again when it must be, is not believed blindly."""

import json
import os

import numpy as np
import pytest

from vggsearch.data.prepared import prepared_part

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 2, 5, 4), dtype=np.uint8)
LABELS = np.arange(30, dtype=np.int64) % 3


class Reader:
    """Counts how often it is asked to read the files."""

    def __init__(self, images=IMAGES, labels=LABELS):
        self.arrays = images, labels
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return self.arrays


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(b"what it was made from")
    return path


def saved(cache, suffix):
    (path,) = cache.glob(f"prepared/*/*{suffix}")
    return path


def test_files_are_read_once(source):
    read = Reader()
    first = prepared_part("x train", [source], read)
    again = prepared_part("x train", [source], read)
    assert read.calls == 1
    for part in (first, again):
        np.testing.assert_array_equal(part.images, IMAGES)
        np.testing.assert_array_equal(part.labels, LABELS)
    assert (again.digest, again.mean, again.std) == (first.digest, first.mean, first.std)


def test_mean_and_std_are_those_of_the_pixels(source):
    part = prepared_part("x train", [source], Reader())
    pixels = IMAGES.astype(np.float64) / 255
    np.testing.assert_allclose(part.mean, pixels.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(part.std, pixels.std(axis=(0, 2, 3)), rtol=1e-12)


def test_the_digest_tells_pixels_labels_and_shapes_apart(source):
    others = [
        Reader(),
        Reader(images=IMAGES ^ 1),
        Reader(labels=(LABELS + 1) % 3),
        Reader(images=IMAGES.reshape(30, 2, 4, 5)),
    ]
    digests = {prepared_part(f"{i}", [source], read).digest for i, read in enumerate(others)}
    assert len(digests) == 4
    assert prepared_part("another name", [source], Reader()).digest in digests


def change_time(source):
    os.utime(source, ns=(1, 1))


def change_size(source):
    source.write_bytes(b"other")


@pytest.mark.parametrize("change", [change_time, change_size])
def test_other_files_are_read_anew_and_replace_the_old(source, cache, change):
    prepared_part("x train", [source], Reader())
    change(source)
    read = Reader(labels=(LABELS + 1) % 3)
    np.testing.assert_array_equal(prepared_part("x train", [source], read).labels, (LABELS + 1) % 3)
    assert read.calls == 1
    assert len(list(cache.glob("prepared/*/*"))) == 3


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip_last_bit(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def remove(path):
    path.unlink()


@pytest.mark.parametrize("damage", [cut, flip_last_bit, remove])
@pytest.mark.parametrize("suffix", [".images.npy", ".labels.npy", ".json"])
def test_a_damaged_copy_is_made_again(source, cache, suffix, damage):
    prepared_part("x train", [source], Reader())
    damage(saved(cache, suffix))
    read = Reader()
    np.testing.assert_array_equal(prepared_part("x train", [source], read).images, IMAGES)
    assert read.calls == 1
    prepared_part("x train", [source], read)
    assert read.calls == 1


def test_pickles_are_not_opened(source, cache):
    prepared_part("x train", [source], Reader())
    np.save(saved(cache, ".labels.npy"), np.array([print], dtype=object), allow_pickle=True)
    read = Reader()
    prepared_part("x train", [source], read)
    assert read.calls == 1


def test_a_summary_of_another_form_is_made_again(source, cache):
    prepared_part("x train", [source], Reader())
    saved(cache, ".json").write_text(json.dumps(["not", "it"]))
    read = Reader()
    prepared_part("x train", [source], read)
    assert read.calls == 1


def test_where_the_cache_cannot_be_written_the_files_are_read_each_time(source, cache):
    cache.parent.mkdir()
    cache.write_text("a file where the folder should be")
    read = Reader()
    for _ in range(2):
        np.testing.assert_array_equal(prepared_part("x train", [source], read).images, IMAGES)
    assert read.calls == 2
