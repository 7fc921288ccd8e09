"""Bundles: what is in them, that all programs in them compute the net of training, and that one is whole."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
import yaml
from PIL import Image
from torch import nn
from trained_net import RECIPE

from vggsearch.errors import BundleError
from vggsearch.export import load_bundle, load_trained, missing_libraries, write_bundle
from vggsearch.export.agreement import Agreement
from vggsearch.export.classifier import logits_of
from vggsearch.export.onnx_model import OnnxNet
from vggsearch.export.preprocess import VERSION
from vggsearch.export.trained import training_logits

FILES = {"README.md", "model.onnx", "model.py", "model.safetensors", "preprocess.json", "sample", "try.html"}

ALONE = """
import sys
for name in ("vggsearch", "safetensors", "torchvision", "pydantic", "jinja2"):
    sys.modules[name] = None
import json, torch
from model import LABELS, load, read_image
net = load()
with torch.inference_mode():
    names = [one["file"] for one in json.load(open("sample/logits.json"))]
    rows = [net(read_image(f"sample/{name}"))[0].tolist() for name in names]
print(json.dumps([LABELS, rows]))
"""


def test_a_bundle_holds_what_it_should(written):
    assert {path.name for path in written.folder.iterdir()} == FILES
    assert [path.name for path in written.folder.parent.iterdir()] == [written.folder.name]


def test_its_programs_were_compared_with_training(written):
    assert [check.name for check in written.checks] == ["model.safetensors", "model.py", "model.onnx"]
    assert all(check.images == 18 and check.largest_difference < 1e-5 for check in written.checks)
    assert written.otherwise == 0


def test_onnx_runtime_and_the_loaded_bundle_agree_with_training_on_every_image(run, written):
    trained = load_trained(*run)
    bundle = load_bundle(written.folder)
    expected = training_logits(trained, bundle.module, trained.images)
    onnx = OnnxNet(written.folder / "model.onnx", bundle.module, "bytes")
    for batch_size in (1, 5, 18):  # the number of images is free
        for program in (bundle.module, onnx):
            logits = logits_of(program, trained.images.images, batch_size)
            assert torch.allclose(logits, expected, atol=1e-4, rtol=0)
            assert torch.equal(logits.argmax(1), expected.argmax(1))
    right = (expected.argmax(1) == trained.images.labels).float().mean()
    assert float(right) == pytest.approx(run[0].test_accuracy)


def test_the_standalone_file_needs_torch_alone(written, tmp_path):
    shutil.copytree(written.folder, tmp_path / "copy")
    done = subprocess.run(
        [sys.executable, "-c", ALONE], cwd=tmp_path / "copy", capture_output=True, text=True, check=True
    )
    labels, rows = json.loads(done.stdout)
    kept = json.loads((written.folder / "sample" / "logits.json").read_text())
    assert labels == ["above", "below"]
    assert len(rows) == len(kept) == 2
    for row, one in zip(rows, kept, strict=True):
        assert row == pytest.approx(one["logits"], abs=1e-4)
        assert labels[row.index(max(row))] == one["label"]


@pytest.mark.parametrize(
    ("architecture", "side"),
    [
        ("2x8-1x16k5+gap", 8),
        ("2x6k3,1-1x8+bn+gelu+gap", 8),
        ("1x8+silu+fc12,10", 8),
        ("1x8-1x12+bn+leaky_relu+fc16", 8),
        ("1x8-1x8-1x8+bn+gap", 11),  # images are enlarged first
        ("1x8+bn+gap", 5),  # images are made smaller first, and an odd row is dropped
    ],
)
def test_every_kind_of_net_is_exported(trainer, tmp_path, architecture, side):
    trained = load_trained(*trainer(architecture, side, steps=3))
    # `write_bundle` raises where model.py or the bundle computes something else than training.
    written = write_bundle(tmp_path / "net", trained, onnx=None)
    assert all(check.largest_difference < 1e-4 and check.other_classes == 0 for check in written.checks)
    checked = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--check", str(tmp_path / "net" / "model.py")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("takes", "told"), [("bytes", "uint8 [N, 1, 8, 8]"), ("normalized", "float32 [N, 1, 5, 5]")]
)
def test_preprocessing_inside_the_onnx_file_or_beside_it(trainer, tmp_path, takes, told):
    trained = load_trained(*trainer("1x8+bn+gelu+gap", 5, steps=3))  # images are made smaller first
    written = write_bundle(tmp_path / "net", trained, onnx=takes)
    assert written.checks[-1].name == "model.onnx"
    assert load_bundle(tmp_path / "net").preprocess.onnx == takes
    assert told in (tmp_path / "net" / "README.md").read_text()


def test_layers_made_for_speed_are_exported_as_the_plain_ones(trainer, tmp_path):
    narrow = RECIPE.model_copy(update={"layers": "narrow"})
    trained = load_trained(*trainer("1x6-1x6+bn+gap", recipe=narrow))
    assert trained.record.provenance.layers == "narrow"
    written = write_bundle(tmp_path / "net", trained, onnx=None)
    kinds = {type(layer) for layer in load_bundle(written.folder).module.net.modules()}
    assert {nn.BatchNorm2d, nn.MaxPool2d} <= kinds
    assert written.otherwise == 0


def test_the_model_card(run, written):
    _, front, body = (written.folder / "README.md").read_text().split("---\n", 2)
    facts = yaml.safe_load(front)
    (result,) = facts["model-index"][0]["results"]
    assert facts["pipeline_tag"] == "image-classification"
    assert result["dataset"] == {"name": "images", "type": "images", "split": "test"}
    assert result["metrics"][0]["value"] == pytest.approx(run[0].test_accuracy, abs=1e-6)
    for text in (
        run[0].key.digest,
        "| above | 100.00 % | 70.09–100.00 % | 9 |",  # Wilson's interval of 9 of 9
        "| test, in the run | 100.00 % | 82.41–100.00 % | 18 |",
        "1,330 parameters",
        "12 steps",
        "## Licence",
    ):
        assert text in body
    assert str(written.folder) not in body
    assert "/images" not in body.replace("sample/", "")  # the path of one's images is not told


def test_a_run_that_was_not_selected_shows_no_test_image(trainer, tmp_path, monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("test images were opened")

    record, file = trainer("1x8+gap", steps=3, tested=False)
    monkeypatch.setattr("vggsearch.export.trained.load_test_images", forbidden)
    written = write_bundle(tmp_path / "net", load_trained(record, file), onnx=None)
    assert written.scores.images == len(trainer.data.val.labels)
    assert "The test images were not used" in (tmp_path / "net" / "README.md").read_text()


def test_a_large_net_is_checked_on_fewer_images(run, tmp_path, monkeypatch):
    monkeypatch.setattr("vggsearch.export.write.MOST_MACS", 5 * 23_104)
    written = write_bundle(tmp_path / "net", load_trained(*run), onnx=None)
    assert written.checks[0].images == 5
    assert written.otherwise is None
    assert "5 of 18 images" in (tmp_path / "net" / "README.md").read_text()


def test_weights_of_another_run_are_refused(run, trainer):
    _, other = trainer("1x8+gap", steps=3)
    with pytest.raises(BundleError, match="must hold the weights of run"):
        load_trained(run[0], other)


def test_weights_that_do_not_give_the_run_s_answers_are_refused(run, tmp_path):
    trained = load_trained(*run)
    turned = trained.record.model_copy(update={"test_correct": "AAAA"})
    with pytest.raises(BundleError, match="judge 18 of 18 images otherwise"):
        write_bundle(tmp_path / "net", replace(trained, record=turned), onnx=None)
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_differs_is_not_exported(run, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "vggsearch.export.write.standalone_source", lambda _: "def load():\n    return Wrong()\n" + WRONG
    )
    with pytest.raises(BundleError, match=r"model\.py must give the logits of training"):
        write_bundle(tmp_path / "net", load_trained(*run), onnx=None)
    assert list(tmp_path.iterdir()) == []


WRONG = """
import torch


