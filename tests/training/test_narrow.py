"""Layers made for speed on narrow nets compute what PyTorch's do, but for rounding."""

import math

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from vggsearch.arch import Architecture, Task
from vggsearch.model import build
from vggsearch.recipe import Budget, Recipe
from vggsearch.training import narrow, train
from vggsearch.training.choices import Choice
from vggsearch.training.loop import compute
from vggsearch.training.narrow import NarrowBatchNorm, NarrowMaxPool, leave_biases
from vggsearch.training.setup import set_up

CPU = torch.device("cpu")
FASTEST = Recipe(lr=0.1, batch_size=32, precision="fastest")


@pytest.fixture
def always(monkeypatch):
    """Pixels are joined however small the batch."""
    monkeypatch.setattr(narrow, "LEAST", 0)


def images(n, c, h, w, *, dtype=torch.float32, seed=0, mean=0.0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, c, h, w, generator=generator, dtype=torch.float64) + mean
    return x.to(dtype).contiguous(memory_format=torch.channels_last)


def with_gradients(module, x, g):
    """Output, running statistics, and gradients by the input, the weight and the bias."""
    x = x.clone(memory_format=torch.preserve_format).requires_grad_()
    y = module(x)
    gradients = torch.autograd.grad(y, [x, module.weight, module.bias], g)
    return [y.detach(), module.running_mean, module.running_var, *gradients], y.grad_fn.name()


def batch_norm(kind, channels, dtype=torch.float32):
    module = kind(channels, dtype=dtype)
    with torch.no_grad():
        module.weight.copy_(torch.linspace(0.5, 2, channels))
        module.bias.copy_(torch.linspace(-1, 1, channels))
    return module


def furthest(found, exact):
    return [float((a.double() - b).abs().max() / b.abs().max()) for a, b in zip(found, exact, strict=True)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("mean", [0.0, 3.0, 30.0])
@pytest.mark.parametrize("shape", [(64, 4, 28, 28), (48, 12, 28, 28), (64, 20, 14, 14), (51, 8, 27, 29)])
def test_batch_norm_is_as_close_to_the_exact_one_as_pytorch_s(shape, mean, dtype):
    x, g = images(*shape, dtype=dtype, mean=mean), images(*shape, dtype=dtype, seed=1)
    exact, _ = with_gradients(batch_norm(nn.BatchNorm2d, shape[1], torch.float64), x.double(), g.double())
    theirs, _ = with_gradients(batch_norm(nn.BatchNorm2d, shape[1]), x, g)
    ours, how = with_gradients(batch_norm(NarrowBatchNorm, shape[1]), x, g)
    assert how == "_JoinedBackward"
    # y, running mean and variance, gradients by x, weight, bias. Of bfloat16, y and the gradient by x are
    # rounded to 8 bits: y once, the other three times where PyTorch rounds once.
    rounded = (0, 3) if dtype == torch.bfloat16 else ()
    for i, (our, their) in enumerate(zip(furthest(ours, exact), furthest(theirs, exact), strict=True)):
        assert our < (their + 0.004 if i in rounded else max(2 * their, 2e-5)), i


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(2, 5),
    c=st.integers(1, 31).filter(lambda c: c != 16),
    h=st.integers(1, 7),
    w=st.integers(1, 7),
    seed=st.integers(0, 99),
)
def test_batch_norm_of_any_narrow_shape_in_double_precision(n, c, h, w, seed):
    x, g = images(n, c, h, w, dtype=torch.float64, seed=seed), images(n, c, h, w, dtype=torch.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(narrow, "LEAST", 0)
        ours, how = with_gradients(batch_norm(NarrowBatchNorm, c, torch.float64), x, g)
    assert how == "_JoinedBackward"
    theirs, _ = with_gradients(batch_norm(nn.BatchNorm2d, c, torch.float64), x, g)
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our, their, rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("always")
def test_gradients_of_batch_norm_are_finite_differences():
    x = images(3, 5, 4, 6, dtype=torch.float64).requires_grad_()
    module = batch_norm(NarrowBatchNorm, 5, torch.float64)

    def norm(x, weight, bias):
        return torch.func.functional_call(module, {"weight": weight, "bias": bias}, (x,))

    assert norm(x, module.weight, module.bias).grad_fn.name() == "_JoinedBackward"
    assert torch.autograd.gradcheck(norm, (x, module.weight, module.bias))


@pytest.mark.parametrize(
    ("shape", "layout", "training"),
    [
        ((64, 4, 28, 28), torch.channels_last, False),
        ((64, 4, 28, 28), torch.contiguous_format, True),
        ((64, 16, 28, 28), torch.channels_last, True),
        ((64, 32, 28, 28), torch.channels_last, True),
        ((64, 4, 7, 7), torch.channels_last, True),
    ],
    ids=["evaluation", "contiguous", "a full register", "wide", "small"],
)
def test_elsewhere_it_is_pytorch_s_bit_for_bit(shape, layout, training):
    x, g = images(*shape).contiguous(memory_format=layout), images(*shape, seed=1)
    found = []
    for kind in (nn.BatchNorm2d, NarrowBatchNorm):
        values, how = with_gradients(batch_norm(kind, shape[1]).train(training), x, g)
        assert how != "_JoinedBackward"
        found.append(values)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(8, 4, 28, 28), (8, 12, 14, 14), (8, 6, 7, 7), (8, 32, 14, 14)])
