"""Where a report goes that nobody named: to a folder of its own, in which git tracks nothing."""

import subprocess
from pathlib import Path

import pytest

from vggsearch.commands.report import write_and_print
from vggsearch.report import report_folder
from vggsearch.study import StudyResults

DATA = Path(__file__).parents[2] / "reports" / "null" / "data"


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    """A repository in which a report is committed, as the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports/null").mkdir(parents=True)
    (tmp_path / "reports/null/index.html").write_text("committed")
    git("init", "--quiet")
    git("add", ".")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "reports")
    return tmp_path


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout


@pytest.mark.usefixtures("repository")
def test_making_a_report_changes_nothing_that_git_tracks_or_would_track(capsys):
    results = StudyResults.read(DATA)
    folder = report_folder(results)
    write_and_print(results, folder)
    assert git("status", "--porcelain") == ""
    git("add", ".")
    assert git("ls-files").split() == ["reports/null/index.html"]
    assert capsys.readouterr().out.splitlines()[-1] == "report: vggsearch-reports/null/index.html"
    assert "vggsearch report --from vggsearch-reports/null" in (folder / "report.md").read_text()


def test_a_named_folder_can_be_tracked(repository):
    results = StudyResults.read(DATA)
    write_and_print(results, Path("reports/null"))
    assert " M reports/null/index.html" in git("status", "--porcelain").splitlines()
    assert not list(repository.rglob(".gitignore"))
