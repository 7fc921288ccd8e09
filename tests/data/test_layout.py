"""Which sub-folders are parts, which are classes, and which folders are refused: those with two readings."""

import re
import unicodedata

import pytest
from pictures import fill, fill_parts

from vggsearch.data import describe, load_search_data, summarize
from vggsearch.data.folder import list_folder
from vggsearch.errors import DataError

TWO = "a folder must have one reading, and ROOT has two: "


def refusal(root):
    with pytest.raises(DataError) as caught:
        describe(f"folder:{root}")
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(str(root), "ROOT")


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "test"),
        ("Train", "Test"),
        ("TRAIN", "TEST"),
        ("Training", "Testing"),
        ("training", "test"),
        ("mnist_train", "mnist_test"),
        ("My photos - Training", "my photos - testing"),
        ("train_set", "test_set"),
        ("trainset", "testset"),
        ("train2017", "test2017"),
    ],
)
def test_parts_are_known_by_their_usual_names(tmp_path, train, test):
    root = fill_parts(tmp_path, train, test)
    info = describe(f"folder:{root}")
    assert (info.num_classes, info.train_size, info.test_size, info.val_size) == (2, 12, 12, None)
    assert list_folder(f"folder:{root}").parts == {"train": train, "test": test}


@pytest.mark.parametrize("val", ["val", "valid", "Validation"])
def test_a_validation_part_of_its_own_is_the_validation_part(tmp_path, val):
    root = fill_parts(tmp_path / "set", "train", val, "test")
    name = f"folder:{root}"
    one = load_search_data(name)
    other = load_search_data(name, val_fraction=0.5, split_seed=9)
    assert (len(one.train.labels), len(one.val.labels)) == (12, 12)
    assert one.key == other.key  # equal data, equal runs
    folder = list_folder(name)
    assert {path.parts[0] for path, _ in folder.val} == {val}
    line = summarize(name).lines()[0]
    assert "12 training, 12 validation, 12 test images (6, 6, 6 of each class)" in line
    assert line.endswith(f"parts train, {val} and test; val_fraction and split_seed do not apply")


def test_a_class_may_be_called_like_one_part(tmp_path):
    """Trains among other vehicles: a folder of pictures alone has one reading."""
    for name in ("train", "car", "plane"):
        fill(tmp_path / name)
    assert list_folder(f"folder:{tmp_path}").classes == ("car", "plane", "train")


@pytest.mark.parametrize("names", [("freight train", "truck"), ("blood-test", "x-ray"), ("value", "trainer")])
def test_part_of_a_name_is_no_part(tmp_path, names):
    for name in names:
        fill(tmp_path / name)
    assert list_folder(f"folder:{tmp_path}").classes == tuple(sorted(names))


class TestTwoReadings:
    """Refused in one line that names both."""

    def test_classes_beside_parts(self, tmp_path):
        for name in ("train", "test", "cat", "dog"):
            fill(tmp_path / name)
        assert refusal(tmp_path) == (
            TWO + "train and test as the parts of a data set, with "
            "cat and dog left out; or all 4 as classes: move cat and dog elsewhere, or rename "
            "train and test"
        )

    def test_parts_without_classes(self, tmp_path):
        for name in ("Train", "Test"):
            fill(tmp_path / name)
        assert refusal(tmp_path) == (
            TWO + "Train and Test as the parts of a data set, which "
            "then lack a sub-folder per class; or Train and Test as 2 classes: make a sub-folder "
            "per class in "
            "each, or rename Train and Test"
        )

    def test_a_validation_part_without_a_test_part(self, tmp_path):
        assert refusal(fill_parts(tmp_path, "train", "val")) == (
            TWO + "val as the test part, with validation images split "
            "off train; or val as the validation part, with no test part: rename val to test, or "
            "add a folder "
            "test"
        )

    def test_one_part_beside_classes(self, tmp_path):
        fill_parts(tmp_path, "train")
        fill(tmp_path / "cat")
        assert refusal(tmp_path).startswith(
            TWO + "train as a part of a data set, with cat left out; or all 2 as classes: "
        )

    def test_parts_with_different_prefixes(self, tmp_path):
        root = fill_parts(tmp_path, "old_train", "new_test")
        assert refusal(root).startswith(
            TWO + "new_test and old_train as parts of a data set; or all 2 as classes"
        )

    def test_two_folders_for_one_part(self, tmp_path):
        assert "has two: train as the training part; or training as it: " in refusal(
            fill_parts(tmp_path, "train", "training", "test")
        )

    def test_parts_within_classes(self, tmp_path):
        fill_parts(tmp_path, "cat", "dog", classes=("train", "test"))
        assert refusal(tmp_path) == (
            TWO + "test and train within cat as parts of each class; "
            "or all images below a class as one: put the part above the class, as in train/CLASS "
            "and test/CLASS, "
            "or rename test and train in each class"
        )

    def test_classes_on_two_levels(self, tmp_path):
        fill(tmp_path / "cat")
        fill_parts(tmp_path, "dogs", classes=("husky", "poodle"))
        assert refusal(tmp_path) == (
            TWO + "dogs as classes like cat; or husky and poodle in "
            "dogs as classes of their own: put all class folders on one level"
        )


