"""Texts for people."""

import pytest

from vggsearch.arch import ZOO
from vggsearch.data import DATASETS
from vggsearch.text import nearest


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("vgg-16", ZOO, "vgg16"),
        ("VGG16", ZOO, "vgg16"),
        ("d2lvgg11", ZOO, "d2l-vgg11"),
        ("resnet18", ZOO, None),
        ("googlenet", ZOO, None),
        ("cifar10", DATASETS, "cifar-10"),
        ("fasion-mnist", DATASETS, "fashion-mnist"),
        ("fashion", DATASETS, "fashion-mnist"),
        ("imagenet", DATASETS, None),
        ("", DATASETS, None),
    ],
)
def test_a_word_is_offered_only_where_it_is_near(word, known, meant):
    assert nearest(word, known) == meant
