"""What a shell completes, by the code that typer gives to bash; the shell waits for it."""

import os
import subprocess
import sys

import pytest

HEAVY = ("torch", "optuna", "pandas", "seaborn", "matplotlib", "scipy")
CODE = (
    "import atexit, sys; from vggsearch.cli import main; "
    f"atexit.register(lambda: print(*(set({HEAVY}) & sys.modules.keys()), file=sys.stderr)); main()"
)


def offered(line: str, *, light: bool = True) -> list[str]:
    """The words that are offered for the last word of `line`."""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    env = os.environ | words | {"_VGGSEARCH_COMPLETE": "complete_bash"}
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=env)
    assert not light or done.stderr.strip() == "", "a shell waits for what is imported"
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("vggsearch st", ["status", "studies"]),
        ("vggsearch data f", ["fetch"]),
        ("vggsearch run q", ["quickstart"]),
        ("vggsearch report m", ["mine.yaml"]),
        ("vggsearch status quickstart --store ", []),
        ("vggsearch init ke", ["kernel-size"]),
        ("vggsearch init m", []),
        ("vggsearch cost d2", ["d2l-vgg11"]),
        ("vggsearch data show c", ["cifar-10", "cifar-100"]),
        ("vggsearch runs show ", []),
    ],
)
def test_words(tmp_path, monkeypatch, line, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").touch()
    assert sorted(offered(line)) == words


def test_options():
    assert offered("vggsearch studies --s", light=False) == ["--schema"]
