"""Weights on the command line: kept, shown, made again, gone on from; each remedy works as it is named."""

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from workplace import make_images, run

from vggsearch.cli import main
from vggsearch.recipe import RECIPES
from vggsearch.store import Store
from vggsearch.testing.fake import artificial_record, run_key
from vggsearch.training import read_weights

TRAIN = ("train", "2x4-1x8+bn+gap", "--data", "folder:images", "--device", "cpu", "--budget", "6steps")
GO_ON = ("train", "--data", "folder:images", "--device", "cpu", "--budget", "4steps")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with images and a store, in which one run was trained; its key."""
    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make_images(folder / "images")
        assert main(TRAIN) == 0
    (record,) = Store.open(folder / ".vggsearch").ledger
    return folder, record.key.digest[:12]


@pytest.fixture(autouse=True)
def key(prepared, tmp_path, monkeypatch):
    """The key of the run in a copy of that folder, which is the working directory."""
    folder, name = prepared
    shutil.copytree(folder, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    for variable in ("VGGSEARCH_STORE", "VGGSEARCH_DATA"):
        monkeypatch.delenv(variable, raising=False)
    return name


def weights_of(key: str) -> Path | None:
    store = Store.open(Path(".vggsearch"))
    (digest,) = store.ledger.digests(key)
    record = store.ledger.get(digest)
    assert record is not None
    return store.weights_file(record)


def named(text: str, start: str) -> list[str]:
    """The command that begins with `start` in what was printed."""
    (found,) = re.findall(rf"(?:make them|its weights): ({re.escape(start)}.*)$", text, re.MULTILINE)
    return shlex.split(found)[1:]


def answer(capsys, *command: str) -> str:
    code, out, err = run(capsys, *command)
    assert code == 0, err
    return out


def refused(capsys, *command: str) -> str:
    code, out, err = run(capsys, *command)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    return err


def test_train_keeps_them_and_says_where(capsys, key):
    file = weights_of(key)
    assert file is not None
    assert f"weights {file}" in answer(capsys, *TRAIN)
    assert json.loads(answer(capsys, *TRAIN, "--json"))["weights_file"] == str(file)
    assert str(file) in answer(capsys, "runs", "show", key)
    assert json.loads(answer(capsys, "runs", "show", key, "--json"))["weights_file"] == str(file)
    assert str(read_weights(file).architecture) == "2x4-1x8+bn+gap"


@pytest.mark.parametrize("loss", ["not kept", "absent", "damaged"])
def test_weights_that_are_not_there_are_made_again_by_the_command_that_is_named(capsys, key, loss):
    file = weights_of(key)
    content = file.read_bytes()
    if loss == "not kept":
        shutil.rmtree(".vggsearch")
        answer(capsys, *TRAIN, "--keep-weights", "none")
        assert not Path(".vggsearch/weights").exists()
    elif loss == "absent":
        file.unlink()
    else:
        file.write_bytes(content[:-1])
    ledger = {path: path.read_bytes() for path in Path(".vggsearch/ledger").rglob("*.json")}
    shown = answer(capsys, "runs", "show", key)
    assert re.search(r"^weights +(not kept|lost, as \S+ is absent or damaged); to make", shown, re.MULTILINE)
    trained = answer(capsys, *TRAIN)
    command = named(trained, "vggsearch runs repeat")
    assert command == named(shown, "vggsearch runs repeat")
    assert f"run {key} has no weights: to make them: " in refused(capsys, *GO_ON, "--from", key)
    code, out, err = run(capsys, *command)
    assert (code, out.splitlines()[-1]) == (0, "the same, bit for bit")
    assert err.splitlines()[-1] == f"the weights are kept: {weights_of(key)}"
    assert weights_of(key).read_bytes() == content
    if loss != "not kept":
        assert {path: path.read_bytes() for path in ledger} == ledger


def test_a_repeated_run_compares_them_and_leaves_no_trace(capsys, key):
    before = sorted(Path(".vggsearch").rglob("*"))
    out = answer(capsys, "runs", "repeat", key)
    assert re.search(r"^weights +([0-9a-f]{12}) +\1 +same$", out, re.MULTILINE)
    assert sorted(Path(".vggsearch").rglob("*")) == before


def test_other_weights_are_no_repetition(capsys, key):
    store = Store.open(Path(".vggsearch"))
    (record,) = store.ledger
    store.ledger.put(record.model_copy(update={"weights": "a" * 64}))
    code, out, _ = run(capsys, "runs", "repeat", key)
    assert (code, out.splitlines()[-1]) == (
        1,
        "not the same (weights), and should be: key, processor and torch are",
    )


def test_where_bits_may_differ_another_run_has_the_weights(capsys):
    seconds = (*TRAIN[:-1], "0.05s", "--seed", "3", "--keep-weights", "none")
    made = json.loads(answer(capsys, *seconds, "--json"))["run"][:12]
    shown = answer(capsys, "runs", "show", made)
    command = named(shown, "vggsearch train")
    assert command[command.index("--budget") + 1] == "0.05s"
    assert f"weights {Path.cwd()}" in answer(capsys, *command)
    code, _, err = run(capsys, "runs", "repeat", made, "--keep-weights")
    assert code == 0
    assert "the weights are not kept, as they are not those of the record; to make another run" in err
    assert named(err, "vggsearch train")[:2] == command[:2]
    assert not list(Path(".vggsearch/checkpoints").iterdir())


class TestGoOn:
    def test_from_a_run_a_bundle_or_a_file_it_is_the_same_run(self, capsys, key):
        file = weights_of(key)
        Path("bundle").mkdir()
        shutil.copy(file, "bundle/model.safetensors")
        first = json.loads(answer(capsys, *GO_ON, "--from", key, "--json"))
        assert first["key"]["initial_weights"] == file.stem
        assert (first["cached"], first["key"]["architecture"]) == (False, "2x4-1x8+bn+gap")
        for source in ("bundle", "bundle/model.safetensors", first["weights_file"]):
            again = json.loads(answer(capsys, *GO_ON, "--from", source, "--json"))
            assert again["cached"] == (again["run"] == first["run"]) == (source != first["weights_file"])
        shown = answer(capsys, "runs", "show", first["run"])
        assert re.search(rf"^began with +the weights {file.stem}", shown, re.MULTILINE)

    def test_it_can_be_repeated_from_the_store_alone(self, capsys, key):
        Path("bundle").mkdir()
        shutil.move(weights_of(key), "bundle/model.safetensors")
        made = json.loads(answer(capsys, *GO_ON, "--from", "bundle", "--json"))["run"]
        initial = weights_of(key)  # put back, as a run begins with them
        assert initial is not None
        shutil.move("bundle", "elsewhere")
        assert "the same, bit for bit" in answer(capsys, "runs", "repeat", made)
        initial.unlink()
        said = refused(capsys, "runs", "repeat", made)
        assert f"run {made[:12]} began with the weights {initial.stem[:12]}, and {initial} is absent" in said
        assert "give the command `vggsearch train --from` of then again" in said
        answer(capsys, *GO_ON, "--from", "elsewhere")
        assert "the same, bit for bit" in answer(capsys, "runs", "repeat", made)

    def test_other_classes(self, capsys, key):
        Path("images/third").mkdir()
        for i in range(60):
            Image.fromarray(np.full((8, 8), i, np.uint8)).save(f"images/third/{i}.png")
        made = json.loads(answer(capsys, *GO_ON, "--from", key, "--json"))
        assert made["key"]["num_classes"] == 3
        assert read_weights(Path(made["weights_file"])).tensors["head.linear1.weight"].shape == (3, 8)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (
                ("1x4+gap", "--from", "KEY"),
                "a network goes on with its own architecture, which is 2x4-1x8+bn+gap, not 1x4+gap: leave "
                "the architecture out",
            ),
            (
                ("--from", "images"),
                "images: a bundle has a file model.safetensors, and here is none: name its folder",
            ),
            (
                ("--from", "images/above/0.png"),
                "'images/above/0.png' is no weights file of vggsearch, or is damaged (not safetensors): copy",
            ),
            (
                ("--from", "nowhere/at/all"),
                "--from is a bundle's folder or the key of a run, and 'nowhere/at/all' is neither: name a",
            ),
            (("--from", "0" * 12), "store .vggsearch: no run's key begins with 000000000000: copy digits"),
            ((), "a network is named by its architecture, or --from its weights: write 1x16+gap"),
            (("1x4+gap", "--recipe", "slow"), "a recipe is one of d2l, fast, sprint, dash, not 'slow': use"),
        ],
    )
    def test_bad_input_is_one_line_and_leaves_no_trace(self, capsys, key, options, message):
        before = sorted(Path(".vggsearch").rglob("*"))
        options = [key if word == "KEY" else word for word in options]
        assert refused(capsys, *GO_ON, *options).startswith(f"vggsearch: error: {message}")
        assert sorted(Path(".vggsearch").rglob("*")) == before


def test_the_recipe_of_a_run(capsys):
    recipe = RECIPES["fast"].model_copy(update={"lr": 0.037})
    of = run_key(recipe=recipe.model_dump())
    Store.open(Path(".vggsearch"), create=True).ledger.put(artificial_record(of))
    made = json.loads(answer(capsys, *GO_ON, "1x4+gap", "--recipe", of.digest[:8], "--json"))
    assert (made["cached"], made["key"]["recipe"]["lr"]) == (False, 0.037)


def test_weights_of_a_report_s_run_are_kept_by_no_command(capsys, key):
    said = refused(capsys, "runs", "repeat", key, "--keep-weights", "--from", "reports/x")
    assert "--keep-weights keeps them in a store, and a report is none: leave --from out" in said
