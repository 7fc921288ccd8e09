"""Every file format gives the arrays it was written from, and any damage is found and named."""

import numpy as np
import pytest

from vggsearch.data.formats import check_files, read_files
from vggsearch.data.locations import DamagedFileError, find_files

FORMATS = ["idx", "cifar", "svhn"]


@pytest.fixture(params=FORMATS)
def any_tiny(request, tiny_of):
    return tiny_of(request.param, sub="tiny-python")


@pytest.mark.parametrize("part", ["train", "test"])
def test_files_give_their_arrays(any_tiny, part):
    paths = find_files(any_tiny.entry, part, any_tiny.folder)
    images, labels = read_files(any_tiny.entry, part, paths)
    expected_images, expected_labels = any_tiny.arrays[part]
    np.testing.assert_array_equal(images, expected_images)
    np.testing.assert_array_equal(labels, expected_labels)
    assert (images.dtype, labels.dtype) == (np.uint8, np.int64)


@pytest.mark.parametrize("part", ["train", "test"])
def test_one_part_is_read_without_the_files_of_the_other(any_tiny, part):
    other = {file.name for file in any_tiny.entry.files("test" if part == "train" else "train")}
    for name in other - {file.name for file in any_tiny.entry.files(part)}:
        (any_tiny.folder / name).unlink()
    read_files(any_tiny.entry, part, find_files(any_tiny.entry, part, any_tiny.folder))


def test_compressed_idx_files_give_the_same(tiny):
    tiny.compress()
    images, _ = read_files(tiny.entry, "train", find_files(tiny.entry, "train", tiny.folder))
    np.testing.assert_array_equal(images, tiny.arrays["train"][0])


def truncate(content):
    return content[: len(content) // 2]


def flip_a_bit(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGES = {
    "truncated": truncate,
    "one bit flipped": flip_a_bit,
    "empty": lambda _: b"",
    "longer": lambda content: content + b"\0",
    "a web page": lambda _: b"<html>Not found</html>",
}


@pytest.mark.parametrize(
    ("damage", "compressed"),
    # The gzip format allows zeros behind its end: the content is what counts.
    [(damage, gz) for damage in DAMAGES for gz in (False, True) if (damage, gz) != ("longer", True)],
)
def test_damage_is_found_and_named(tiny, damage, compressed):
    if compressed:
        tiny.compress()
    paths = find_files(tiny.entry, "train", tiny.folder)
    paths[0].write_bytes(DAMAGES[damage](paths[0].read_bytes()))
    for use in (check_files, read_files):
        with pytest.raises(DamagedFileError) as caught:
            use(tiny.entry, "train", paths)
        assert caught.value.path == paths[0]
        message = str(caught.value)
        assert message.startswith(f"{paths[0]} is damaged, truncated or of another data set (")
        assert message.endswith("): replace it, or remove it so that another copy is used")
        assert "\n" not in message


@pytest.mark.parametrize("family", ["cifar", "svhn"])
def test_a_damaged_file_is_found_before_it_is_decoded(tiny_of, family):
    tiny = tiny_of(family, sub="tiny-python")
    paths = find_files(tiny.entry, "train", tiny.folder)
    paths[0].write_bytes(truncate(paths[0].read_bytes()))
    with pytest.raises(DamagedFileError, match=r"\(wrong MD5\)"):
        read_files(tiny.entry, "train", paths)


def test_a_file_of_ours_is_replaced_by_fetching(tiny_of, cache):
    tiny = tiny_of()
    folder = cache / "tiny"
    folder.mkdir(parents=True)
    for name, content in tiny.contents.items():
        (folder / name).write_bytes(truncate(content))
    with pytest.raises(DamagedFileError, match=r"vggsearch data fetch tiny replaces it$"):
        read_files(tiny.entry, "train", find_files(tiny.entry, "train", None))
