"""What more than one part of the package is tested with."""

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import settings

from vggsearch.data import cache_dir, fetch
from vggsearch.errors import DataError

# People's runs look at new examples each time; a submission is judged by the same ones every time.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("person", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "person")


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="the long forms of chaos: hundreds of kills")


@pytest.fixture(scope="session")
def long(request) -> bool:
    """Whether the long forms are wanted."""
    return request.config.getoption("--long")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """A cache folder for these tests and their processes; only data sets are shared with the user's.

    What was measured on this machine is then neither read nor written where the user's runs remember it.
    """
    users, own = cache_dir(), tmp_path_factory.mktemp("cache")
    (own / users.name).mkdir()
    for name in ("fashion-mnist", "prepared"):
        with contextlib.suppress(OSError):
            (users / name).mkdir(parents=True, exist_ok=True)
            (own / users.name / name).symlink_to(users / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(own))
        yield


@pytest.fixture(scope="session")
def fashion_mnist_dir():
    """The folder of the real Fashion-MNIST, fetched once by the package itself."""
    folder = os.environ.get("VGGSEARCH_DATA")
    try:
        return fetch("fashion-mnist", Path(folder) if folder else None)
    except DataError as error:
        pytest.skip(f"needs Fashion-MNIST: {error}")
