"""Images that a person names: files, folders, labelled folders, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vggsearch.data import given_images, load_test_images
from vggsearch.data.folder import UnreadableImagesError
from vggsearch.errors import DataError

CLASSES = ("cat", "T-shirt/top", "dog")


def picture(path: Path, value: int = 0, mode: str = "L", size: tuple[int, int] = (8, 8)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path)
    return path


def pixels(given, shape=(1, 8, 8), batch_size=2) -> np.ndarray:
    return np.concatenate(list(given.batches(shape, batch_size)))


def test_files_keep_their_order_and_are_read_as_in_training(tmp_path):
    files = [picture(tmp_path / name, value) for name, value in (("b.png", 7), ("a.png", 9), ("c.gif", 3))]
    given = given_images(files, CLASSES)
    assert (given.files, given.labels) == (tuple(files), None)
    assert [image[0, 0, 0] for image in pixels(given)] == [7, 9, 3]


def test_any_size_and_mode(tmp_path):
    files = [
        picture(tmp_path / "wide.png", 200, size=(31, 5)),
        picture(tmp_path / "colour.png", 0x808080, mode="RGB"),
        picture(tmp_path / "deep.png", 65535, mode="I;16"),
        picture(tmp_path / "clear.png", 0, mode="RGBA"),
    ]
    assert [int(image.max()) for image in pixels(given_images(files, CLASSES))] == [200, 128, 255, 255]


def test_a_folder_of_images(tmp_path):
    for name in ("b.png", "a.png"):
        picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("text")
    given = given_images([tmp_path], CLASSES)
    assert [path.name for path in given.files] == ["a.png", "b.png"]
    assert given.left_out == {"not images (.txt text)": 1}
    assert given.labels is None


def test_sub_folders_are_labels(tmp_path):
    for name, count in (("dog", 2), ("T-shirt-top", 1)):
        for i in range(count):
            picture(tmp_path / name / f"{i}.png", i)
    picture(tmp_path / "beside.png")
    given = given_images([tmp_path], CLASSES)
    assert given.labels is not None
    assert given.labels.tolist() == [1, 2, 2]
    assert given.left_out == {"images outside the class folders": 1}
    assert pixels(given)[:, 0, 0, 0].tolist() == [0, 0, 1]


def test_numbers_are_labels(tmp_path):
    picture(tmp_path / "2" / "a.png")
    picture(tmp_path / "0" / "a.png")
    assert given_images([tmp_path], CLASSES).labels.tolist() == [0, 2]
    with pytest.raises(DataError, match="has 2: rename"):  # of two classes there is no number 2
        given_images([tmp_path], ("a", "b"))


def test_the_names_are_the_numbers_where_classes_are_named_so(tmp_path):
    picture(tmp_path / "7" / "a.png")
    assert given_images([tmp_path], ("9", "7")).labels.tolist() == [1]


def test_several_folders_have_no_labels(tmp_path):
    picture(tmp_path / "one" / "cat" / "a.png")
    picture(tmp_path / "two" / "b.png")
    given = given_images([tmp_path / "one", tmp_path / "two"], CLASSES)
    assert (len(given.files), given.labels) == (2, None)


def test_unknown_classes_are_named(tmp_path):
    for name in ("cat", "horse", "cow\n"):
        picture(tmp_path / name / "a.png")
    with pytest.raises(DataError) as caught:
        given_images([tmp_path], CLASSES)
    assert str(caught.value) == (
        f"sub-folders must be named like the net's classes, cat, T-shirt/top and dog, and {tmp_path} has "
        "'cow\\n' and horse: rename them, or give one alone, which needs no class"
    )


def test_all_files_that_are_no_images_are_named(tmp_path):
    good = picture(tmp_path / "good.png")
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "page.pdf").write_bytes(b"%PDF-1.7")
    given = given_images([good, tmp_path / "text.png", tmp_path / "page.pdf"], CLASSES)
    with pytest.raises(UnreadableImagesError) as caught:
        pixels(given, batch_size=1)
    text = str(caught.value)
    assert "of 3 given 2 are not: " in text
    assert "text.png (not an image that is read, but text)" in text
    assert "page.pdf (not an image that is read, but PDF)" in text


@pytest.mark.parametrize("name", ["absent.png", "empty"])
def test_nothing_there(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"must be there|holds none"):
        given_images([tmp_path / name], CLASSES)


def test_the_same_bytes_as_the_loader_of_training(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        for i in range(6):
            (tmp_path / name).mkdir(exist_ok=True)
            shape = (int(rng.integers(5, 20)), int(rng.integers(5, 20)), 3)
            Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(tmp_path / name / f"{i}.png")
    name = f"folder:{tmp_path}@8"
    test = load_test_images(name)
    found = pixels(given_images([tmp_path], ("cat", "dog")), (3, 8, 8))
    kept = {image.tobytes() for image in found}
    assert len(kept) == 12
    assert all(image.numpy().tobytes() in kept for image in test.images)
