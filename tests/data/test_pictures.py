"""A few test images for people to look at: the right ones, small, and only those that runs were tested on."""

import numpy as np
import pytest

from vggsearch.data import load_test_images, read_test_pictures
from vggsearch.errors import DataError


@pytest.mark.parametrize("family", ["idx", "cifar", "svhn"])
def test_they_are_the_test_images_of_these_numbers(tiny_of, family):
    tiny = tiny_of(family)
    images, labels = tiny.arrays["test"]
    found = read_test_pictures("tiny", [7, 0, 7], labels, most_side=64, data_dir=tiny.folder)
    assert (found == images[[7, 0, 7]]).all()
    assert (found == load_test_images("tiny", data_dir=tiny.folder).images.numpy()[[7, 0, 7]]).all()


@pytest.mark.parametrize("family", ["idx", "cifar"])
@pytest.mark.parametrize("most", [4, 2, 1])
def test_large_ones_are_made_smaller_in_proportion(tiny_of, family, most):
    tiny = tiny_of(family)
    images, labels = tiny.arrays["test"]
    height, width = images.shape[2:]
    found = read_test_pictures("tiny", [3], labels, most_side=most, data_dir=tiny.folder)
    scale = min(1, most / max(height, width))
    assert found.shape == (1, images.shape[1], max(1, round(height * scale)), max(1, round(width * scale)))
    assert found.dtype == np.uint8


@pytest.mark.parametrize("change", [lambda labels: labels[:-1], lambda labels: (labels + 1) % 3])
def test_other_images_than_those_of_the_runs_are_refused(tiny, change):
    _, labels = tiny.arrays["test"]
    with pytest.raises(DataError, match="must be those that the runs were tested on, and are others now"):
        read_test_pictures("tiny", [0], change(labels), most_side=64, data_dir=tiny.folder)
