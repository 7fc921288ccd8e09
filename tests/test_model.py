"""The built nets: torchvision's outputs, the d2l chapter's shapes, initialisation and dropout."""

import math

import pytest
import torch
import torchvision
from torch import nn

from vggsearch.arch import Task
from vggsearch.arch.layers import expand
from vggsearch.arch.spec import Architecture
from vggsearch.errors import ArchitectureError
from vggsearch.model import Dropout, build

# Simonyan & Zisserman 2014, table 1: convolutions per block of A, B, D, E.
PAPER = {"vgg11": (1, 1, 2, 2, 2), "vgg13": (2,) * 5, "vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
D2L = Architecture.parse("1x64-1x128-2x256-2x512-2x512+fc4096,4096")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def make(text, input_shape=(1, 28, 28), num_classes=10, *, seed=0, initialization="kaiming", dropout=None):
    return build(
        Architecture.parse(text),
        Task(input_shape, num_classes),
        generator=seeded(seed),
        initialization=initialization,
        dropout_generator=dropout,
    )


def torchvision_model(name, width):
    """torchvision's own module with He-normal weights and running statistics that are not 0 and 1."""
    with torch.device("meta"):
        model = torchvision.models.get_model(name, num_classes=10, init_weights=False)
        for i, (fan_in, fan_out) in {0: (25088, width), 3: (width, width), 6: (width, 10)}.items():
            model.classifier[i] = nn.Linear(fan_in, fan_out)
    model = model.to_empty(device="cpu").eval()
    generator = seeded(1)
    for key, value in model.state_dict().items():
        if value.dim() > 1:
            nn.init.kaiming_normal_(value, generator=generator)
        elif value.dim() == 1:
            low, high = (-0.1, 0.1) if key.endswith(("bias", "mean")) else (0.5, 1.5)
            value.uniform_(low, high, generator=generator)
    return model


@pytest.mark.parametrize(
    ("name", "width"),
    # The paper's hidden width of 4096 once; 64 elsewhere leaves out 120 M weights and no kind of layer.
    [("vgg11", 4096), *((name + suffix, 64) for name in PAPER for suffix in ("", "_bn"))],
)
def test_torchvision_s_weights_give_torchvision_s_outputs(name, width):
    theirs = torchvision_model(name, width)
    blocks = zip(PAPER[name.removesuffix("_bn")], (64, 128, 256, 512, 512), strict=True)
    bn = "+bn" if name.endswith("_bn") else ""
    ours = make(f"{'-'.join(f'{n}x{c}' for n, c in blocks)}{bn}+fc{width},{width}", (3, 224, 224)).eval()
    states = zip(ours.state_dict(), theirs.state_dict().values(), strict=True)
    ours.load_state_dict(dict(states), assign=True)
    x = torch.randn(1, 3, 224, 224, generator=seeded(2))
    with torch.inference_mode():
        expected = theirs(x)
        assert expected.std() > 0.1
        torch.testing.assert_close(ours(x), expected, atol=1e-5, rtol=0)


def test_the_d2l_net_has_its_published_shape_after_every_block():
    model = make(str(D2L), (1, 224, 224)).eval()
    shapes = []
    x = torch.zeros(1, 1, 224, 224)
    with torch.inference_mode():
        for stage, modules in model.named_children():
            for name, module in modules.named_children():
                x = module(x)
                if name.startswith(("pool", "flatten", "linear")):
                    shapes.append((stage, tuple(x.shape[1:])))
    assert shapes == [
        ("block1", (64, 112, 112)),
        ("block2", (128, 56, 56)),
        ("block3", (256, 28, 28)),
        ("block4", (512, 14, 14)),
        ("block5", (512, 7, 7)),
        ("head", (25088,)),
        ("head", (4096,)),
        ("head", (4096,)),
        ("head", (10,)),
    ]


def test_the_d2l_net_at_ratio_4_has_43_093_322_parameters():
    model = make(str(D2L.divided_by(4)), (1, 224, 224))
    assert sum(p.numel() for p in model.parameters()) == 43_093_322


@pytest.mark.parametrize("text", ["1x8+gap", "2x8k5,1-1x16k3+bn+gap", "1x4-2x8+bn+fc12,6"])
def test_modules_are_the_layers_of_the_expansion_with_their_shapes(text):
    layers = expand(Architecture.parse(text), Task((3, 9, 14), 7))
    model = make(text, (3, 9, 14), 7).eval()
    x = torch.rand(2, 3, 9, 14, generator=seeded())
    for layer in layers:
        assert tuple(x.shape[1:]) == layer.in_shape
        x = model.get_submodule(layer.name)(x)
        assert tuple(x.shape[1:]) == layer.out_shape
    names = [name for name, module in model.named_modules() if not isinstance(module, nn.Sequential)]
    assert names == [layer.name for layer in layers]


def test_state_dict_keys_are_readable():
    assert list(make("1x4+fc8").state_dict()) == [
        "block1.conv1.weight", "block1.conv1.bias", "head.linear1.weight", "head.linear1.bias",
        "head.linear2.weight", "head.linear2.bias",
    ]  # fmt: skip


def test_kaiming_is_he_normal_fan_out_and_small_normal_linear_weights():
    model = make("1x256-1x512k5+fc1024")
    conv = model.get_submodule("block2.conv1").weight
    linear = model.get_submodule("head.linear1").weight
    assert conv.std().item() == pytest.approx(math.sqrt(2 / (512 * 25)), rel=0.01)
    assert linear.std().item() == pytest.approx(0.01, rel=0.01)
    assert linear.abs().max() > 0.04


def test_xavier_is_glorot_uniform_for_both():
    model = make("1x256-1x512k5+fc1024", initialization="xavier")
    for name, fans in {"block2.conv1": (256 + 512) * 25, "head.linear1": 512 * 49 + 1024}.items():
        weight = model.get_submodule(name).weight
        bound = math.sqrt(6 / fans)
        assert weight.abs().max().item() == pytest.approx(bound, rel=0.001)
        assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.01)


