"""A user's own images: one folder per class, a stable test part, one size, one mode, clear refusals."""

import shutil

import numpy as np
import pytest
from PIL import Image

from vggsearch.data import describe, load_search_data, load_test_images
from vggsearch.data.folder import list_folder, read_folder
from vggsearch.errors import DataError


def load(photos, suffix=""):
    folder = list_folder(f"folder:{photos}{suffix}")
    return folder, {part: read_folder(folder, part) for part in ("train", "test")}


def add(photos, path, mode="RGB", size=(6, 4), colour=0):
    (photos / path).parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(photos / path)


def refusal(name):
    with pytest.raises(DataError) as caught:
        describe(str(name))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_shapes_and_sizes(photos):
    info = describe(f"folder:{photos}")
    assert (info.input_shape, info.num_classes) == ((3, 4, 6), 2)
    assert (info.train_size, info.test_size) == (34, 6)
    assert info.source == str(photos)


def test_pixels_and_labels_are_those_of_the_files(photos):
    folder, parts = load(photos)
    for part, (images, labels) in parts.items():
        assert images.shape[1:] == (3, 4, 6)
        for image, label, (path, _) in zip(images, labels, folder.samples(part), strict=True):
            red, green, blue = image[:, 0, 0]
            assert folder.classes[label] == path.parent.name == ("red" if red > blue else "blue")
            assert green == int(path.stem)
            assert np.all(image == image[:, :1, :1])


def test_every_image_is_in_one_part_and_every_class_in_both(photos):
    folder, parts = load(photos)
    paths = [path for part in ("train", "test") for path, _ in folder.samples(part)]
    assert len(paths) == len(set(paths)) == 40
    for _, labels in parts.values():
        assert set(labels) == {0, 1}
    assert list(np.bincount(parts["test"][1])) == [3, 3]


def test_the_test_part_does_not_depend_on_where_the_folder_lies(photos, tmp_path):
    moved = shutil.copytree(photos, tmp_path / "elsewhere")
    assert list_folder(f"folder:{photos}").test == list_folder(f"folder:{moved}").test


def test_the_test_part_is_not_made_of_neighbours_in_name(photos):
    numbers = sorted(int(path.stem) for path, label in list_folder(f"folder:{photos}").test if label == 0)
    assert numbers != list(range(3))
    assert numbers != list(range(17, 20))


def test_train_and_test_folders_are_the_parts(photos, tmp_path):
    root = tmp_path / "given"
    shutil.copytree(photos, root / "train")
    shutil.copytree(photos, root / "test")
    folder, parts = load(root)
    assert folder.classes == ("blue", "red")
    assert [len(parts[part][1]) for part in ("train", "test")] == [40, 40]
    assert {path.parts[0] for path, _ in folder.test} == {"test"}


def test_a_side_resizes_every_image(photos):
    _, parts = load(photos, "@8")
    assert parts["train"][0].shape == (34, 3, 8, 8)


def test_without_a_side_the_first_image_gives_the_size(photos):
    add(photos, "red/big.png", size=(60, 40), colour=(200, 7, 0))
    folder, parts = load(photos)
    everything = {path.name: image for part in parts for (path, _), image in
                  zip(folder.samples(part), parts[part][0], strict=True)}  # fmt: skip
    assert everything["big.png"].shape == (3, 4, 6)
    assert list(everything["big.png"][:, 2, 3]) == [200, 7, 0]


def test_grey_images_have_one_channel(tmp_path):
    for name in ("a", "b"):
        for i in range(3):
            add(tmp_path / "grey", f"{name}/{i}.png", mode="L", colour=10 * i)
    folder, parts = load(tmp_path / "grey")
    assert folder.info.input_shape == (1, 4, 6)
    assert parts["train"][0].shape == (4, 1, 4, 6)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_in_a_colour_set_other_modes_become_rgb(photos, mode):
    add(photos, "red/other.png" if mode != "CMYK" else "red/other.jpg", mode=mode)
    _, parts = load(photos)
    assert parts["train"][0].shape[1] == 3


def test_photographs_are_turned_the_way_they_were_taken(tmp_path):
    root = tmp_path / "phone"
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    pixels = np.zeros((4, 6, 3), dtype=np.uint8)
    pixels[:, :3] = 255  # the left half, on top once turned
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        for i in range(3):
            Image.fromarray(pixels).save(root / name / f"{i}.png", exif=exif)
    folder, parts = load(root)
    assert folder.info.input_shape == (3, 6, 4)
    assert parts["train"][0][0, 0, :, 0].tolist() == [255, 255, 255, 0, 0, 0]


