"""Where a report goes that is given no folder."""

from pathlib import Path

from vggsearch.runs import write_atomically
from vggsearch.study import StudyResults

REPORTS = Path("vggsearch-reports")


def report_folder(results: StudyResults) -> Path:
    """The default folder of a study's report."""
    return REPORTS / results.study.name


def keep_from_git(folder: Path) -> None:
    """Where `folder` is in the default place, write a `.gitignore` there, so that git tracks none of it."""
    if folder.parent == REPORTS and not (REPORTS / ".gitignore").exists():
        note = "# Written by vggsearch: reports that are to be tracked are made with --out.\n*\n"
        write_atomically(REPORTS / ".gitignore", note.encode())
