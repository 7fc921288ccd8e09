"""The snippets of docs/export.md are run, each in the folder of a bundle."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

DOCS = (Path(__file__).parents[2] / "docs" / "export.md").read_text()
SNIPPETS = re.findall(r"^```python\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)


def test_there_are_snippets():
    assert len(SNIPPETS) == 3


def test_the_python_snippets_run_as_they_stand(written, tmp_path):
    folder = shutil.copytree(written.folder, tmp_path / "bundle")
    shutil.copy(folder / "sample" / "01.png", folder / "picture.png")
    # One process for all, as torch takes seconds to import.
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(SNIPPETS)], cwd=folder, capture_output=True, text=True, check=True
    )
    torch_line, onnx_line, loaded = done.stdout.splitlines()
    assert torch_line.startswith("below ")
    assert onnx_line == "below"
    assert loaded == "('above', 'below') torch.Size([2, 2])"


def test_the_card_shows_the_same_six_lines(written):
    assert SNIPPETS[0] in (written.folder / "README.md").read_text()
    assert sum(map(bool, SNIPPETS[0].splitlines())) == 6