def test_biases_start_at_zero_and_batch_norm_at_the_identity():
    state = make("1x4-1x8+bn+fc8").state_dict()
    assert all(not value.any() for key, value in state.items() if key.endswith(("bias", "mean")))
    assert all(
        (value == 1).all()
        for key, value in state.items()
        if "norm" in key and key.endswith(("weight", "var"))
    )


@pytest.mark.parametrize("initialization", ["kaiming", "xavier"])
def test_weights_come_from_the_generator_alone(initialization):
    before = torch.get_rng_state()
    first = make("1x4-1x8+bn+fc8", initialization=initialization).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(999)
    again = make("1x4-1x8+bn+fc8", initialization=initialization).state_dict()
    other = make("1x4-1x8+bn+fc8", initialization=initialization, seed=1).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["head.linear2.weight"], other["head.linear2.weight"])


def test_dropout_keeps_the_mean_and_drops_its_share():
    y = Dropout(0.25, seeded())(torch.ones(1000, 1000))
    assert y.unique().tolist() == pytest.approx([0, 1 / 0.75])
    assert (y == 0).float().mean().item() == pytest.approx(0.25, abs=0.002)
    assert y.mean().item() == pytest.approx(1, abs=0.003)


def test_dropout_passes_gradients_where_it_keeps():
    x = torch.ones(100, requires_grad=True)
    y = Dropout(0.5, seeded())(x)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())


def test_dropout_is_the_identity_in_eval_mode_and_follows_its_generator_in_training():
    x = torch.rand(3, 1, 28, 28, generator=seeded())
    first, again = (make("1x4+fc64,64", dropout=seeded(5)) for _ in range(2))
    assert torch.equal(first.eval()(x), again.eval()(x))
    y = first.train()(x)
    assert torch.equal(y, again.train()(x))
    assert not torch.equal(y, first(x))


def test_dropout_without_a_generator_refuses_to_train():
    model = make("1x4+fc8").train()
    with pytest.raises(RuntimeError, match="pass dropout_generator to build"):
        model(torch.rand(2, 1, 28, 28))


def test_an_architecture_that_does_not_fit_its_input_is_refused():
    with pytest.raises(ArchitectureError, match="only 4 fit"):
        make("1x4-1x4-1x4-1x4-1x4+gap")


def test_gradients_reach_every_parameter():
    model = make("2x4-1x8k5+fc8", dropout=seeded()).train()
    model(torch.rand(8, 1, 28, 28, generator=seeded())).square().sum().backward()
    assert all(parameter.grad.any() for parameter in model.parameters())
