"""`export` and `predict` as a person uses them, from a study or a run to classified pictures; mistakes."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image
from workplace import make_images, run

from vggsearch.store import Store

STUDY = """\
data: {name: folder:images, val_fraction: 0.2}
architectures: [1x4-1x8+bn+gap, 1x8+gap]
recipe: {base: fast, batch_size: 16}
budget: {steps: 12}
sampler: grid
finalists: {count: 1, seeds: 2}
"""


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder with images, a store with a study that ran to its end, and a run of `train`."""
    folder = tmp_path_factory.mktemp("work")
    make_images(folder / "images")
    (folder / "study.yaml").write_text(STUDY)
    return folder


@pytest.fixture
def call(workplace, monkeypatch, capsys):
    """Calls the command line in that folder."""
    monkeypatch.chdir(workplace)
    for name in ("VGGSEARCH_STORE", "VGGSEARCH_DATA"):
        monkeypatch.delenv(name, raising=False)

    def command(*arguments: str) -> tuple[int, str, str]:
        return run(capsys, *arguments)

    return command


@pytest.fixture
def trained(call):
    """The key of a run made by `vggsearch train`."""
    status, out, err = call("train", "1x8+bn+gap", "--data", "folder:images", "--budget", "12steps", "--json")
    assert status == 0, err
    return json.loads(out)["run"]


@pytest.fixture
def bundle(call, trained):
    """A bundle of that run, without ONNX."""
    folder = Path("bundles") / "of-a-run"
    if not folder.exists():
        status, _, err = call("export", trained[:10], "--to", str(folder), "--onnx", "none")
        assert status == 0, err
    return folder


def mistake(result: tuple[int, str, str]) -> str:
    status, out, err = result
    assert (status, out, err.count("\n"), err.startswith("vggsearch: error: ")) == (2, "", 1, True), result
    return err


def test_from_a_study_to_classified_pictures(call):
    status, _, err = call("run", "study.yaml", "--device", "cpu", "--workers", "1")
    assert status == 0, err
    status, out, err = call("export", "study.yaml")
    assert status == 0, err
    why, *_, checked, written, following = out.splitlines()
    assert why.startswith("Study study: finalist 1x")
    assert "model.safetensors, model.py, model.onnx give the logits of training to" in checked
    assert written == "written: bundles/study"
    assert following.endswith("vggsearch predict bundles/study PICTURES")
    assert why in Path("bundles/study/README.md").read_text().replace("\\", "")
    status, out, err = call("predict", "bundles/study", "images/above/3.png", "images/below/4.png")
    assert (status, err) == (0, "")
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["image", "class"],
        ["images/above/3.png", "above"],
        ["images/below/4.png", "below"],
    ]
    assert "bundles/study exists: name another with --to" in mistake(call("export", "study.yaml"))
    named = call("export", "study.yaml", "--net", "1x8+bn+gap", "--to", "other")
    assert "a net is named by a finalist" in mistake(named)


def test_a_folder_of_classes_is_measured(call, bundle):
    status, out, err = call("predict", str(bundle), "images")
    assert (status, err) == (0, "")
    assert out.startswith("100.00 % right, 120 of 120 images (95 % interval 96.90–100.00 %)\n")
    assert [line.split() for line in out.splitlines()[-3:]] == [
        ["above", "below"],
        ["above", "60", "·"],
        ["below", "·", "60"],
    ]


