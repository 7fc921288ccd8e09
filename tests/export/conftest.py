"""A net that was trained for a moment, and the bundle of it."""

import pytest
from trained_net import Trainer

from vggsearch.export import load_trained, write_bundle


@pytest.fixture(scope="session")
def trainer(tmp_path_factory):
    return Trainer(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="session")
def run(trainer):
    """The record of a small net, and its weights."""
    return trainer("1x8-1x16+bn+gap")


@pytest.fixture(scope="session")
def written(run, tmp_path_factory):
    """What `write_bundle` says of its bundle."""
    return write_bundle(tmp_path_factory.mktemp("bundles") / "net", load_trained(*run), onnx="bytes")
