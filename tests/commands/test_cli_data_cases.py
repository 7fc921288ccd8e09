"""Folders of images on which people went wrong: what every command says of them."""

import json

import numpy as np
import pytest
from PIL import Image
from workplace import run

STUDY = """\
kind: search
question: Which?
data: {name: "folder:set"}
space: {num_blocks: [1], convs_per_block: [1], ratio: [16], kernel_size: [3], batch_norm: [true], head: [gap]}
recipe: {base: fast, batch_size: 16}
budget: {steps: 2}
sampler: grid
trials: 1
finalists: {count: 1, seeds: 2}
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The working directory; the images are to be in its folder `set`."""
    monkeypatch.chdir(tmp_path)
    for name in ("VGGSEARCH_STORE", "VGGSEARCH_DATA"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "demo.yaml").write_text(STUDY)
    return tmp_path / "set"


def fill(folder, count, seed, suffix=".png", form=None):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for i in range(count):
        pixels = rng.integers(0, 80, (8, 8, 3), dtype=np.uint8)
        pixels[seed % 8] = 250
        Image.fromarray(pixels).save(folder / f"{i:03}{suffix}", form)


RUN = ("run", "demo.yaml", "--device", "cpu", "--workers", "1")
TRAIN = ("train", "1x4+gap", "--data", "folder:set", "--budget", "2steps", "--device", "cpu")


class TestDamagedTest:
    """One truncated JPEG, in the test part alone."""

    @pytest.fixture
    def broken(self, root):
        for part, seed in (("train", 0), ("test", 10)):
            for k, name in enumerate(("a", "b")):
                fill(root / part / name, 40 if part == "train" else 10, seed + k, ".jpg")
        path = root / "test" / "b" / "007.jpg"
        sound = path.read_bytes()
        path.write_bytes(sound[:300])
        return path, sound

    @pytest.mark.usefixtures("broken")
    @pytest.mark.parametrize(
        "command", [RUN, TRAIN, ("space", "demo.yaml"), ("data", "show", "folder:set")], ids=" ".join
    )
    def test_is_told_by_name_before_anything_trains(self, capsys, root, command):
        status, out, err = run(capsys, *command)
        assert (status, out, len(err.splitlines())) == (2, "", 1)
        assert err.startswith(
            f"vggsearch: error: every image must be readable, and of 100 in {root} 1 is not: test/b/007.jpg ("
        )
        assert not list((root.parent / ".vggsearch").rglob("trials/*"))

    def test_once_mended_the_same_command_goes_on(self, capsys, broken):
        path, sound = broken
        assert run(capsys, *RUN)[0] == 2
        path.write_bytes(sound)
        status, out, _ = run(capsys, *RUN)
        assert (status, "over 2 fresh seeds" in out) == (0, True)


@pytest.mark.parametrize("names", [("Training", "Testing"), ("Train", "Test")], ids=" ".join)
def test_parts_by_other_names(capsys, root, names):
    for part, seed in zip(names, (0, 10), strict=True):
        for k, name in enumerate(("cat", "dog", "owl")):
            fill(root / part / name, 30 if seed == 0 else 15, seed + k)
    for command in (RUN, TRAIN, ("space", "demo.yaml")):
        status, _, err = run(capsys, *command)
        assert status == 0
        first, second = err.splitlines()
        assert first == (
            "folder:set: 3 classes (cat, dog and owl); 81 training, 9 validation, 45 test images (27, 3, 15 "
            f"of each class); 3×8×8 RGB; parts {names[0]} and {names[1]}; 10 % for validation, split seed 0"
        )
        assert second == "no file left out; no copies between parts, no image of one colour"


def test_a_suffix_that_used_to_be_dropped(capsys, root):
    fill(root / "cats", 40, 0)
    fill(root / "dogs", 2, 1)
    fill(root / "dogs", 38, 2, ".jfif", "JPEG")
    (root / "dogs" / "notes.txt").write_text("notes")
    found = json.loads(run(capsys, "data", "show", "folder:set", "--json")[1])
    assert sum(part["all"] for part in found["images"].values()) == 80
    assert found["left_out"] == {"not images (.txt text)": 1}
    _, _, err = run(capsys, "space", "demo.yaml")
    assert "files left out: 1 not images (.txt text)" in err


def test_rare_classes(capsys, root):
    for k, (name, count) in enumerate({"big": 100, "r1": 3, "r2": 3, "r3": 3, "r4": 3}.items()):
        fill(root / name, count, k)
    for command in (RUN, TRAIN):
        status, _, err = run(capsys, *command)
        assert (status, len(err.splitlines())) == (2, 1)
        assert "no validation image with val_fraction 0.1: add images, or remove the class" in err


def test_shape_in_the_alpha_channel_alone(capsys, root):
    rng = np.random.default_rng(0)
    for k, name in enumerate(("disc", "bar")):
        (root / name).mkdir(parents=True)
        for i in range(60):
            pixels = np.zeros((8, 8, 4), np.uint8)
            pixels[k * 4 : k * 4 + 3, :, 3] = rng.integers(100, 255, (3, 8))
            Image.fromarray(pixels).save(root / name / f"{i}.png")
    status, _, err = run(capsys, *TRAIN[:5], "30steps", *TRAIN[6:])
    assert status == 0
    assert "120 transparent images shown on white" in err
    assert "one colour" not in err.replace("no image of one colour", "")


def test_copies(capsys, root):
    for k, name in enumerate(("a", "b")):
        for copy in range(4):
            fill(root / name, 12, k, f"-{copy}.png")
    status, _, err = run(capsys, *TRAIN)
    assert status == 0
    second = err.splitlines()[1]
    assert second.startswith("WARNING: ")
    assert "test images are exact copies of training images" in second
    assert "training images are exact copies of others, kept on one side of the split" in second


def test_json_stays_json(capsys, root):
    for k, name in enumerate(("a", "b")):
        fill(root / name, 60, k)
    for command in (TRAIN, ("space", "demo.yaml")):
        status, out, err = run(capsys, *command, "--json")
        assert (status, err.splitlines()[0].startswith("folder:set: 2 classes (a and b); ")) == (0, True)
        json.loads(out)


def test_the_report_says_what_was_understood_and_says_it_elsewhere(capsys, root, monkeypatch, tmp_path):
    for k, name in enumerate(("a", "b")):
        fill(root / name, 60, k)
    assert run(capsys, *RUN)[0] == 0
    assert run(capsys, "report", "demo.yaml", "--out", "reports/demo")[0] == 0
    page = (tmp_path / "reports/demo/report.md").read_text()
    assert "2 classes (a and b); 92 training, 10 validation, 18 test images" in page
    assert "15 % of each class held out as the test part" in page
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another machine"))
    assert run(capsys, "report", "--from", "reports/demo", "--out", "again")[0] == 0
    assert (tmp_path / "again/report.md").read_text() == page
