"""Every command and snippet of the README is run, in order, where a stranger would run it.

Study files are copies with a small data set and a budget of a few steps. The output of `console` blocks must
be what the README shows; `console sample` blocks, whose output depends on the machine, need only succeed.
"""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from vggsearch.arch import Task
from vggsearch.cli import main
from vggsearch.data import fetch
from vggsearch.errors import DataError
from vggsearch.study import load_study
from vggsearch.study.search.quotas import search_quotas

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


@dataclass(frozen=True)
class Example:
    """A fenced block of the README."""

    kind: str
    text: str
    line: int


def examples() -> list[Example]:
    found = re.finditer(r"^```([^\n]*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return [Example(m[1], m[2], README[: m.start()].count("\n") + 1) for m in found if m[1]]


EXAMPLES = examples()
COMMANDS = [line[2:] for one in EXAMPLES for line in one.text.splitlines() if line.startswith("$ ")]


def images(folder: Path) -> None:
    """Ten classes of 28×28 images, each class with one bright row."""
    rng = np.random.default_rng(0)
    for label in range(10):
        (folder / str(label)).mkdir(parents=True)
        for i in range(12):
            pixels = rng.integers(0, 60, size=(28, 28), dtype=np.uint8)
            pixels[2 * label : 2 * label + 3] += 150
            Image.fromarray(pixels).save(folder / str(label) / f"{i}.png")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with the shipped studies, shrunken; a name means the file that is there."""
    folder = tmp_path_factory.mktemp("readme")
    images(folder / "images")
    for path in (ROOT / "studies").glob("*.yaml"):
        study = yaml.safe_load(path.read_text())
        study["data"]["name"] = "folder:images"
        study["recipe"] = {"base": study["recipe"], "batch_size": 16}
        study |= small_ablation(study) if study["kind"] == "ablation" else small_search(study)
        (folder / path.name).write_text(yaml.safe_dump(study))
    return folder


def small_search(study: dict[str, object]) -> dict[str, object]:
    return {"budget": {"steps": 2}, "finalists": {"count": 1, "seeds": 2}} | (
        {"trials": 2} if "trials" in study else {}
    )


def small_ablation(study: dict[str, object]) -> dict[str, object]:
    """A budget in seconds, so that no arm is measured, and what can be had with one."""
    rest = {"contrasts": [study["primary"]]} if "contrasts" in study else {}
    return {"budget": {"seconds": 0.02}, "seeds": 2, "learning_rates": {"grid": [0.1]}} | rest


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"line {one.line}" for one in EXAMPLES])
def test_example(example, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    for name in ("VGGSEARCH_STORE", "VGGSEARCH_DATA"):
        monkeypatch.delenv(name, raising=False)
    if example.kind == "python":
        exec(compile(example.text, f"README.md:{example.line}", "exec"), {"__name__": "readme"})
        shown = re.findall(r"^# (.*)$", example.text, re.MULTILINE)
        assert not shown or capsys.readouterr().out.splitlines() == shown
        return
    for part in re.split(r"^\$ ", example.text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        out = output(command)
        if example.kind == "console":
            assert [line.rstrip() for line in out.splitlines()] == expected.splitlines()


def outside_make() -> dict[str, str]:
    """The environment as a person has it, also where these tests run under `make test`."""
    return {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}


def output(command: str) -> str:
    """What a command of the README prints; it must succeed."""
    program, *arguments = shlex.split(command)
    if program == "make":
        # Not run here, as it would install: its steps must be known to make, and are themselves under test.
        done = subprocess.run(
            ["make", "--dry-run", *arguments],
            cwd=ROOT,
            env=outside_make(),
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout
    assert program == "vggsearch", f"the README shows a command that is not run: {command}"
    if "fashion-mnist" in arguments or arguments[0] == "train":
        need_fashion_mnist()
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = main(arguments)
    assert status == 0 or arguments[0] == "doctor", command
    return out.getvalue()


def need_fashion_mnist() -> None:
    try:
        fetch("fashion-mnist")
    except DataError as error:
        pytest.skip(str(error))


def test_every_kind_of_block_is_known():
    assert {one.kind for one in EXAMPLES} == {"console", "console sample", "python"}


def test_readme_opens_with_the_two_commands():
    assert COMMANDS[:2] == ["make study", "make test"]


def test_every_command_is_shown():
    shown = {shlex.split(command)[1] for command in COMMANDS}
    assert shown >= {"run", "report", "status", "space", "cost", "train", "data", "doctor"}


def test_make_study_is_fetch_run_and_report():
    steps = output("make study").splitlines()[-2:]
    assert steps == [
        ".venv/bin/vggsearch data fetch fashion-mnist",
        ".venv/bin/vggsearch run quickstart --report",
    ]


def test_make_test_is_lint_types_and_tests():
    *steps, tests = output("make test").splitlines()[-6:]
    assert [step.split(maxsplit=1)[-1] if "PYTHON" in step else step for step in steps] == [
        ".venv/bin/ruff check .",
        ".venv/bin/ruff format --check .",
        ".venv/bin/mypy",
        ".venv/bin/mypy --platform darwin --cache-dir .mypy_cache/darwin",
        ".venv/bin/mypy --platform win32 --cache-dir .mypy_cache/win32",
    ]
    assert tests.rstrip().endswith("-m pytest -n 2 --dist loadfile")


def test_continuous_integration_is_make_test():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[-1] == "make test"


def test_old_python_is_refused_in_one_line(tmp_path):
    old = tmp_path / "python3.9"
    pretend = "import sys; sys.version_info = (3, 9, 2); exec(sys.argv[1])"
    old.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(pretend)} "$2"\n')
    old.chmod(0o755)
    (tmp_path / "pyproject.toml").touch()
    command = ["make", "--file", str(ROOT / "Makefile"), f"PYTHON={old}", "study"]
    done = subprocess.run(command, cwd=tmp_path, env=outside_make(), capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == (
        f"vggsearch needs Python 3.11 or newer, and {old} is 3.9: "
        "name another one, as in make PYTHON=python3.12 study"
    )
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)\)", README))
def test_links_and_pictures_lead_somewhere(target):
    assert target.startswith("https://") or (ROOT / target).exists()


def test_numbers_of_runs_are_those_of_the_study_files():
    for name, words in (("quickstart", "trains {} networks"), ("fashion-mnist-search", "{} runs")):
        study = load_study(ROOT / "studies" / f"{name}.yaml")
        runs = sum(search_quotas(study, study.space(Task((1, 28, 28), 10)).count).values())
        assert words.format(runs) in README
