import pytest
import synthetic_study

from vggsearch.report import write_report

COMMAND = "vggsearch report studies/quickstart.yaml"


@pytest.fixture(scope="session")
def results():
    """A whole study: search, baseline, finalists, failures."""
    return synthetic_study.quickstart(40)


@pytest.fixture(scope="session")
def written(results, tmp_path_factory):
    """Its report: the folder, and the summary."""
    folder = tmp_path_factory.mktemp("reports") / "quickstart"
    return folder, write_report(results, folder, command=COMMAND)