def test_one_level_too_high(tmp_path):
    fill_parts(tmp_path, "archive")
    assert refusal(tmp_path).endswith("and ROOT has 1, archive, which has 2: give folder:ROOT/archive")


def test_a_part_alone(tmp_path):
    assert "add a folder train and a folder test, or give folder:ROOT/train" in refusal(
        fill_parts(tmp_path, "train")
    )
    assert refusal(fill_parts(tmp_path / "b", "test", "val")) == (
        "a folder with parts must have a training part, and ROOT has val and test alone: add a folder train"
    )


def test_every_class_is_in_every_part(tmp_path):
    root = fill_parts(tmp_path, "train", "val", "test", classes=("cat", "dog", "owl"))
    for path in (root / "val" / "owl").iterdir():
        path.unlink()
    assert refusal(root) == (
        "every class must have an image in val, and owl in ROOT has not: add images, or remove the "
        "class from "
        "every part"
    )


def test_names_are_compared_in_one_unicode_form(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "Bär") for form in ("NFC", "NFD"))
    for part, name in (("train", composed), ("test", decomposed)):
        fill(tmp_path / part / name)
        fill(tmp_path / part / "Esel")
    assert list_folder(f"folder:{tmp_path}").classes == (composed, "Esel")
    fill(tmp_path / "train" / decomposed)
    assert re.fullmatch(
        r"two folders must not have one name, and ROOT/train has 'B(\\xe4|a\\u0308)r' in two spellings of "
        "Unicode: put their images into one",
        refusal(tmp_path),
    )


def test_the_test_part_is_the_same_in_either_unicode_form(tmp_path):
    roots = [tmp_path / form for form in ("NFC", "NFD")]
    for root in roots:
        for name in ("Bär", "Öl"):
            fill(root / unicodedata.normalize(root.name, name), 20)
    one, other = (
        [unicodedata.normalize("NFC", str(path)) for path, _ in list_folder(f"folder:{root}").test]
        for root in roots
    )
    assert one == other


@pytest.mark.parametrize(
    ("form", "suffix"), [("JPEG", ".jfif"), ("JPEG", ".JPG"), ("PNG", ""), ("GIF", ".gif"), ("PNG", ".data")]
)
def test_files_are_images_by_content(tmp_path, form, suffix):
    fill(tmp_path / "cat")
    fill(tmp_path / "dog", suffix=suffix, format=form)
    info = describe(f"folder:{tmp_path}")
    assert info.train_size + info.test_size == 12


def test_what_is_left_out_is_counted_by_reason(tmp_path):
    fill(tmp_path / "cat")
    fill(tmp_path / "dog")
    (tmp_path / "cat" / "notes.txt").write_text("notes")
    (tmp_path / "cat" / "page.html").write_text("<html>")
    (tmp_path / "dog" / "boxes.xml").write_text("<?xml ?>")
    (tmp_path / "dog" / "empty").write_text("")
    (tmp_path / "dog" / "new.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    (tmp_path / "dog" / "link").symlink_to(tmp_path)
    (tmp_path / ".DS_Store").write_text("x")
    (tmp_path / "stray.png").write_bytes((tmp_path / "cat" / "000.png").read_bytes())
    (tmp_path / "labels.csv").write_text("a,b")
    assert list_folder(f"folder:{tmp_path}").left_out == {
        "not images (.txt text)": 1,
        "not images (.html HTML)": 1,
        "not images (.xml XML or SVG)": 1,
        "not images (empty)": 1,
        "not images (.heic HEIC)": 1,
        "links to folders, broken links and devices": 1,
        "images outside the class folders": 1,
        "not images (.csv text)": 1,
    }
    second = summarize(f"folder:{tmp_path}", val_fraction=0.25).lines()[1]
    assert second.startswith("files left out: 1 ")
    assert " and 4 more kinds" in second
