"""Images from Python become a file in the cache: the same pixels, and the same identity, as a folder's."""

import itertools
import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import noise
from PIL import Image
from safetensors.numpy import load_file, save_file

from vggsearch.data import (
    data_key,
    describe,
    keep_arrays,
    load_search_data,
    load_test_images,
    read_test_pictures,
    summarize,
    verify,
)
from vggsearch.errors import DataError


def images(count=24, shape=(20, 18, 3), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def labels(count=24, classes=3):
    return np.arange(count) % classes


def refusal(*given, **options):
    with pytest.raises(DataError) as caught:
        keep_arrays(*given, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def path_of(name):
    return Path(name.removeprefix("arrays:"))


class Items(torch.utils.data.Dataset):
    """A torch `Dataset` of (image, label)."""

    def __init__(self, pixels, marks, classes=()):
        self.pixels, self.marks, self.classes = pixels, marks, list(classes)

    def __len__(self):
        return len(self.marks)

    def __getitem__(self, i):
        return self.pixels[i], self.marks[i]


# Hugging Face's features are known by their names.
Feature = type("Image", (), {})
ClassLabel = type("ClassLabel", (), {"__init__": lambda self, names: setattr(self, "names", names)})


class Table:
    """What of a Hugging Face `Dataset` is used."""

    def __init__(self, features, rows):
        self.features, self.column_names, self.rows = features, list(features), rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return self.rows[i]


class TestTheSameAsAFolder:
    @pytest.mark.parametrize("shape", [(9, 7), (9, 7, 3)])
    @pytest.mark.parametrize("parts", [("train", "test"), ("train", "val", "test")])
    def test_pixels_and_identity(self, tmp_path, shape, parts):
        given = {}
        for part in parts:
            pixels, marks = [], []
            for name, i in itertools.product(("cat", "dog"), range(8)):
                pixels.append(noise(len(given) * 100 + i + 50 * (name == "dog"), shape))
                marks.append(name)
                place = tmp_path / "set" / part / name
                place.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels[-1]).save(place / f"{i}.png")
            given[part] = (np.stack(pixels), marks)
        folder = f"folder:{tmp_path / 'set'}"
        arrays = keep_arrays(
            *given["train"],
            test=given["test"],
            validation=given.get("val"),
            axes="NHWC" if len(shape) == 3 else None,
        )
        one, other = (load_search_data(name) for name in (folder, arrays))
        assert torch.equal(one.train.images, other.train.images)
        assert torch.equal(one.val.labels, other.val.labels)
        assert (one.mean, one.std) == (other.mean, other.std)
        key = data_key(arrays, data_dir=None)
        assert key.model_copy(update={"name": folder}) == data_key(folder, data_dir=None)
        assert torch.equal(load_test_images(folder).images, load_test_images(arrays).images)
        first, second = summarize(arrays).lines()
        assert first.split(": ", 1)[1].startswith("2 classes (cat and dog); ")
        assert second == "no copies between parts, no image of one colour"


class TestLayouts:
    @pytest.mark.parametrize(
        ("given", "shape"),
        [
            (images(shape=(20, 18)), (1, 20, 18)),
            (images(shape=(20, 18, 1)), (1, 20, 18)),
            (images(shape=(4, 20, 18)), (4, 20, 18)),
            (images(shape=(20, 18, 16)), (16, 20, 18)),
            (torch.from_numpy(images(shape=(2, 20, 18))), (2, 20, 18)),
            (list(images(shape=(20, 18))), (1, 20, 18)),
            (list(torch.from_numpy(images(shape=(3, 20, 18)))), (3, 20, 18)),
            ([Image.fromarray(one) for one in images(shape=(8, 9, 3))], (3, 8, 9)),
            (images(shape=(20, 18)).tolist(), None),
        ],
        ids=lambda value: str(value) if isinstance(value, tuple) else type(value).__name__,
    )
    def test_channels_are_found(self, given, shape):
        if shape is None:  # numbers of no known range
            assert "not int64: scale them to 0 to 255" in refusal(given, labels())
        else:
            assert describe(keep_arrays(given, labels())).input_shape == shape

    def test_of_two_readings_one_must_be_said(self):
        small = images(shape=(8, 9, 3))
        assert refusal(small, labels()) == (
            "images of shape (24, 8, 9, 3) may have their channels first or last: say which, with "
            'axes="NCHW" or axes="NHWC"'
        )
        assert describe(keep_arrays(small, labels(), axes="NHWC")).input_shape == (3, 8, 9)
        assert describe(keep_arrays(small, labels(), axes="NCHW")).input_shape == (8, 9, 3)

    @pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
    def test_floats_become_the_bytes_they_came_from(self, kind):
        pixels = np.arange(256, dtype=np.uint8).repeat(24).reshape(24, 16, 16)
        floats = (pixels / 255).astype(kind)
        assert keep_arrays(floats, labels()) == keep_arrays(pixels, labels())


class TestDatasets:
    expected = staticmethod(lambda: keep_arrays(images(), [("a", "b", "c")[i] for i in labels()]))

    def test_a_torch_dataset(self):
        tensors = torch.from_numpy(images()).permute(0, 3, 1, 2) / 255
        items = Items(tensors, torch.from_numpy(labels()), "abc")
        assert keep_arrays(items) == self.expected()
        assert keep_arrays(torch.utils.data.Subset(items, range(24)), classes="abc") == self.expected()
        assert keep_arrays((images(), labels()), classes=["a", "b", "c"]) == self.expected()

    def test_a_hugging_face_dataset(self):
        rows = [
            {"id": i, "photo": Image.fromarray(one), "kind": int(label)}
            for i, (one, label) in enumerate(zip(images(), labels(), strict=True))
        ]
        features = {"id": object(), "photo": Feature(), "kind": ClassLabel(["a", "b", "c"])}
        assert keep_arrays(Table(features, rows)) == self.expected()
        plain = [{"image": row["photo"], "label": "abc"[row["kind"]]} for row in rows]
        assert keep_arrays(Table({"image": object(), "label": object()}, plain)) == self.expected()
        assert refusal(Table({"x": object(), "label": object()}, plain)).startswith(
            "a Dataset must have one column of images, and has "
        )

    def test_random_transforms_are_refused(self):
        class Random(Items):
            def __getitem__(self, i):
                return torch.rand(1, 20, 18), 0

        assert refusal(Random(images(), labels())).endswith(
            "remove random transforms from it; the recipe augments"
        )


class TestParts:
    def test_the_held_out_part_does_not_depend_on_the_order(self):
        pixels, marks = images(60), labels(60)
        order = np.random.default_rng(1).permutation(60)
        some, others = (
            load_test_images(keep_arrays(*pair)).images.flatten(1)
            for pair in ((pixels, marks), (pixels[order], marks[order]))
        )
        assert len(some) == 9
        assert sorted(map(tuple, some.tolist())) == sorted(map(tuple, others.tolist()))

    def test_copies_are_never_in_both_parts(self):
        pixels, marks = images(30), labels(30)
        name = keep_arrays(np.concatenate([pixels, pixels]), np.concatenate([marks, marks]))
        found = summarize(name)
        assert found.warnings == ()
        assert "exact copies of others, kept on one side of the split" in found.notes[0]

    def test_copies_that_were_given_in_both_are_told(self):
        found = summarize(keep_arrays(images(60), labels(60), test=(images(60)[:6], labels(6))))
        assert found.warnings[0].startswith(
            "6 of 6 test images are exact copies of training images, such as number 0, number 1 and number 2"
        )

    def test_numbers_of_classes_are_names_where_they_have_gaps(self):
        name = keep_arrays(images(60), labels(60) * 10 - 5)
        assert load_search_data(name).num_classes == 3
        assert summarize(name).classes == ("-5", "5", "15")

    def test_of_many_channels_pictures_show_three(self):
        name = keep_arrays(images(shape=(5, 100, 80)), labels(), test=(images(6, (5, 100, 80)), labels(6)))
        marks = load_test_images(name).labels.numpy()
        assert read_test_pictures(name, [0, 1], marks, most_side=64).shape == (2, 3, 64, 51)


ok, marks = images(), labels()
REFUSED = {
    "no labels": (
        (ok, None),
        {},
        "images must come with labels, or be a Dataset of known length, not ndarray",
    ),
    "a mapping": (
        ({"train": ok}, None),
        {},
        "one part is passed at a time, not a mapping of train: pass data[",
    ),
    "a text": (
        ("x", [0]),
        {},
        "images must be an array [N, H, W], [N, H, W, C] or [N, C, H, W], not of shape ()",
    ),
    "flat": ((ok.reshape(24, -1), marks), {}, "images must be an array [N, H, W], [N, H, W, C] or"),
    "ragged": (
        ([ok[0], ok[1][:5]], [0, 1]),
        {},
        "all images must have one shape, and number 1 is (5, 18, 3)",
    ),
    "beyond 1": (
        (ok / 2.0, marks),
        {},
        "images of float64 must lie from 0 to 1, and these reach from 0 to 127.5",
    ),
    "not a number": ((np.full((24, 20, 18), np.nan), marks), {}, "images of float64 must lie from 0 to 1"),
    "whole": ((ok.astype(int), marks), {}, "images must be bytes (uint8), or floats from 0 to 1, not int64"),
    "too many channels": (
        (images(24, (20, 18, 17)), marks),
        {},
        "images have 1 to 16 channels and sides of 1",
    ),
    "palette": (
        ([Image.fromarray(one).convert("P") for one in ok], marks),
        {},
        "pictures must have the mode L or RGB, not P: convert them with picture.convert('RGB')",
    ),
    "none": ((ok[:0], []), {}, "there must be 1 to 1000000 images, not 0"),
    "other axes": ((ok, marks), {"axes": "CHWN"}, "axes must be NCHW or NHWC, not 'CHWN'"),
    "too few labels": (
        (ok, marks[:9]),
        {},
        "every image must have a label, and there are 24 images and 9 labels",
    ),
    "one-hot": ((ok, np.eye(3)[marks]), {}, "labels must be one of each image, [N], not of shape (24, 3)"),
    "halves": ((ok, marks / 2), {}, "labels must be whole numbers or texts, not float64"),
    "one class": ((ok, marks * 0), {}, "there must be 2 to 100000 classes with different, printable names"),
    "a bad name": (
        (ok, ["a\x1b", "b", "c"] * 8),
        {},
        "there must be 2 to 100000 classes with different, printable",
    ),
    "a strange label": (
        (ok, marks),
        {"classes": ["a", "b"]},
        "a label must be one of 0 and 1, and the training part has 2: change it, or pass classes",
    ),
    "a strange test label": (
        (ok, marks),
        {"test": (ok, marks + 1)},
        "a label must be one of 0, 1 and 2, and the test",
    ),
    "another test shape": (
        (ok, marks),
        {"test": (ok[:, :17], marks)},
        "images of all parts must have one shape, and those of the test part are (3, 17, 18) where",
    ),
    "a class without test": (
        (ok, marks),
        {"test": (ok[:2], marks[:2])},
        "every class must have an image in the test part, and 2 has not",
    ),
    "a class too small": (
        (ok[:7], marks[:7]),
        {},
        "a class must have at least 3 images where the test part is held out, and 1 and 2",
    ),
    "a class of copies": (
        (ok[[0] * 4 + [1, 2, 3, 4]], [0] * 4 + [1] * 4),
        {},
        "every class must have an image in the test part, and 0 has not: add different images",
    ),
    "other items": (
        (Items(ok, marks).marks.tolist(), None),
        {},
        "images must come with labels, or be a Dataset",
    ),
    "no pairs": (
        (torch.utils.data.TensorDataset(torch.zeros(3, 20, 18)), None),
        {},
        "a Dataset's items must be (im",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_unclear_is_refused_in_one_line(what):
    given, options, line = REFUSED[what]
    assert refusal(*given, **options).startswith(line)


class TestTheFile:
    def test_it_is_written_once_and_named_by_its_content(self, cache):
        name = keep_arrays(images(), labels(), name="My Scans!")
        assert path_of(name).name.startswith("my-scans-")
        assert path_of(name).parent == cache / "arrays"
        before = path_of(name).stat().st_mtime_ns
        assert keep_arrays(images(), labels(), name="My Scans!") == name
        assert path_of(name).stat().st_mtime_ns == before
        assert keep_arrays(images(seed=1), labels(), name="My Scans!") != name
        assert keep_arrays(images(), labels(), classes="abc", name="My Scans!") != name

    def test_a_removed_or_damaged_file_comes_back_as_the_line_says(self):
        name = keep_arrays(images(), labels())
        sound = path_of(name).read_bytes()
        path_of(name).unlink()
        with pytest.raises(DataError) as caught:
            load_search_data(name)
        assert str(caught.value) == (
            f"arrays:PATH must name an array file, and {path_of(name)} is not there: make it again with "
            "vggsearch.dataset and the same images, as in the cell or script that made it"
        )
        assert keep_arrays(images(), labels()) == name
        assert path_of(name).read_bytes() == sound
        flipped = bytearray(sound)
        flipped[-1] ^= 1
        path_of(name).write_bytes(flipped)
        assert "damaged" in {report.status for report in verify(name)}
        assert keep_arrays(images(), labels()) == name
        assert {report.status for report in verify(name)} == {"verified"}

    def test_the_cache_must_be_writable(self, cache):
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_text("")
        assert refusal(images(), labels()).startswith("images must be written to the cache, and ")


def hostile(sound, about):
    """Array files that someone made up: name, tensors, metadata."""
    few = {key: value[:1] for key, value in sound.items()}
    yield "no metadata", sound, None
    yield "other metadata", sound, "[" * 9000
    yield "an escape sequence", sound, about.replace('"0"', r'"\u001b[2J"')
    yield "one name twice", sound, about.replace('"0"', '"1"')
    yield "a missing part", {key: sound[key] for key in ("train_images", "train_labels")}, about
    yield "another tensor", sound | {"x": np.zeros(3)}, about
    yield "many tensors", sound | {f"x{i}": np.zeros(1) for i in range(50)}, about
    yield "floats", sound | {"train_images": sound["train_images"].astype(np.float32)}, about
    yield "flat images", sound | {"train_images": sound["train_images"].reshape(-1, 9)}, about
    yield (
        "too many channels",
        {k: v.reshape(len(v), -1, 1, 1) if v.ndim == 4 else v for k, v in sound.items()},
        about,
    )
    yield "other labels", sound | {"train_labels": sound["train_labels"] + 1}, about
    yield "a label far out", sound | {"train_labels": sound["train_labels"] * 2**40}, about
    yield "fewer labels", sound | {"train_labels": sound["train_labels"][1:]}, about
    yield "no labels", {key: value[:0] for key, value in sound.items()}, about
    yield "other pixels", sound | {"train_images": sound["train_images"] ^ 1}, about
    yield "too few images", few, about


def test_a_hostile_file_is_refused_in_one_line(tmp_path):
    name = keep_arrays(images(), labels())
    sound = load_file(path_of(name))
    head = path_of(name).read_bytes()
    length = struct.unpack("<Q", head[:8])[0]
    about = json.loads(head[8 : 8 + length])["__metadata__"]["vggsearch"]
    path = tmp_path / "made-up.safetensors"
    for what, tensors, text in hostile(sound, about):
        tensors = {key: np.ascontiguousarray(value) for key, value in tensors.items()}
        save_file(tensors, path, metadata=None if text is None else {"vggsearch": text})
        with pytest.raises(DataError, match="is no sound array file") as caught:
            summarize(f"arrays:{path}")
        assert str(caught.value).isprintable(), what
    for content in (
        b"",
        b"\xff" * 8,
        b"\xff" * 7 + b"\x00" * 900,
        head[:-1],
        head + b"x",
        b"\x80\x04K\x01.",
        head[:20],
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match="is no sound array file"):
            describe(f"arrays:{path}")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DataError, match="not a regular file"):
        describe(f"arrays:{path}")
    for odd in ("", "\0", "x" * 5000, "~nobody-here/x", str(tmp_path)):
        with pytest.raises(DataError):
            describe(f"arrays:{odd}")
