"""The committed reports are what the code makes today from the data beside them, byte for byte.

The short form leaves out figures, the page that holds them and unrounded numbers: they may differ in the last
digit on another processor, or with another version of matplotlib.
"""

from pathlib import Path

import pytest

from vggsearch.cli import main

ROOT = Path(__file__).parents[2]
REPORTS = sorted(path.name for path in (ROOT / "reports").iterdir())
SHORT = ("null", "quickstart")
"""One ablation and one search; all of them with `--long`."""
ROUNDED = {".md", ".tex", ".json", ".jsonl", ".yaml"}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def compared(file: str, *, long: bool) -> bool:
    return long or Path(file).suffix in ROUNDED


@pytest.mark.parametrize("name", REPORTS)
def test_a_committed_report_is_made_again_byte_for_byte(name, long, tmp_path, monkeypatch):
    if not (long or name in SHORT):
        pytest.skip("a long form: with --long")
    monkeypatch.chdir(ROOT)
    assert main(["report", "--from", f"reports/{name}", "--out", str(tmp_path / name)]) == 0
    made, committed = contents(tmp_path / name), contents(ROOT / "reports" / name)
    assert made.keys() == committed.keys()
    assert [file for file in made if compared(file, long=long) and made[file] != committed[file]] == []
