"""A step that is captured and replayed computes what the step computes."""

import math
from functools import partial

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from vggsearch.recipe import Budget, Recipe
from vggsearch.training import Checkpoints, checkpoint
from vggsearch.training.graph import WARM_UP, captured_step
from vggsearch.training.loop import compute, spend, step
from vggsearch.training.setup import set_up

CPU = torch.device("cpu")
RECIPES = {
    "plain": Recipe(lr=0.05, batch_size=32, initialization="xavier"),
    "momentum": Recipe(lr=0.1, momentum=0.9, nesterov=True, warmup=0.1, schedule="linear", batch_size=32),
    "bfloat16": Recipe(lr=0.1, momentum=0.9, batch_size=32, precision="bfloat16"),
    "fastest": Recipe(lr=0.1, momentum=0.9, nesterov=True, batch_size=32, precision="fastest"),
    "adamw": Recipe(lr=0.001, momentum=0.9, weight_decay=0.01, batch_size=32, optimizer="adamw"),
    "augmented": Recipe(lr=0.1, momentum=0.9, batch_size=48, shift_px=1, flip=True, label_smoothing=0.1),
}


def repeated(warm_up, compute, generators):
    """What a CUDA graph does to a run, without one: steps to warm up, one to capture, then the same again."""
    assert len(generators) == 1
    for _ in range(WARM_UP):
        warm_up()
    return compute


def begin(key, data):
    return set_up(key, data, CPU, report=None, deadline=math.inf)


def bits(run):
    tensors = checkpoint.tensors_of(run)
    return {name: tensor.detach().contiguous().numpy().tobytes() for name, tensor in tensors.items()}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize("architecture", ["1x4-1x8+bn+gap", "2x4+fc8,8"])
def test_a_captured_run_has_the_bits_of_any_other(data, make_key, architecture, recipe):
    key = make_key(architecture=architecture, recipe=recipe, budget=Budget(epochs=1.5))
    plain, captured = begin(key, data), begin(key, data)
    launch = captured_step(captured, lambda: compute(captured), repeated)
    spend(plain)
    spend(captured, None, launch)
    assert bits(plain) == bits(captured)
    assert plain.curve.points[0].model_dump(exclude={"train_s"}) == captured.curve.points[0].model_dump(
        exclude={"train_s"}
    )


def test_capturing_leaves_a_run_where_it_was_also_at_the_end_of_an_epoch(data, make_key):
    key = make_key(recipe=RECIPES["augmented"], architecture="1x4+fc8,8")
    run = begin(key, data)
    for _ in range(run.batches.steps_per_epoch - 1):
        step(run)
    before, position = bits(run), int(run.batches.position)
    captured_step(run, lambda: compute(run), repeated)
    assert (bits(run), int(run.batches.position)) == (before, position)


def test_a_run_that_goes_on_is_captured_where_its_checkpoint_is(data, make_key, tmp_path):
    key = make_key(recipe=RECIPES["augmented"], budget=Budget(epochs=2.5))
    whole, broken, resumed = (begin(key, data) for _ in range(3))
    spend(whole)
    kept = Checkpoints(tmp_path / "run")
    for _ in range(17):
        step(broken)
        broken.meter.steps += 1
    kept.save(broken)
    broken.meter.pause()
    assert Checkpoints(tmp_path / "run").restore(resumed)
    spend(resumed, None, captured_step(resumed, lambda: compute(resumed), repeated))
    assert bits(resumed)["model.block1.conv1.weight"] == bits(whole)["model.block1.conv1.weight"]


def test_on_a_cpu_nothing_is_captured(data, make_key):
    run = begin(make_key(), data)

    def work() -> None:
        compute(run)

    assert captured_step(run, work) is work


class Watch(TorchDispatchMode):
    """Counts what is launched, and what makes the host wait for the device."""

    WAITS = frozenset({"aten._local_scalar_dense.default", "aten.nonzero.default", "aten.item.default"})

    def __init__(self):
        super().__init__()
        self.launches: list[str] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.launches.append(str(function))
        return function(*args, **(kwargs or {}))

    @property
    def waits(self):
        return [name for name in self.launches if name in self.WAITS]


def addresses(run):
    return [tensor.data_ptr() for tensor in run.model.state_dict().values()]


@pytest.mark.parametrize("architecture", ["2x4-1x8+bn+gap", "1x4+fc8,8"])
def test_a_step_never_waits_and_always_launches_the_same(data, make_key, architecture):
    run = begin(make_key(architecture=architecture, recipe=RECIPES["augmented"]), data)
    step(run)  # the first one makes the momentum
    seen = []
    for _ in range(2 * run.batches.steps_per_epoch):
        run.batches.advance()
        with Watch() as watch:
            compute(run)
        assert watch.waits == []
        seen.append(watch.launches)
    assert all(launches == seen[0] for launches in seen)


def test_a_step_writes_where_it_wrote_before(data, make_key):
    run = begin(make_key(recipe=RECIPES["augmented"]), data)
    step(run)
    before = addresses(run), run.curve.loss.data_ptr(), run.batches.position.data_ptr()
    momentum = [state["momentum_buffer"].data_ptr() for state in run.optimizer.state.values()]
    for _ in range(30):
        step(run)
    assert (addresses(run), run.curve.loss.data_ptr(), run.batches.position.data_ptr()) == before
    assert momentum == [state["momentum_buffer"].data_ptr() for state in run.optimizer.state.values()]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="NEEDS A GPU: CUDA graphs are untested here")
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_on_a_gpu_a_graph_trains_as_the_steps_do(data, make_key, recipe):
    device = torch.device("cuda")
    key = make_key(recipe=recipe, device="cuda", budget=Budget(epochs=2), architecture="1x8-1x16+bn+fc8,8")
    curves = []
    for captured in (False, True):
        run = set_up(key, data.to(device), device, report=None, deadline=math.inf)
        work = partial(compute, run)
        spend(run, None, captured_step(run, work) if captured else work)
        curves.append([point.val_loss for point in run.curve.points])
    assert curves[0] == pytest.approx(curves[1], rel=0.2)
