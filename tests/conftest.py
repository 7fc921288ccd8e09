"""What more than one part of the package is tested with."""

import os
from pathlib import Path

import pytest

from vggsearch.data import fetch
from vggsearch.errors import DataError


@pytest.fixture(scope="session")
def fashion_mnist_dir():
    """The folder of the real Fashion-MNIST, fetched once by the package itself."""
    folder = os.environ.get("VGGSEARCH_DATA")
    try:
        return fetch("fashion-mnist", Path(folder) if folder else None)
    except DataError as error:
        pytest.skip(f"needs Fashion-MNIST: {error}")
