"""What more than one part of the package is tested with."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from vggsearch.data import fetch
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


@pytest.fixture(scope="session")
def fashion_mnist_dir():
    """The folder of the real Fashion-MNIST, fetched once by the package itself."""
    folder = os.environ.get("VGGSEARCH_DATA")
    try:
        return fetch("fashion-mnist", Path(folder) if folder else None)
    except DataError as error:
        pytest.skip(f"needs Fashion-MNIST: {error}")
