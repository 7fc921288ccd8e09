"""Bundles from strangers: nothing in them runs, and each is refused in one line, before much is read."""

import json
import os
import pickle
import shutil
import struct

import pytest

from vggsearch.errors import BundleError
from vggsearch.export import load_bundle

ESCAPES = "\x1b]0;x\x07\x1b[31m\u202e\r\n"


@pytest.fixture
def bundle(written, tmp_path):
    """A sound bundle, in the hands of a stranger."""
    return shutil.copytree(written.folder, tmp_path / "bundle")


def refusal(folder) -> str:
    with pytest.raises(BundleError) as caught:
        load_bundle(folder)
    text = str(caught.value)
    assert text.isprintable(), text
    return text


def changed(folder, **changes: object) -> None:
    path = folder / "preprocess.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_sound_one_is_loaded(bundle):
    loaded = load_bundle(bundle)
    assert loaded.labels == ("above", "below")
    assert not loaded.module.training


def test_nothing_in_it_is_executed(bundle, tmp_path):
    flag = tmp_path / "flag"
    for name in ("model.py", "__init__.py", "conftest.py", "sitecustomize.py"):
        (bundle / name).write_text(f"open({str(flag)!r}, 'w')")
    (bundle / "data.pkl").write_bytes(pickle.dumps(print))
    load_bundle(bundle)
    assert not flag.exists()


def test_weights_that_are_a_pickle(bundle, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "flag"), "w"))

    (bundle / "model.safetensors").write_bytes(pickle.dumps(Evil()))
    assert "is no weights file of vggsearch" in refusal(bundle)
    assert not (tmp_path / "flag").exists()


WRONG_FIELDS = {
    "a newer version": (
        {"bundle_version": 2},
        "has version 2, and this vggsearch reads up to version 1: update",
    ),
    "no version of any kind": ({"bundle_version": "x"}, "bundle_version"),
    "another family": ({"architecture": "resnet50"}, "architecture"),
    "another net": ({"architecture": "1x8-1x16+gap"}, "holds the weights of 1x8-1x16+bn+gap"),
    "a net of another size": ({"architecture": "1x65536-32x65536k31+gap"}, "holds the weights of"),
    "text that is not canonical": ({"architecture": "1x8k3-1x16+bn+gap"}, "canonical"),
    "a net that would fill the memory": (
        {"architecture": "1x65536k1+gap", "image_shape": [1, 1024, 1024], "input_shape": [1, 1024, 1024]},
        "its layers fill",
    ),
    "images without end": ({"image_shape": [1, 10**9, 10**9]}, "image_shape"),
    "channels that are none": ({"image_shape": [2, 8, 8]}, "image_shape"),
    "other channels in the net": ({"image_shape": [3, 8, 8]}, "mean, std and input_shape"),
    "a deviation of zero": ({"std": [0.0]}, "std"),
    "a mean that is no number": ({"mean": [None]}, "mean"),
    "labels that are equal": ({"labels": ["a", "a"]}, "labels must differ"),
    "one label": ({"labels": ["a"]}, "classes"),
    "more labels than classes": ({"labels": ["a", "b", "c"]}, "holds the weights of"),
    "a label without end": ({"labels": ["a", "b" * 1000]}, "labels"),
    "an unknown field": ({ESCAPES: ESCAPES}, "preprocess.json"),
    "weights of another digest": ({"weights": "0" * 64}, "is not the file that it was exported with"),
}


@pytest.mark.parametrize("case", WRONG_FIELDS)
def test_a_description_that_lies(bundle, case):
    changes, told = WRONG_FIELDS[case]
    changed(bundle, **changes)
    assert told in refusal(bundle)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"\xff\xfe", b"{" * 100_000, b"null", b'{"bundle_version": 1e999}']
)
def test_a_description_that_is_none(bundle, content):
    (bundle / "preprocess.json").write_bytes(content)
    refusal(bundle)


def test_a_description_without_end(bundle):
    with (bundle / "preprocess.json").open("wb") as file:
        file.truncate(2**31)
    assert "more than" in refusal(bundle)


def test_weights_without_end(bundle):
    with (bundle / "model.safetensors").open("r+b") as file:
        file.truncate(2**40)
    assert "is no weights file of vggsearch" in refusal(bundle)


def test_a_header_without_end(bundle):
    path = bundle / "model.safetensors"
    path.write_bytes(struct.pack("<Q", 2**62) + path.read_bytes()[8:])
    assert "is no weights file of vggsearch" in refusal(bundle)


def test_weights_that_are_not_finite(bundle):
    path = bundle / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + struct.pack("<f", float("nan")))
    assert "finite" in refusal(bundle)


@pytest.mark.parametrize("name", ["preprocess.json", "model.safetensors"])
def test_files_that_are_no_files(bundle, name):
    (bundle / name).unlink()
    os.mkfifo(bundle / name)
    refusal(bundle)
    (bundle / name).unlink()
    (bundle / name).mkdir()
    refusal(bundle)


@pytest.mark.parametrize("name", ["nowhere", "", "bundle/preprocess.json"])
def test_no_bundle_at_all(bundle, name):
    refusal(bundle.parent / name)


def test_a_bundle_without_weights(bundle):
    (bundle / "model.safetensors").unlink()
    refusal(bundle)