def test_other_files_are_counted_and_hidden_ones_passed_over(photos):
    (photos / "red" / "notes.txt").write_text("x")
    (photos / "red" / ".DS_Store").write_text("x")
    (photos / "red" / ".thumbnails").mkdir()
    add(photos, "red/.thumbnails/0.png")
    (photos / ".git").mkdir()
    folder = list_folder(f"folder:{photos}")
    assert folder.ignored == 1
    assert len(folder.train) + len(folder.test) == 40


def test_search_and_test_data_come_from_a_folder(photos):
    data = load_search_data(f"folder:{photos}", val_fraction=0.2)
    test = load_test_images(f"folder:{photos}")
    assert (len(data.train.labels), len(data.val.labels), len(test.labels)) == (27, 7, 6)
    assert data.num_classes == 2
    assert len(data.mean) == 3


def test_a_changed_image_is_noticed(photos):
    before = load_search_data(f"folder:{photos}").key.digest
    first = photos / list_folder(f"folder:{photos}").train[0][0]
    Image.new("RGB", (6, 4), (1, 2, 3)).save(first)
    assert load_search_data(f"folder:{photos}").key.digest != before


def test_refusals(photos, tmp_path):
    assert refusal("folder:") == (
        "a folder of images must be given as folder:PATH or folder:PATH@SIDE, not 'folder:': give its path"
    )
    assert refusal(f"folder:{tmp_path}/none") == (
        f"folder:PATH must name a folder of images, and {tmp_path}/none is none: give a folder that exists"
    )
    assert "folder:PATH must name a folder of images, and ~nobody-of-that-name/x is none" in refusal(
        "folder:~nobody-of-that-name/x"
    )
    assert " is none: give a folder that exists" in refusal("folder:" + "x" * 5000)
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert f"{tmp_path}/circle is none" in refusal(f"folder:{tmp_path}/circle")
    assert refusal(f"folder:{photos}@0") == (
        "the sides of images must be 1 to 1024 pixels, not 0: use folder:PATH@64, for example"
    )
    assert refusal(f"folder:{photos}/red") == (
        f"a folder of images must have one sub-folder per class and at least 2, and {photos}/red has 0: "
        "sort the images into one folder per class"
    )
    (photos / "green").mkdir()
    assert refusal(f"folder:{photos}") == (
        f"a class must have at least 3 images, and green in {photos} has 0: add images, or remove the folder"
    )


def test_parts_must_have_the_same_classes(photos, tmp_path):
    root = tmp_path / "given"
    shutil.copytree(photos, root / "train")
    shutil.copytree(photos, root / "test")
    shutil.rmtree(root / "test" / "red")
    assert refusal(f"folder:{root}") == (
        f"train and test must have the same classes, and in {root} only train has red: make them the same"
    )


def test_large_images_need_a_side(tmp_path):
    for name in ("a", "b"):
        for i in range(3):
            add(tmp_path / "large", f"{name}/{i}.png", mode="1", size=(1025, 2))
    assert refusal(f"folder:{tmp_path}/large").endswith(".png is 1025x2: give a side, as in folder:PATH@64")
    assert describe(f"folder:{tmp_path}/large@32").input_shape == (1, 32, 32)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not an image that is read, but empty"),
        (b"<html>", "not an image that is read, but HTML"),
        (b"notes, written down", "not an image that is read, but text"),
        (b"\x89PNG\r\n\x1a\n", "damaged PNG"),
        (None, "cannot be decoded: image file is truncated"),
    ],
)
def test_an_image_that_cannot_be_decoded_is_named(photos, content, reason):
    path = list_folder(f"folder:{photos}").train[-1][0]
    found = (photos / path).read_bytes()
    (photos / path).write_bytes(found[:-30] if content is None else content)
    with pytest.raises(DataError) as caught:
        load(photos)
    assert str(caught.value) == (
        f"every image must be readable, and of 34 in {photos} 1 is not: {path} ({reason}): "
        "replace or remove it"
    )


def test_a_set_that_does_not_fit_is_refused_before_it_is_decoded(photos, monkeypatch):
    import importlib

    monkeypatch.setattr(importlib.import_module("vggsearch.data.folder"), "MAX_BYTES", 1000)
    assert refusal(f"folder:{photos}") == (
        f"a part must take at most 1000 bytes, and one of {photos} has 34 images of (3, 4, 6): "
        f"use a smaller side, as in folder:{photos}@64"
    )