def test_max_pool_is_pytorch_s_bit_for_bit_with_many_equal_values(shape, dtype):
    x = images(*shape, dtype=dtype).relu().mul(2).round()
    g = images(shape[0], shape[1], shape[2] // 2, shape[3] // 2, dtype=dtype, seed=1)
    found = []
    for kind in (nn.MaxPool2d, NarrowMaxPool):
        leaf = x.clone(memory_format=torch.preserve_format).requires_grad_()
        y = kind(2, 2)(leaf)
        found.append((y, *torch.autograd.grad(y, leaf, g)))
    by_float = dtype == torch.bfloat16 and shape[1] % 16 != 0
    assert y.grad_fn.name().startswith("ToCopy" if by_float else "MaxPool")
    for theirs, ours in zip(*found, strict=True):
        assert theirs.dtype == ours.dtype == dtype
        assert torch.equal(theirs, ours)


def make(text, **layers):
    generator = torch.Generator().manual_seed(0)
    return build(
        Architecture.parse(text), Task((1, 8, 8), 4), generator=generator, initialization="kaiming", **layers
    )


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("2x4-1x8+bn+gap", {"block1.conv1.bias", "block1.conv2.bias", "block2.conv1.bias"}),
        ("2x4-1x8+gap", set()),
        ("1x4+bn+fc8", {"block1.conv1.bias"}),
    ],
)
def test_biases_in_front_of_batch_norm_are_left(text, left):
    model = make(text)
    leave_biases(model)
    assert {name for name, weight in model.named_parameters() if not weight.requires_grad} == left


def test_their_gradient_is_zero_but_for_rounding():
    model = make("2x4-1x8+bn+gap").double()
    model(images(6, 1, 8, 8, dtype=torch.float64)).square().sum().backward()
    of_biases = [model[0][0].bias.grad, model[0][3].bias.grad, model[1][0].bias.grad]
    assert max(float(grad.abs().max()) for grad in of_biases) < 1e-12
    assert float(model[1][0].weight.grad.abs().max()) > 1e-3


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_only_the_choice_of_narrow_layers_uses_them(data, make_key, precision):
    def kinds(layers):
        key, choice = make_key(recipe=FASTEST), Choice(precision=precision, layers=layers)
        run = set_up(key, data, CPU, report=None, deadline=math.inf, choice=choice)
        trained = all(weight.requires_grad for weight in run.model.parameters())
        return {type(layer) for layer in run.model.modules()}, trained

    layers, trained = kinds("torch")
    assert trained
    assert layers.isdisjoint({NarrowBatchNorm, NarrowMaxPool})
    layers, trained = kinds("narrow")
    assert not trained
    assert layers.isdisjoint({nn.BatchNorm2d, nn.MaxPool2d})


@pytest.mark.usefixtures("always")
def test_a_run_with_narrow_layers_is_one_with_torchs_but_for_rounding(data, make_key):
    def trained(layers):
        recipe = Recipe(lr=0.02, momentum=0.9, batch_size=32, layers=layers)
        run = set_up(make_key(recipe=recipe), data, CPU, report=None, deadline=math.inf)
        for _ in range(5):
            run.batches.advance()
            compute(run)
        return run.model.state_dict()

    ours, theirs = trained("narrow"), trained("torch")
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        # A bias that torch's layers train is moved by rounding alone.
        torch.testing.assert_close(ours[name], tensor, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_run_with_narrow_layers_repeats_bit_for_bit(data, make_key, precision):
    recipe = Recipe(lr=0.1, momentum=0.9, batch_size=32, precision=precision, layers="narrow")
    key = make_key(recipe=recipe, budget=Budget(steps=60))
    first, second = train(key, data, CPU), train(key, data, CPU)
    assert first.val_loss == second.val_loss
    assert first.val_correct == second.val_correct
    assert first.val_accuracy > 0.9