class Wrong(torch.nn.Module):
    def forward(self, images):
        return torch.ones(len(images), 2)
"""


@pytest.mark.parametrize(
    ("difference", "agrees"), [(0.0, True), (0.9e-4, True), (1.1e-4, False), (float("nan"), False)]
)
def test_the_tolerance(difference, agrees):
    expected = torch.tensor([[1.0, 2.0], [0.0, -3.0]])
    logits = expected + torch.tensor([[0.0, 0.0], [difference, 0.0]])
    if agrees:
        assert Agreement.check("it", logits, expected).largest_difference == pytest.approx(
            difference, abs=1e-6
        )
    else:
        with pytest.raises(BundleError, match="it must give the logits"):
            Agreement.check("it", logits, expected)


def test_nothing_is_overwritten(run, tmp_path):
    (tmp_path / "net").mkdir()
    with pytest.raises(BundleError, match=r"exists: name another with --to"):
        write_bundle(tmp_path / "net", load_trained(*run), onnx=None)


def test_an_interruption_leaves_nothing(run, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("vggsearch.export.write.try_page", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_bundle(tmp_path / "net", load_trained(*run), onnx=None)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed(run, tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    left, others = tmp_path / f".tmp-{process.pid}-net", tmp_path / f".tmp-{os.getppid()}-net"
    for folder in (left, others):
        (folder / "sample").mkdir(parents=True)
    write_bundle(tmp_path / "net", load_trained(*run), onnx=None)
    assert sorted(path.name for path in tmp_path.iterdir()) == [others.name, "net"]


def test_samples_are_of_different_classes_and_as_many_as_asked(run, tmp_path):
    for count in (0, 1):
        folder = tmp_path / str(count)
        write_bundle(folder, load_trained(*run), onnx=None, samples=count)
        listed = json.loads((folder / "sample" / "logits.json").read_text())
        assert len(listed) == count == len(list(folder.glob("sample/*.png")))
    with Image.open(folder / "sample" / "00.png") as image:
        assert (image.mode, image.size) == ("L", (8, 8))


def test_the_version_is_written(written):
    assert json.loads((written.folder / "preprocess.json").read_text())["bundle_version"] == VERSION


def test_the_libraries_of_the_extra_are_looked_for(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "onnxscript" else object())
    assert missing_libraries() == ["onnxscript"]
