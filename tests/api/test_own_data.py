"""Images that are in Python already, in four channels: trained on, searched with, reported, exported."""

import json
import re
import runpy

import numpy as np
import pytest
import torch
from workplace import run

import vggsearch as vs
from vggsearch.data import load_test_images
from vggsearch.recipe import RECIPES


@pytest.fixture(autouse=True)
def place(tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    return tmp_path


def four_channels(count=120):
    """Two classes that differ in the fourth channel alone."""
    images = np.random.default_rng(0).integers(0, 60, size=(count, 20, 20, 4), dtype=np.uint8)
    labels = np.arange(count) % 2
    images[labels == 1, :10, :, 3] += 150
    images[labels == 0, 10:, :, 3] += 150
    return images, np.array(["below", "above"])[labels]


RECIPE = RECIPES["fast"].model_copy(update={"batch_size": 16})


def test_a_net_learns_from_the_fourth_channel():
    net = vs.train("1x8-1x8+bn+gap", data=four_channels(), recipe=RECIPE, budget="30steps")
    assert net.record.key.input_shape == (4, 20, 20)
    assert net.record.val_accuracy == 1.0
    assert net.module(torch.zeros(3, 4, 20, 20)).shape == (3, 2)


def test_a_search_of_arrays_is_a_file_that_runs_again_and_reports_and_exports(place, capsys):
    data = vs.dataset(*four_channels(), name="Four bands")
    study = vs.search(
        architectures=["1x4+gap", "1x8+bn+gap"], data={"name": data, "resize": 16}, recipe=RECIPE,
        budget="2steps", finalists={"count": 1, "seeds": 2}, name="bands",
    )  # fmt: skip
    results = study.run(workers=1)
    assert f"name: {json.dumps(str(data))}"[6:-1].strip('"') in study.to_yaml()
    page = results.report(place / "report").read_text()
    assert "Of the 4 channels of an image the first three are shown as red, green and blue." in page
    assert vs.load_study(study.save()).run(workers=1).frame()["digest"].tolist() == (
        results.frame()["digest"].tolist()
    )
    status, out, err = run(capsys, "export", "bands.yaml", "--to", "bundle", "--onnx", "none")
    assert status == 0, err
    assert "next, in Python: vggsearch.load(" in out
    assert not (place / "bundle" / "try.html").exists()
    card = (place / "bundle" / "README.md").read_text()
    assert card.startswith("---\n")
    assert "four-bands-" in card
    assert "read_image" not in card
    assert "Image files have no 4 channels" in card
    bundle = vs.load("bundle")
    images = load_test_images(data).images
    own = runpy.run_path(str(place / "bundle" / "model.py"))["load"]()
    assert torch.allclose(bundle.module(images), own(images), atol=1e-4)
    first = json.loads((place / "bundle" / "sample" / "logits.json").read_text())[0]
    sample = torch.from_numpy(np.load(place / "bundle" / "sample" / first["file"], allow_pickle=False))[None]
    assert torch.allclose(bundle.module(sample)[0], torch.tensor(first["logits"]), atol=1e-4)
    status, _, err = run(capsys, "predict", "bundle", "bundle/README.md")
    assert (status, len(err.splitlines())) == (2, 1)
    assert "image files are grey or RGB, and the net in bundle sees 4 channels" in err


def test_what_was_understood_is_shown_and_said_before_a_run(capsys):
    data = vs.dataset(*four_channels())
    first, second = repr(data).splitlines()
    assert "2 classes (above and below); 92 training, 10 validation, 18 test images" in first
    assert "4×20×20 (4 channels); 15 % of each class held out" in first
    assert second in data._repr_html_()
    vs.search(architectures=["1x4+gap"], data=data, recipe=RECIPE, budget="1steps").run(workers=1)
    assert first in re.sub(r"\s+", " ", capsys.readouterr().err)


@pytest.mark.parametrize(
    "command", ["data show", "data verify", "data fetch", "train 1x4+gap --budget 1steps --data"]
)
def test_commands_take_the_name(capsys, command):
    status, _, err = run(capsys, *command.split(), vs.dataset(*four_channels(400)))
    assert status == 0, err


def test_a_removed_file_is_told_and_the_same_cell_goes_on(place):
    data = vs.dataset(*four_channels())
    study = vs.search(architectures=["1x4+gap"], data=data, recipe=RECIPE, budget="1steps")
    (place / str(data).removeprefix("arrays:")).unlink()
    with pytest.raises(vs.VggSearchError, match=r"is not there: make it again with vggsearch\.dataset"):
        study.run(workers=1)
    assert "is not there" in repr(data)
    vs.dataset(*four_channels())
    assert study.run(workers=1).best.val_accuracy is not None


@pytest.mark.parametrize("data", [3, None, np.zeros((3, 4))])
def test_what_is_no_data_is_refused_in_one_line(data):
    with pytest.raises(vs.VggSearchError) as caught:
        vs.search(architectures=["1x4+gap"], data=data)
    assert str(caught.value).startswith("images must come with labels, or be a Dataset of known length, not ")
