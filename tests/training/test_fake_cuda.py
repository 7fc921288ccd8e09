"""Training on CUDA tensors without memory (`FakeTensorMode`), which have their devices, types and shapes.

Every operation of PyTorch says on which device its result is, and one that needs a number of a fake tensor
raises. So nothing in a step is on the wrong device, and nothing waits for data. What a fake tensor cannot do
is done in its place. Backward passes need a driver, so gradients are zeros. Modules cannot be made of fake
tensors, so they are made on the CPU and moved. Fused optimisers with a rate on the device have no form for
such tensors, so one is registered. Whole runs, with numbers and backward passes, are made in
`test_any_accelerator.py`.
"""

import contextlib
import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    FakeTensorMode,
    unset_fake_temporarily,
)

from vggsearch.recipe import RECIPES, Budget, Recipe
from vggsearch.training import checkpoint, net, setup
from vggsearch.training.graph import WARM_UP, captured_step
from vggsearch.training.loop import CURVE_POINTS, spend
from vggsearch.training.step import compute, step

CUDA = torch.device("cuda", 0)
ALL = {
    **RECIPES,
    "adamw": Recipe(lr=0.001, momentum=0.9, optimizer="adamw", batch_size=64, shift_px=1, flip=True),
}
META = torch.library.Library("aten", "IMPL", "Meta")
for name in ("_fused_sgd_.tensor_lr", "_fused_adamw_.tensor_lr"):
    META.impl(name, lambda *_, **__: None)


@pytest.fixture
def begin(data, make_key, monkeypatch):
    """`begin(recipe, budget)` is a run on fake CUDA tensors, which are the default until the test ends."""
    build, whiten, make, to = net.build, net.whiten, setup.make_optimizer, nn.Module.to
    number, generator = torch.tensor, torch.Generator

    def real_build(*args, **options):
        with unset_fake_temporarily():
            return build(*args, **options)

    def real_whiten(model, _, **options):
        with unset_fake_temporarily():
            whiten(model, data.train, **options)

    def move(module, *device, **layout):
        with unset_fake_temporarily() if layout else contextlib.nullcontext():
            return to(module, *device, **layout)

    def make_optimizer(model, recipe):
        """The rate is a number while torch checks its sign, which waits for it once, before the run."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch, "tensor", lambda value, **_: value)
            made = make(model, recipe)
        for group in made.param_groups:
            group["lr"] = number(group["lr"], device=CUDA)
            group |= {"capturable": True} if "capturable" in group else {}
        return made

    def backward(loss):
        assert (loss.device, loss.requires_grad) == (CUDA, True)
        for weight in made[-1].model.parameters():
            if weight.requires_grad:
                weight.grad = torch.zeros_like(weight)

    made = []
    monkeypatch.setattr(net, "build", real_build)
    monkeypatch.setattr(net, "whiten", real_whiten)
    monkeypatch.setattr(setup, "make_optimizer", make_optimizer)
    monkeypatch.setattr(nn.Module, "to", move)
    monkeypatch.setattr(torch, "Generator", lambda _="cpu": generator())
    monkeypatch.setattr(torch, "Event", lambda _: SimpleNamespace(record=int, synchronize=int))
    monkeypatch.setattr(torch.autograd, "backward", backward)
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_: True)

    def started(recipe, budget, **changes):
        key = make_key(recipe=recipe, budget=budget, device="cuda", device_model=None, **changes)
        run = setup.set_up(key, data.to(CUDA), CUDA, report=None, deadline=math.inf)
        made.append(run)
        return run

    with FakeTensorMode(allow_non_fake_inputs=True):
        yield started


def repeated(warm_up, compute, _):
    """In place of a CUDA graph."""
    for _ in range(WARM_UP):
        warm_up()
    return compute


def on_device(run):
    """The tensors of a run, but for the states of generators, which are on the CPU everywhere."""
    return {name: t for name, t in checkpoint.tensors_of(run).items() if not name.startswith("generator.")}


def of(recipe):
    return ALL[recipe].model_copy(update={"batch_size": 64})


RUNS = [(recipe, Budget(steps=3)) for recipe in ALL]
RUNS += [("fast", budget) for budget in (Budget(epochs=0.5), Budget(macs=2e7), Budget(seconds=0.1))]


@pytest.mark.parametrize(("recipe", "budget"), RUNS, ids=lambda value: str(value))
def test_steps_stay_on_the_device_and_wait_for_nothing(begin, recipe, budget):
    run = begin(of(recipe), budget)
    run.curve.points[:] = [None] * CURVE_POINTS  # evaluation reads numbers: below
    launch = captured_step(run, lambda: compute(run), repeated)
    spend(run, None, launch)
    assert run.meter.fraction == 1
    assert {tensor.device for tensor in on_device(run).values()} == {CUDA}
    assert {group["lr"].device for group in run.optimizer.param_groups} == {CUDA}


@pytest.mark.parametrize("recipe", ALL)
def test_batches_and_predictions_have_the_types_of_the_recipe(begin, recipe):
    run = begin(of(recipe), Budget(steps=1))
    x, y = run.batches.next_batch()
    assert (x.device, x.dtype, tuple(x.shape)) == (CUDA, torch.float32, (64, 1, 8, 8))
    assert (y.device, y.dtype, tuple(y.shape)) == (CUDA, torch.int64, (64,))
    with run.evaluator.autocast:
        logits = run.model(x)
    half = recipe != "d2l"  # which names float32; the others leave it to the kind of device
    assert (logits.device, logits.dtype) == (CUDA, torch.bfloat16 if half else torch.float32)


def test_an_epoch_begins_without_waiting(begin):
    run = begin(of("fast"), Budget(steps=1))
    for _ in range(2 * run.batches.steps_per_epoch + 1):
        step(run)
    assert run.curve.unread_steps == 2 * run.batches.steps_per_epoch + 1


def test_an_evaluation_waits_once_all_its_images_are_done(begin, data):
    run = begin(of("fast"), Budget(steps=1))
    with pytest.raises(RuntimeError, match=r"^\.numpy\(\) is not supported for tensor subclasses\.$"):
        run.evaluate(data.val.to(CUDA))
    assert {t.device for t in run.model.buffers()} == {CUDA}


def test_the_loss_is_read_where_the_host_is_meant_to_wait(begin):
    run = begin(of("fast"), Budget(steps=1))
    step(run)
    with pytest.raises(DataDependentOutputException):
        run.curve.check_loss(4)
    with pytest.raises(DataDependentOutputException):
        bool(run.batches.position)


@pytest.mark.parametrize("recipe", ["fast", "adamw"])
def test_a_checkpoint_s_tensors_return_to_the_device(begin, recipe):
    run = begin(of(recipe), Budget(steps=9))
    step(run)
    state = checkpoint.tensors_of(run)
    with unset_fake_temporarily():
        kept = {
            name: tensor if name.startswith("generator.") else torch.zeros(tensor.shape, dtype=tensor.dtype)
            for name, tensor in state.items()
        }
    counters = SimpleNamespace(
        steps=7, cpu_s=1.0, wall_s=2.0, eval_s=0.5, loss_steps=3, point_loss=0.1, point_steps=4, curve=()
    )
    checkpoint._apply(run, counters, kept)
    assert {tensor.device for tensor in on_device(run).values()} == {CUDA}
    step(run)
    assert (run.meter.steps, run.batches.position.device) == (7, CUDA)
