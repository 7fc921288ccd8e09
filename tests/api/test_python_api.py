"""`import vggsearch`: names, definitions, results, in scripts and in notebooks."""

import doctest
import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest
import torch
from hypothesis import given, strategies as st
from workplace import make_images

import vggsearch as vs
from vggsearch.data import load_search_data
from vggsearch.study import define_study, load_study, parse_study
from vggsearch.study.file.yaml_text import read, write

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "studies").glob("*.yaml"))

SCRIPT = """
import vggsearch as vs

study = vs.search(
    {"num_blocks": [1, 2], "convs_per_block": [1], "ratio": [16, 32], "kernel_size": [3]},
    data="folder:images", recipe={"base": "fast", "batch_size": 16}, budget="STEPS",
    sampler="grid", finalists={"count": 1, "seeds": 2}, store="store",
)
results = study.run(workers=1)
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_images(tmp_path / "images")
    return tmp_path


def test_names_are_few_documented_and_loaded_when_used():
    assert set(vs.__all__) == {name for name in dir(vs) if not name.startswith("_")}
    assert len(vs.__all__) <= 24
    assert all(getattr(vs, name).__doc__ for name in vs.__all__)


@pytest.mark.parametrize("module", ["nets", "datasets", "definitions", "studies", "results", "training"])
def test_examples_of_docstrings_are_true(module):
    failed, tried = doctest.testmod(importlib.import_module(f"vggsearch.api.{module}"))
    assert failed == 0
    assert tried or module in ("results", "training")


def test_examples_of_the_page_are_true():
    failed, tried = doctest.testfile(str(ROOT / "docs" / "python.md"), module_relative=False)
    assert failed == 0
    assert tried >= 10


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_definition_in_python_is_that_of_the_file(path):
    from_file = load_study(path)
    in_python = define_study(read(path.read_text()), path.stem)
    assert in_python.identity() == from_file.identity()
    assert parse_study(in_python.source, path).identity() == from_file.identity()


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
    | st.sampled_from(["1e6", "yes", "null", "~", "", "0x10", "1_000", ".inf", "- a", "a: b", "#", "'"]),
    lambda inner: st.lists(inner, max_size=3).map(tuple)
    | st.dictionaries(st.text("abc_1 ", min_size=1, max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["space", "data", "trials", "1e6", "null"]), values, min_size=1))
def test_what_is_written_is_read_back(keys):
    assert read(write(keys)) == keys


def test_the_same_definition_is_the_same_study_and_another_is_not():
    first, again = (vs.search(architectures=["1x8+gap"], budget="1s") for _ in range(2))
    other = vs.search(architectures=["1x8+gap"], budget="2s")
    assert first.name == again.name != other.name
    assert vs.search(architectures=["1x8+gap"], budget="1s", name="mine").name == "mine"


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"budget": "1 parsec"}, "a budget is an amount above 0 of s, epochs, steps or macs"),
        ({"sampler": "tpee"}, "sampler: must be one of"),
        ({"tirals": 3}, "tirals: no such key: did you mean trials?"),
        ({"objectives": {"macs"}}, "objectives: must be text, a number, true or false, a list or a mapping"),
        ({"name": "My Study"}, "a study is named after its file"),
    ],
)
def test_mistakes_are_one_line(keys, says):
    with pytest.raises(vs.VggSearchError) as told:
        vs.search({"num_blocks": [1], "convs_per_block": [1], "ratio": [16], "kernel_size": [3]}, **keys)
    assert says in str(told.value)
    assert "\n" not in str(told.value)


def test_a_script_is_interrupted_and_continues_where_it_stopped(place):
    # A script without `if __name__ == "__main__"`, as people write them.
    (place / "long.py").write_text(SCRIPT.replace("STEPS", "60steps"))
    command = [sys.executable, "long.py"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as running:
        for line in running.stdout:
            if "search 1/" in line:
                running.send_signal(signal.SIGINT)
                break
        rest = running.stdout.read()
    assert running.returncode == -signal.SIGINT
    assert "stopped (interrupted)" in rest
    again = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert "search 1/4:" not in again.stdout
    assert "finalists 2/2" in again.stdout

    found = {}
    exec(SCRIPT.replace("STEPS", "60steps"), found)
    results = found["results"]
    assert len(results.frame()) == 6
    assert results.best.val_accuracy == results.frame()["val_accuracy"][:4].max()
    assert set(results.front()["architecture"]) <= set(results.frame()["architecture"])
    assert results.report().read_text().startswith("<!doctype html>")
    assert results.best.key.architecture in repr(results)
    assert "<table" in results._repr_html_()
    with pytest.raises(vs.VggSearchError, match="has a front instead of effects"):
        results.effects()
    saved = found["study"].save()
    assert load_study(saved).identity() == found["study"].definition.identity()


@pytest.mark.usefixtures("place")
def test_a_net_is_trained_once_and_gone_on_from():
    recipe = vs.Recipe(lr=0.1, batch_size=16)
    options = {"data": "folder:images", "recipe": recipe, "budget": "6steps", "store": "store"}
    net = vs.train("1x8+bn+gap", **options)
    assert net.record == vs.train("1x8+bn+gap", **options).record
    assert net.record.key.digest[:12] in repr(net)
    images = load_search_data("folder:images").val
    mean, std = (torch.tensor(one).view(1, -1, 1, 1) for one in moments("folder:images"))
    logits = net.module((images.images / 255 - mean) / std)
    assert (logits.argmax(1) == images.labels).float().mean() == pytest.approx(net.record.val_accuracy)
    further = vs.train(begin_with=net.weights, **options)
    assert further.record.key.initial_weights == net.record.weights
    with pytest.raises(vs.VggSearchError, match="a recipe is one of"):
        vs.train("1x8+bn+gap", recipe="fastest")


def moments(name: str):
    data = load_search_data(name)
    return data.mean, data.std


@pytest.mark.usefixtures("place")
def test_an_ablation_has_effects():
    study = vs.ablation(
        "2x8+bn+gap",
        contrasts=["receptive-field"],
        data="folder:images",
        recipe={"base": "fast", "batch_size": 16},
        budget="4steps",
        seeds=2,
        learning_rates={"grid": [0.1], "seeds": 1},
        store="store",
    )
    results = study.run(workers=1)
    assert list(results.effects()["contrast"]) == ["receptive-field"]
    assert "receptive-field" in results._repr_html_()
    with pytest.raises(vs.VggSearchError, match="has effects instead of a front"):
        results.front()


def test_a_notebook_shows_one_display_and_the_results(place, monkeypatch):
    cells = [
        nbformat.v4.new_code_cell(SCRIPT.replace("STEPS", "4steps")),
        nbformat.v4.new_code_cell("results"),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(place)}}).execute()
    shown = [output for output in notebook.cells[0].outputs if output.output_type == "display_data"]
    assert len(shown) == 1
    assert "finalists" in shown[0]["data"]["text/html"]
    assert "<table" in notebook.cells[1].outputs[0]["data"]["text/html"]
