"""Weights of zoo nets under torchvision's names, with torchvision's own nets."""

from dataclasses import replace

import pytest
import torch
import torchvision
from torch.nn import Dropout, ReLU

from vggsearch.arch import ZOO, Head, Task, parse
from vggsearch.errors import WeightsError
from vggsearch.export import from_torchvision, to_torchvision
from vggsearch.export.torchvision_names import torchvision_layers
from vggsearch.model import outline

NAMES = ("vgg11", "vgg13", "vgg16", "vgg19")


@pytest.mark.parametrize("name", [*NAMES, *(f"{name}-bn" for name in NAMES)])
def test_names_and_shapes_are_torchvision_s(name):
    entry = ZOO[name]
    with torch.device("meta"):
        theirs = getattr(torchvision.models, name.replace("-", "_"))().state_dict()
    ours = outline(entry.architecture, entry.task).state_dict()
    renamed = to_torchvision(ours, entry.architecture, entry.task)
    assert [(key, value.shape) for key, value in renamed.items()] == [
        (key, value.shape) for key, value in theirs.items()
    ]
    assert from_torchvision(theirs, entry.architecture, entry.task).keys() == ours.keys()


@pytest.mark.parametrize(("name", "config"), [("vgg11", "A"), ("vgg16-bn", "D")])
def test_torchvision_s_weights_give_the_same_answer_here(name, config):
    # Narrow nets with torchvision's layers: the published ones take half a gigabyte.
    architecture = replace(parse(f"{name}/16"), head=Head((24, 20)))
    task = Task((3, 224, 224), 10)
    channels = [value if value == "M" else value // 16 for value in torchvision.models.vgg.cfgs[config]]
    features = torchvision.models.vgg.make_layers(channels, batch_norm=name.endswith("bn"))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = ((512 // 16 * 49, 24), (24, 20), (20, 10))  # torchvision has 4096 for both of the hidden
        layers = [make for size in sizes for make in (torch.nn.Linear(*size), ReLU(), Dropout())]
        classifier = torch.nn.Sequential(*layers[:-2])
        net = torch.nn.ModuleDict({"features": features, "classifier": classifier}).eval()
        x = torch.randn(2, 3, 224, 224)
    mine = outline(architecture, task)
    mine.load_state_dict(from_torchvision(net.state_dict(), architecture, task), assign=True)
    with torch.inference_mode():
        expected = net["classifier"](net["features"](x).flatten(1))
        assert torch.allclose(mine.eval()(x), expected, atol=1e-4)
    back = to_torchvision(mine.state_dict(), architecture, task)
    assert back.keys() == net.state_dict().keys()
    assert all(torch.equal(back[key], value) for key, value in net.state_dict().items())


def test_layers_have_the_numbers_that_the_page_of_torchvision_shows():
    names = torchvision_layers(ZOO["vgg11"].architecture, ZOO["vgg11"].task)
    assert (names["block1.conv1"], names["block2.conv1"], names["block5.conv2"]) == (
        "features.0",
        "features.3",
        "features.18",
    )
    assert [names[f"head.linear{i}"] for i in (1, 2, 3)] == ["classifier.0", "classifier.3", "classifier.6"]


def test_weights_of_another_net_are_refused():
    with pytest.raises(WeightsError, match=r"'features\.99\.weight' is none of them"):
        from_torchvision({"features.99.weight": torch.zeros(1)}, ZOO["vgg11"].architecture, ZOO["vgg11"].task)
