"""The zoo: the paper's table, its published sizes, and reading names."""

import pytest

from vggsearch.arch import ZOO, Task, parse
from vggsearch.costs import cost
from vggsearch.errors import ArchitectureError

IMAGENET = Task(*((3, 224, 224), 1000))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("vgg11", "1x64-1x128-2x256-2x512-2x512+fc4096,4096"),
        ("vgg13", "2x64-2x128-2x256-2x512-2x512+fc4096,4096"),
        ("vgg16-1x1", "2x64-2x128-3x256k3,3,1-3x512k3,3,1-3x512k3,3,1+fc4096,4096"),
        ("vgg16", "2x64-2x128-3x256-3x512-3x512+fc4096,4096"),
        ("vgg19", "2x64-2x128-4x256-4x512-4x512+fc4096,4096"),
        ("vgg16-bn", "2x64-2x128-3x256-3x512-3x512+bn+fc4096,4096"),
        ("d2l-vgg11", "1x64-1x128-2x256-2x512-2x512+fc4096,4096"),
        ("d2l-vgg11/4", "1x16-1x32-2x64-2x128-2x128+fc4096,4096"),
        ("vgg16-1x1-bn/64", "2x1-2x2-3x4k3,3,1-3x8k3,3,1-3x8k3,3,1+bn+fc4096,4096"),
    ],
)
def test_names_are_read(name, text):
    assert str(parse(name)) == text


# Simonyan & Zisserman, arXiv:1409.1556v6, table 2, in millions.
@pytest.mark.parametrize(
    ("name", "millions"), [("vgg11", 133), ("vgg13", 133), ("vgg16-1x1", 134), ("vgg16", 138), ("vgg19", 144)]
)
def test_parameters_are_the_paper_s(name, millions):
    assert round(cost(parse(name), IMAGENET).params / 1e6) == millions


# torchvision's `VGG*_Weights.IMAGENET1K_V1.meta["num_params"]`.
@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("vgg11", 132_863_336),
        ("vgg13", 133_047_848),
        ("vgg16", 138_357_544),
        ("vgg19", 143_667_240),
        ("vgg11-bn", 132_868_840),
        ("vgg13-bn", 133_053_736),
        ("vgg16-bn", 138_365_992),
        ("vgg19-bn", 143_678_248),
    ],
)
def test_parameters_are_torchvision_s(name, params):
    assert cost(parse(name), IMAGENET).params == params


def test_the_names_are_the_paper_s_columns_with_batch_norm_and_the_d2l_net():
    assert list(ZOO) == [
        "vgg11", "vgg11-bn", "vgg13", "vgg13-bn", "vgg16-1x1", "vgg16-1x1-bn", "vgg16", "vgg16-bn", "vgg19",
        "vgg19-bn", "d2l-vgg11",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ZOO)
def test_every_entry_says_where_it_was_published(name):
    assert "arXiv:1409.1556v6, table 1" in ZOO[name].source
    assert ("batch norm" in ZOO[name].source) == ZOO[name].architecture.batch_norm


NAMED = f"(there are {', '.join(ZOO)})"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vgg19bn", f"no net is named 'vgg19bn': did you mean vgg19-bn? {NAMED}"),
        ("VGG16", f"no net is named 'VGG16': did you mean vgg16? {NAMED}"),
        ("vgg16_bn", f"no net is named 'vgg16_bn': did you mean vgg16-bn? {NAMED}"),
        ("d2l-vgg/4", f"no net is named 'd2l-vgg': did you mean d2l-vgg11? {NAMED}"),
        ("resnet", f"no net is named 'resnet': write 1x16-1x32+gap, for example {NAMED}"),
        (
            "vgg11/",
            "vgg11/ is followed by the ratio that divides its channels, not '': write vgg11/4, for example",
        ),
        (
            "vgg11/-4",
            "vgg11/ is followed by the ratio that divides its channels, not '-4': write vgg11/4, for example",
        ),
        ("vgg11/0", "a ratio is a whole number from 1, not 0: write vgg11/4, for example"),
        ("vgg11/65", "ratio 65 leaves no channel in a block of 64: use a ratio of at most 64"),
        (
            "1x16+gap/4",
            "a head is gap or fcN,N, not 'gap/4': write gap or fc4096,4096",
        ),
    ],
)
def test_what_is_no_name_gets_one_line_with_a_hint(text, message):
    with pytest.raises(ArchitectureError) as error:
        parse(text)
    assert str(error.value) == message