def test_output_for_programs(call, bundle):
    status, out, _ = call("predict", str(bundle), "images", "--json")
    found = json.loads(out)
    assert status == 0
    assert (found["accuracy"], found["confusion"]) == (1.0, [[60, 0], [0, 60]])
    assert found["classes"][1]["class"] == "below"
    assert len(found["images"]) == 120
    status, out, _ = call("predict", str(bundle), "images/above", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (status, len(rows), rows[0]["class"]) == (0, 60, "above")
    assert 0.5 < float(rows[0]["probability"]) <= 1
    assert rows[0].keys() == {"file", "class", "probability"}


def test_output_is_of_one_kind(call, bundle):
    assert "--json or --csv, not both" in mistake(call("predict", str(bundle), "images", "--json", "--csv"))


def test_names_of_files_move_no_cursor(call, bundle):
    shutil.copy("images/above/1.png", "images\x1b[31m.png")
    for option in ([], ["--csv"]):
        _, out, _ = call("predict", str(bundle), "images\x1b[31m.png", *option)
        assert "\x1b" not in out
        assert "above" in out


def test_pictures_that_are_none(call, bundle, tmp_path):
    (tmp_path / "a.png").write_text("no image")
    Image.new("L", (8, 8)).save(tmp_path / "b.png")
    told = mistake(call("predict", str(bundle), str(tmp_path)))
    assert "of 2 in" in told
    assert "a.png (not an image that is read, but text)" in told
    assert "must be there" in mistake(call("predict", str(bundle), "nowhere.png"))


def test_unknown_classes(call, bundle, tmp_path):
    (tmp_path / "dog").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "dog" / "b.png")
    assert "named like the net's classes, above and below" in mistake(
        call("predict", str(bundle), str(tmp_path))
    )


def test_a_bundle_of_a_newer_version(call, bundle, tmp_path):
    newer = shutil.copytree(bundle, tmp_path / "newer")
    facts = json.loads((newer / "preprocess.json").read_text())
    (newer / "preprocess.json").write_text(json.dumps(facts | {"bundle_version": 2}))
    assert "has version 2" in mistake(call("predict", str(newer), "images"))
    assert "is none: give its path" in mistake(call("predict", "images", "images"))


def test_a_run_without_weights_says_how_to_make_them(call, trained):
    store = Store.open(Path(".vggsearch"))
    file = store.weights_file(store.ledger.get(trained))
    aside = file.rename("aside")
    told = mistake(call("export", trained, "--to", "new"))
    aside.rename(file)
    assert f"run {trained[:12]} has no weights: to make them: vggsearch " in told
    assert not Path("new").exists()


def test_onnx_where_its_libraries_are_absent(call, trained, monkeypatch):
    monkeypatch.setattr("vggsearch.commands.export.missing_libraries", lambda: ["onnx", "onnxruntime"])
    told = mistake(call("export", trained, "--to", "absent", "--onnx", "bytes"))
    assert "needs onnx and onnxruntime, which are not installed: pip install 'vggsearch[onnx]'" in told
    status, _, err = call("export", trained, "--to", "absent")
    assert status == 0
    assert err == (
        "model.onnx is left out, as its libraries are not installed: pip install 'vggsearch[onnx]'\n"
    )
    assert not Path("absent/model.onnx").exists()
    assert "There is no `model.onnx`" in Path("absent/README.md").read_text()


def test_other_images_than_those_of_the_run(call, trained):
    picture = Path("images/above/0.png")
    before = picture.read_bytes()
    Image.new("L", (8, 8), 77).save(picture)
    told = mistake(call("export", trained, "--to", "new"))
    picture.write_bytes(before)
    assert "was trained with images" in told


def test_what_is_no_study_and_no_run(call):
    assert "no-such.yaml" in mistake(call("export", "no-such.yaml"))
    assert "no run's key begins with abcdef" in mistake(call("export", "abcdef0123"))
    assert "--net names a net of a study" in mistake(call("export", "abcdef0123", "--net", "1x8+gap"))


def test_json_tells_what_was_written(call, trained):
    status, out, _ = call("export", trained, "--to", "told", "--onnx", "none", "--json", "--samples", "0")
    found = json.loads(out)
    assert status == 0
    assert (found["folder"], found["run"], found["images"]) == ("told", trained, 10)
    assert found["checks"]["model.py"]["other_classes"] == 0
