"""Bundles from strangers, given to the command that opens them; more of them are in tests/export."""

import contextlib
import json
import os
import shutil
from pathlib import Path

import pytest
from place import Place

from vggsearch.cli import main

CODE = "STRANGER = open('stranger', 'w')"
ESCAPES = "\x1b]0;STRANGER\x07\x1b[31m\u202e[red]<script>"


@pytest.fixture(scope="module")
def exported(watched, tmp_path_factory) -> Path:
    """A sound bundle, with Python that nobody asked for beside it."""
    place = Place(tmp_path_factory.mktemp("exported"), watched)
    place.images(count=50)
    folder = place.out / "bundle"
    data = ("--data", "folder:images", "--budget", "2steps", "--device", "cpu")
    with contextlib.chdir(place.given):
        assert main(("train", "1x8+gap", *data)) == 0
        (record,) = Path(".vggsearch/ledger").glob("*/*.json")
        assert main(("export", record.stem, "--to", str(folder), "--onnx", "none")) == 0
    for name in ("model.py", "__init__.py", "sitecustomize.py", "torch.py", "vggsearch.py"):
        (folder / name).write_text(CODE)
    return folder


@pytest.fixture
def bundle(place, exported) -> Path:
    """The same, in the hands of a stranger."""
    place.images("mine")
    return shutil.copytree(exported, place.given / "bundle")


@pytest.mark.usefixtures("bundle")
def test_its_code_is_not_run(place):
    told = place.run("predict", "bundle", "mine")
    assert (told.status, " of 6 images (" in told.out.splitlines()[0]) == (0, True)
    assert not (place.given / "stranger").exists()


def test_labels_move_no_cursor(place, bundle):
    path = bundle / "preprocess.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"labels": [ESCAPES, f"{ESCAPES}2"]}))
    for option in ([], ["--json"], ["--csv"]):
        assert place.run("predict", "bundle", "mine/a/0.png", *option).status == 0
    assert "must be named like the net's classes" in place.refused("predict", "bundle", "mine")


def test_a_damaged_one_is_refused(place, bundle):
    weights = bundle / "model.safetensors"
    weights.write_bytes(b"\x80\x04cos\nsystem\n(S'STRANGER'\ntR.")
    assert "is no weights file of vggsearch" in place.refused("predict", "bundle", "mine")
    weights.unlink()
    weights.symlink_to("/dev/zero")
    place.refused("predict", "bundle", "mine")
    (bundle / "preprocess.json").unlink()
    os.mkfifo(bundle / "preprocess.json")
    place.refused("predict", "bundle", "mine")
