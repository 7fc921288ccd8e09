"""One process for all cases, and a new pair of folders for each."""

import pytest
from place import Place, Watched


@pytest.fixture(scope="session")
def watched(tmp_path_factory):
    """Imports are slow: the process stays."""
    found = Watched(tmp_path_factory.mktemp("watched"))
    yield found
    found.stop()


@pytest.fixture
def place(tmp_path, watched):
    return Place(tmp_path, watched)
