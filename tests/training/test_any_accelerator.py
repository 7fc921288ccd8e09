"""Whole runs on an accelerator made in Python (`twin_device.py`), in a process of their own.

It has in turn the traits of CUDA, XPU and MPS, and the CPU's arithmetic. So a run there has to have the bits
of the same run on the CPU, with the same precision, layers and layout.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vggsearch.recipe import RECIPES

SCRIPT = Path(__file__).with_name("twin_device.py")
KINDS = ("cuda", "xpu", "mps")


@pytest.fixture(scope="module")
def runs():
    """What came of each run, by its name."""
    done = subprocess.run(
        [sys.executable, SCRIPT],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    return {found.pop("case"): found for found in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def counted(runs):
    """Those whose budget determines their steps."""
    return {name: run for name, run in runs.items() if not name.endswith("seconds") and name != "refused"}


def test_every_shipped_recipe_and_every_kind_of_budget_runs(runs):
    assert {f"{kind}, {recipe}" for kind in KINDS for recipe in RECIPES} < runs.keys()
    assert {"xpu, 1.1 epochs", "xpu, 3e+08 MACs", "xpu, 0.1 seconds"} < runs.keys()
    outcomes = {name: run["device"]["outcome"] for name, run in runs.items() if name != "refused"}
    assert set(outcomes.values()) == {"completed"}


def test_they_have_the_bits_of_the_cpu(counted):
    assert [name for name, run in counted.items() if run["device"] != run["cpu"]] == []


def test_one_that_is_interrupted_and_continued_has_them_too(counted):
    continued = {name: run for name, run in counted.items() if run["continued"] is not None}
    assert sorted(continued) == [f"{kind}, fast" for kind in sorted(KINDS)]
    assert [name for name, run in continued.items() if run["continued"] != run["device"]] == []


def test_the_host_waits_for_points_of_the_curve_and_for_the_test_alone(counted):
    """At a point for the training loss and four results of an evaluation; before a run up to 3 times."""
    for name, run in counted.items():
        assert 0 <= run["waits"] - (5 * len(run["device"]["curve"]) + 4) <= 3, name


def test_the_host_is_kept_one_step_behind(runs):
    made = {name: run for name, run in runs.items() if name != "refused"}
    assert [name for name, run in made.items() if run["paced"] != run["device"]["steps"]] == []


def test_records_say_what_they_were_made_with(counted):
    for name, run in counted.items():
        made = run["provenance"]
        assert (made["gpu"], made["bit_reproducible"]) == ("Python's twin:0", False)
        half = not name.startswith("mps") and "d2l" not in name
        assert made["precision"] == ("bfloat16" if half else "float32"), name
        assert run["peak_memory_bytes"] == 12345


def test_the_device_refuses_what_it_is_there_to_find(runs):
    assert runs["refused"] == {
        "tensors of both": "aten.add.Tensor: tensors of the device and of the CPU",
        "another generator": "aten.randperm.generator: a generator of the CPU for tensors of the device",
        "its generator": "aten.randperm.generator: a generator of the device for tensors of the CPU",
        "a number in a step": "aten._local_scalar_dense.default: the host waits for data inside a step",
        "a copy in a step": "aten._to_copy.default: the host waits for data inside a step",
        "numbers of the CPU in a step": "aten._to_copy.default: a copy from the CPU inside a step",
        "overlapping rows": "aten.index_select.default: a copy of 12 overlapping numbers",
        "channels last": "aten._native_batch_norm_legit.no_stats: images that are channels last",
        "float64": "aten._to_copy.default: float64",
        "a result within its memory": "aten.index_select.out: out= begins within its memory",
    }
