"""All images are read once before anything is trained; what is wrong with them is told in one go."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch
from pictures import fill, fill_parts, noise
from PIL import Image

from vggsearch.data import cache_dir, data_key, load_search_data, load_test_images, summarize
from vggsearch.data.folder import list_folder
from vggsearch.data.split import stratified_split
from vggsearch.errors import DataError


def refusal(root, **options):
    with pytest.raises(DataError) as caught:
        summarize(f"folder:{root}", **options)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(root), "ROOT")


@pytest.fixture
def parts(tmp_path):
    """A sound folder of 40 training and 24 test images of two classes."""
    root = tmp_path / "set"
    fill_parts(root, "train", count=20)
    return fill_parts(root, "test", count=12)


class TestUnreadable:
    def test_one_damaged_test_image_is_told_before_anything_trains(self, parts):
        path = parts / "test" / "dog" / "007.png"
        path.write_bytes(path.read_bytes()[:100])
        message = refusal(parts)
        assert message.startswith(
            "every image must be readable, and of 64 in ROOT 1 is not: test/dog/007.png ("
        )
        assert message.endswith("): replace or remove it")

    def test_all_are_named_in_one_error_of_both_parts(self, parts):
        for place in ("train/cat/000", "train/dog/019", "test/cat/003"):
            (parts / f"{place}.png").write_bytes(b"")
        message = refusal(parts)
        assert message.startswith(
            "every image must be readable, and of 64 in ROOT 3 are not: train/cat/000.png ("
        )
        assert all(f"{place}.png" in message for place in ("train/dog/019", "test/cat/003"))
        assert message.endswith("): replace or remove them")

    def test_of_many_the_first_ten_and_a_number(self, parts):
        for path in parts.rglob("*.png"):
            path.write_bytes(b"<html>")
        message = refusal(parts)
        assert message.count(".png") == 10
        assert message.endswith(", and 30 more: replace or remove them")
        assert len(message) < 1000

    def test_the_same_call_goes_on_once_it_is_mended(self, parts):
        path = parts / "test" / "dog" / "007.png"
        sound = path.read_bytes()
        path.write_bytes(sound[:100])
        refusal(parts)
        path.write_bytes(sound)
        assert summarize(f"folder:{parts}").size("test") == 24

    def test_damaged_test_files_of_a_named_set_are_told(self, tiny):
        (tiny.folder / "t10k-images-idx3-ubyte").write_bytes(b"garbage")
        with pytest.raises(DataError, match="t10k-images-idx3-ubyte is damaged"):
            summarize("tiny", tiny.folder)


class TestRemembered:
    def opened(self, monkeypatch):
        from vggsearch.data import image_files

        seen = []
        real = image_files.Image.open
        monkeypatch.setattr(
            image_files.Image, "open", lambda path, **options: seen.append(path) or real(path, **options)
        )
        return seen

    def test_the_next_start_opens_one_image(self, parts, monkeypatch):
        told = []
        first = summarize(f"folder:{parts}", progress=lambda done, total: told.append((done, total)))
        assert told[0] == (1, 64)
        assert told[-1] == (64, 64)
        seen = self.opened(monkeypatch)
        told.clear()
        assert summarize(f"folder:{parts}", progress=lambda *done: told.append(done)) == first
        assert (len(seen), told) == (1, [])  # the first image gives the size

    def test_decoding_serves_the_training_too(self, parts, monkeypatch):
        summarize(f"folder:{parts}")
        seen = self.opened(monkeypatch)
        load_search_data(f"folder:{parts}")
        load_test_images(f"folder:{parts}")
        assert len(seen) == 2

    def test_a_changed_image_is_looked_at_again(self, parts):
        before = summarize(f"folder:{parts}")
        Image.fromarray(noise(5)).save(parts / "test" / "cat" / "000.png")
        after = summarize(f"folder:{parts}")
        assert after.digests["train"] == before.digests["train"]
        assert after.digests["test"] != before.digests["test"]

    @pytest.mark.parametrize("content", ["", "[]", "null", '{"state": 1}', "[" * 10_000])
    def test_a_damaged_memory_is_made_again(self, parts, content):
        first = summarize(f"folder:{parts}")
        (path,) = (cache_dir() / "checked").iterdir()
        path.write_text(content)
        assert summarize(f"folder:{parts}") == first

    def test_where_the_cache_cannot_be_written_all_is_read_each_time(self, parts, cache):
        cache.parent.mkdir(exist_ok=True)
        cache.write_text("a file where the folder should be")
        assert summarize(f"folder:{parts}") == summarize(f"folder:{parts}")


class TestFirewall:
    """Of the test images, nothing but names, shapes, numbers and digests."""

    def test_other_test_pixels_change_the_digest_alone(self, parts):
        before = summarize(f"folder:{parts}")
        for i, path in enumerate(sorted((parts / "test").rglob("*.png"))):
            Image.fromarray(noise(70_000 + i)).save(path)
        after = summarize(f"folder:{parts}")
        assert before.digests["test"] != after.digests["test"]
        digests = before.digests
        assert dataclasses.replace(after, digests=digests) == before

    def test_what_comes_back_and_what_is_remembered_holds_no_pixels(self, parts):
        found = summarize(f"folder:{parts}")
        assert kinds(dataclasses.asdict(found)) <= {str, int, float, type(None)}
        (memory,) = (cache_dir() / "checked").iterdir()
        remembered = json.loads(memory.read_text())["value"]["test"]
        assert set(remembered) == {
            "images",
            "digest",
            "constant",
            "facts",
            "copies_of_train",
            "other_label",
            "examples",
        }
        assert sum(1 for _ in leaves(remembered)) < 40  # a pixel more would be 64 more

    def test_the_door_lets_no_test_pixels_through(self):
        """What decodes any part stays inside."""
        import vggsearch.data

        inside = {"load_part", "read_folder", "read_files", "prepared_part", "decode", "part_files"}
        assert not inside & set(vggsearch.data.__all__)


def leaves(value):
    if isinstance(value, dict):
        value = value.values()
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        yield value
    else:
        for one in value:
            yield from leaves(one)


def kinds(value):
    return {type(leaf) for leaf in leaves(value)}


class TestEveryClassInEveryPart:
    def test_rare_classes(self, tmp_path):
        for name, count in {"big": 80, "r1": 3, "r2": 3, "r3": 3, "r4": 3}.items():
            fill(tmp_path / name, count)
        message = refusal(tmp_path)
        assert message == (
            "every class must have a training and a validation image, and in ROOT r2, r3 and r4 have no "
            "validation image with val_fraction 0.1: add images, or remove the class; in a study, "
            "val_fraction: 0.5 is enough, too"
        )
        share = float(message.rsplit("val_fraction: ", 1)[1].split()[0])
        found = summarize(f"folder:{tmp_path}", val_fraction=share)
        assert min(min(found.counts[part]) for part in ("train", "val", "test")) >= 1
        with pytest.raises(DataError, match="every class must have a training and a validation image"):
            load_search_data(f"folder:{tmp_path}")

    def test_a_class_of_one_picture(self, tmp_path):
        fill(tmp_path / "a", 20)
        path = fill(tmp_path / "b", 1) / "000.png"
        for i in range(1, 20):
            shutil.copy(path, path.with_name(f"{i}.png"))
        assert refusal(tmp_path).endswith("remove the class, or add different images to it")


class TestCopies:
    def quadruple(self, root, count=20):
        for name in ("a", "b"):
            for path in list(fill(root / name, count).iterdir()):
                for i in range(3):
                    shutil.copy(path, path.with_name(f"{path.stem}-{i}.png"))
        return f"folder:{root}"

    def test_copies_lie_on_one_side_of_the_split(self, tmp_path):
        data = load_search_data(self.quadruple(tmp_path), val_fraction=0.2)
        train, val = ({image.numpy().tobytes() for image in part.images} for part in (data.train, data.val))
        assert not train & val
        assert len(data.val.labels) == pytest.approx(0.2 * 136, abs=8)

    def test_the_key_the_load_and_the_summary_agree(self, tmp_path):
        name = self.quadruple(tmp_path)
        data = load_search_data(name, val_fraction=0.2, split_seed=3)
        assert data.key == data_key(name, data_dir=None, val_fraction=0.2, split_seed=3)
        found = summarize(name, val_fraction=0.2, split_seed=3)
        assert (found.size("train"), found.size("val")) == (len(data.train.labels), len(data.val.labels))
        assert found.counts["val"] == tuple(torch.bincount(data.val.labels).tolist())

    def test_copies_between_training_and_test_are_told_loudly(self, tmp_path):
        second = summarize(self.quadruple(tmp_path)).lines()[1]
        assert second.startswith("WARNING: ")
        assert " test images are exact copies of training images, such as a/0" in second
        assert "training images are exact copies of others, kept on one side of the split" in second

    def test_copies_in_a_validation_part_of_its_own_are_told(self, tmp_path):
        root = fill_parts(tmp_path / "set", "train", "val", "test")
        shutil.copy(root / "train" / "cat" / "000.png", root / "val" / "cat" / "000.png")
        assert "WARNING: 1 of 12 validation images are exact copies" in summarize(f"folder:{root}").lines()[1]

    def test_one_picture_with_two_labels(self, parts):
        shutil.copy(parts / "train" / "cat" / "000.png", parts / "train" / "dog" / "copy.png")
        shutil.copy(parts / "train" / "cat" / "001.png", parts / "test" / "dog" / "copy.png")
        second = summarize(f"folder:{parts}").lines()[1]
        assert "2 pictures with several labels" in second
        assert "1 of 25 test images are exact copies of training images" in second

    def test_the_same_pixels_in_another_file_are_a_copy(self, parts):
        Image.open(parts / "train" / "cat" / "000.png").save(parts / "train" / "cat" / "x.bmp")
        assert "1 of 41 training images are exact copies" in summarize(f"folder:{parts}").lines()[1]

    def test_images_of_one_colour_are_counted(self, parts):
        for i, path in enumerate(sorted((parts / "train" / "cat").iterdir())[:3]):
            Image.new("RGB", (8, 8), (i, 100, 200)).save(path)
        assert "3 of 64 images of one colour" in summarize(f"folder:{parts}").lines()[1]

    def test_white_on_transparent_is_told_since_it_shows_nothing(self, tmp_path):
        for k, name in enumerate(("a", "b")):
            (tmp_path / name).mkdir()
            for i in range(12):
                pixels = np.full((8, 8, 4), 255, np.uint8)
                pixels[..., 3] = noise(100 * k + i, (8, 8))
                Image.fromarray(pixels).save(tmp_path / name / f"{i}.png")
        assert "every class must have" in refusal(tmp_path, val_fraction=0.2)


class TestGroupedSplit:
    def test_without_copies_it_is_the_split_that_it_was(self):
        labels = np.arange(200) % 7
        for old, new in zip(
            stratified_split(labels, 0.15, 3), stratified_split(labels, 0.15, 3, np.arange(200)), strict=True
        ):
            assert np.array_equal(old, new)

    @pytest.mark.parametrize("seed", range(20))
    def test_any_groups(self, seed):
        rng = np.random.default_rng(seed)
        count = 300
        labels = rng.integers(0, 4, count)
        group = rng.integers(0, 150, count)
        first = np.array([np.flatnonzero(group == one)[0] for one in group])
        train, val = stratified_split(labels, 0.2, seed, first)
        assert sorted([*train, *val]) == list(range(count))
        assert not set(first[train]) & set(first[val])
        assert 0.1 * count < len(val) <= 0.2 * count + 4
        assert list(train) == sorted(train)


class TestShown:
    def test_two_lines(self, parts):
        first, second = summarize(f"folder:{parts}").lines()
        assert first == (
            f"folder:{parts}: 2 classes (cat and dog); 36 training, 4 validation, 24 test images (18, 2, 12 "
            "of each class); 3×8×8 RGB; parts train and test; 10 % for validation, split seed 0"
        )
        assert second == "no file left out; no copies between parts, no image of one colour"

    def test_many_classes_are_shortened(self, tmp_path):
        for i in range(30):
            fill(tmp_path / f"a class of a very long name, number {i:02}", 8)
        first = summarize(f"folder:{tmp_path}", val_fraction=0.2).lines()[0]
        assert "30 classes (a class of a very l…, " in first
        assert " and 24 more)" in first

    def test_sizes_that_differ_are_said(self, parts):
        Image.new("RGB", (100, 50)).save(parts / "train" / "cat" / "big.png")
        assert "resized from 8×8 to 50×100 (height × width)" in summarize(f"folder:{parts}").lines()[1]

    def test_a_named_set(self, tiny):
        found = summarize("tiny", tiny.folder)
        assert (found.size("train"), found.size("val"), found.size("test")) == (36, 4, 12)
        assert found.lines()[0].startswith("tiny: 3 classes; 36 training, 4 validation, 12 test images (")

    def test_all_of_it_is_json(self, parts):
        found = json.loads(json.dumps(summarize(f"folder:{parts}").to_json()))
        assert found["images"]["test"] == {"all": 24, "of_each_class": [12, 12]}
        assert found["classes"] == ["cat", "dog"]


def test_a_folder_with_everything_wrong_at_once_is_one_screen(parts):
    """First what stops it, all of it in one go; then, once that is mended, the rest in two lines."""
    train, test = parts / "train", parts / "test"
    for i in range(12):
        (train / "cat" / f"broken{i:02}.png").write_bytes([b"", b"<html>", b"GIF89a"][i % 3])
    (train / "dog" / "float.tif").write_bytes(b"")
    Image.new("F", (8, 8)).save(train / "dog" / "float.tif")
    (train / "cat" / "notes.txt").write_text("notes")
    (train / "dog" / "raw.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    (parts / "readme.md").write_text("read me")
    shutil.copy(train / "cat" / "000.png", test / "cat" / "copy.png")
    shutil.copy(train / "cat" / "001.png", train / "dog" / "copy.png")
    Image.new("RGB", (8, 8)).save(train / "dog" / "black.png")
    Image.fromarray(noise(1, (9, 9, 4))).save(train / "dog" / "alpha.png")
    Image.fromarray(noise(2, (8, 8))).save(train / "dog" / "grey.png")
    screen = [refusal(parts)]
    assert "13 are not" in screen[0]
    for path in [*train.rglob("broken*"), train / "dog" / "float.tif"]:
        path.unlink()
    screen += summarize(f"folder:{parts}").lines()
    assert len(screen) == 3
    assert sum(len(line) // 80 + 1 for line in screen) <= 40  # lines of a terminal of 80 columns
    for words in (
        "1 of 25 test images are exact copies of training images, such as test/cat/copy.png",
        "1 picture with several labels",
        "1 of 69 images of one colour",
        "modes RGB 67, RGBA 1, L 1, all made RGB",
        "1 transparent image shown on white",
        "resized from 8×8 to 9×9",
        "1 not images (.txt text)",
        "1 not images (.heic HEIC)",
        "1 not images (.md text)",
    ):
        assert words in screen[2]
    assert list_folder(f"folder:{parts}").ignored == 3
