"""An accelerator made in Python, and runs on it: `python tests/training/twin_device.py` prints their results.

torch lets a device be defined in Python (`PrivateUse1`). The one defined here keeps its tensors in the CPU's
memory and has the CPU's kernels compute on them, so its results have the CPU's bits. It refuses what an
accelerator refuses, or what would be slow or wrong on one:

- an operation on tensors of both the device and the CPU, but for numbers (tensors without dimensions);
- a generator of random numbers of the other device;
- inside a training step, whatever makes the host wait for data, and data of the host;
- where the kind of device whose traits it has does not do them: `index_select` of overlapping rows, batch
  norm of channels-last images, float64; for all kinds, `out=` that begins within its memory.

Registering a device changes its process for good, and the engine of autograd counts devices once, at the
first backward pass. Therefore these runs have a process of their own (`test_any_accelerator.py`).
"""

import dataclasses
import functools
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

from vggsearch.arch import Architecture
from vggsearch.data import Images, SearchData
from vggsearch.devices import kinds
from vggsearch.recipe import RECIPES, Budget, Recipe
from vggsearch.runs import DataKey, RunKey, RunRecord
from vggsearch.training import Checkpoints, graph, loop
from vggsearch.training.choices import candidates

aten = torch.ops.aten
CPU = torch.device("cpu")


class Module(_DummyBackendModule):
    """What `torch.twin` is."""

    def get_device_name(self, device: torch.device) -> str:
        return f"Python's {device}"

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


_setup_privateuseone_for_python_backend("twin", backend_module=Module())
TWIN = torch.device("twin", 0)
torch._C._set_only_lift_cpu_tensors(True)  # `torch.tensor` makes one of the CPU, then a copy of it
RealGenerator = torch.Generator


class State:
    """Of the device: what it is to refuse, and what it has done."""

    traits = kinds.TRAITS["cuda"]
    refuses_float64 = False
    generators: list[torch.Generator] = []  # noqa: RUF012 - of the process
    in_step = False
    waits = 0
    paced = 0


class Twin(torch.Tensor):
    """A tensor on the device: `inner` is where its numbers are."""

    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> "Twin":
        with torch.inference_mode(
            False
        ):  # else no view of a tensor from outside that mode could be made in it
            made = torch.Tensor._make_wrapper_subclass(
                cls,
                inner.size(),
                strides=inner.stride(),
                storage_offset=inner.storage_offset(),
                dtype=inner.dtype,
                device=TWIN,
            )
        made.inner = inner
        return made

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        return perform(operation, args, kwargs or {})


class Device(TorchDispatchMode):
    """Sends what makes a tensor on the device to it."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if operation.has_kernel_for_dispatch_key(torch._C.DispatchKey.CompositeImplicitAutograd):
            with self:  # in inference mode an operation arrives before it is divided into others
                return operation.decompose(*args, **kwargs)
        asked = kwargs.get("device")
        here = asked is not None and asked.type == TWIN.type
        if here or any(isinstance(leaf, Twin) for leaf in tree_leaves((args, kwargs))):
            return perform(operation, args, kwargs)
        if any(is_of_the_device(each) for each in generators(kwargs)):
            raise RuntimeError(f"{operation}: a generator of the device for tensors of the CPU")
        return operation(*args, **kwargs)


def perform(operation, args, kwargs):
    """An operation of the device: on its inner tensors, by the CPU."""
    leaves = tree_leaves((args, kwargs))
    tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
    twins = [tensor for tensor in tensors if isinstance(tensor, Twin)]
    host_waits = waits(operation, args, kwargs)
    if host_waits:
        State.waits += 1
        if State.in_step:
            raise RuntimeError(f"{operation}: the host waits for data inside a step")
    copies = operation.overloadpacket in (aten.copy_, aten._to_copy)
    others = [tensor for tensor in tensors if not isinstance(tensor, Twin)]
    if copies and State.in_step and others:
        raise RuntimeError(f"{operation}: a copy from the CPU inside a step")
    if not copies and any(tensor.dim() for tensor in others):
        raise RuntimeError(f"{operation}: tensors of the device and of the CPU")
    if not all(is_of_the_device(each) for each in generators(kwargs)):
        raise RuntimeError(f"{operation}: a generator of the CPU for tensors of the device")
    refuse(operation, args, kwargs)
    asked = kwargs.get("device")
    if asked is not None:
        kwargs = {**kwargs, "device": CPU}
    owners = {id(twin.inner): twin for twin in twins}
    inner = tree_map_only(Twin, lambda twin: twin.inner, (args, kwargs))
    found = operation(*inner[0], **inner[1])
    leaves_device = asked.type == CPU.type if asked is not None else not twins
    if leaves_device or host_waits:
        return found
    if State.refuses_float64 and any(
        each.dtype == torch.float64 for each in tree_leaves(found) if each is not None
    ):
        raise RuntimeError(f"{operation}: float64")
    return tree_map_only(torch.Tensor, lambda one: owners[id(one)] if id(one) in owners else Twin(one), found)


def waits(operation, args, kwargs) -> bool:
    """Whether the host needs the result of an operation: a number, or a copy in its own memory."""
    packet = operation.overloadpacket
    if packet is aten.copy_:
        return not isinstance(args[0], Twin)
    asked = kwargs.get("device")
    copied = packet is aten._to_copy and asked is not None and asked.type == CPU.type
    return copied or packet in (aten._local_scalar_dense, aten.equal, aten.nonzero)


def refuse(operation, args, kwargs) -> None:
    """Raise RuntimeError for what the device does not do."""
    packet = operation.overloadpacket
    if packet is aten.index_select:
        source = args[0]
        overlap = source.numel() * source.element_size() > source.inner.untyped_storage().nbytes()
        if overlap and not State.traits.selects_overlapping_rows:
            raise RuntimeError(f"{operation}: a copy of {source.numel()} overlapping numbers")
    if packet in (aten.native_batch_norm, aten.native_batch_norm_backward, aten._native_batch_norm_legit):
        images = [arg for arg in args if isinstance(arg, Twin) and arg.dim() == 4]
        if not State.traits.channels_last and not all(one.is_contiguous() for one in images):
            raise RuntimeError(f"{operation}: images that are channels last")
    out = kwargs.get("out")
    if isinstance(out, torch.Tensor) and out.storage_offset():
        raise RuntimeError(f"{operation}: out= begins within its memory")


def generators(kwargs) -> list[torch.Generator]:
    return [value for value in kwargs.values() if isinstance(value, RealGenerator)]


def is_of_the_device(generator: torch.Generator) -> bool:
    return any(generator._cdata == each._cdata for each in State.generators)


def make_generator(device: torch.device | str = CPU) -> torch.Generator:
    """In place of `torch.Generator`, whose devices Python cannot add to."""
    made = RealGenerator()
    if torch.device(device).type == TWIN.type:
        State.generators.append(made)
    return made


class Event:
    """In place of `torch.Event`, likewise."""

    def __init__(self, device: torch.device) -> None:
        assert device.type == TWIN.type

    def record(self) -> None:
        State.paced += 1

    def synchronize(self) -> None:
        assert State.paced


def cast(operation: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """`operation` under autocast."""
    off = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)

    def half(*args, **kwargs):
        with torch._C._ExcludeDispatchKeyGuard(off):
            return operation(*tree_map_only(torch.Tensor, lambda tensor: tensor.bfloat16(), args), **kwargs)

    return half


EVERYTHING = torch.library.Library("_", "IMPL")
EVERYTHING.fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")
AUTOCAST = torch.library.Library("aten", "IMPL")
AUTOCAST.impl("conv2d", cast(aten.conv2d.default), "AutocastPrivateUse1")
AUTOCAST.impl("linear", cast(aten.linear.default), "AutocastPrivateUse1")


def repeated(warm_up, compute, _):
    """In place of `cuda_graph`: as many steps as it makes before, and the step itself."""
    for _ in range(graph.WARM_UP):
        warm_up()
    return compute


def step(run, launch=None) -> None:
    """A step during which nothing may wait."""
    State.in_step = run.device.type == TWIN.type
    try:
        real_step(run, launch)
    finally:
        State.in_step = False


real_step = loop.step
torch.Generator, torch.Event = make_generator, Event
torch.accelerator.synchronize = lambda _: None
memory = torch.accelerator.memory
memory.get_memory_info = lambda _: (2**33, 2**34)
memory.memory_reserved = memory.memory_allocated = lambda _: 0
memory.max_memory_allocated = lambda _: 12345
memory.reset_peak_memory_stats = lambda _: None
loop.step, graph.cuda_graph = step, repeated
loop.measure_latency = functools.partial(loop.measure_latency, max_repeats=1)


@contextmanager
def acting_as(kind: str) -> Iterator[None]:
    """The device, and the CPU that is compared with it, have the traits of `kind`."""
    State.traits, State.refuses_float64 = kinds.TRAITS[kind], kind == "mps"
    before = kinds.TRAITS
    kinds.TRAITS = {**before, "twin": State.traits, "cpu": State.traits}
    try:
        yield
    finally:
        kinds.TRAITS = before


def quadrants(count: int, seed: int) -> Images:
    generator = RealGenerator().manual_seed(seed)
    labels = torch.arange(count) % 4
    images = torch.randint(0, 100, (count, 1, 8, 8), generator=generator, dtype=torch.uint8)
    for image, label in zip(images, labels.tolist(), strict=True):
        row, column = 4 * (label // 2), 4 * (label % 2)
        image[0, row : row + 4, column : column + 4] += 60
    return Images(images, labels)


DATA_KEY = DataKey(name="quadrants", digest="0" * 64, val_fraction=0.2, split_seed=0, split_digest="1" * 64)
DATA = SearchData("quadrants", 4, quadrants(1024, 0), quadrants(120, 1), (0.25,), (0.13,), DATA_KEY)
TEST = quadrants(40, 2)


@dataclasses.dataclass(frozen=True)
class Case:
    """A run."""

    kind: str
    recipe: Recipe
    budget: Budget
    architecture: str = "1x16-1x32+bn+gap"
    side: int = 8
    interrupted: bool = False

    def key(self, recipe: Recipe) -> RunKey:
        return RunKey(
            architecture=self.architecture,
            input_shape=(1, self.side, self.side),
            num_classes=4,
            data=DATA_KEY,
            recipe=recipe,
            budget=self.budget,
            seed=7,
            evaluate_on="test",
            device=self.kind,
            device_model="twin" if self.budget.seconds else None,
        )


def cases() -> Iterator[tuple[str, Case]]:
    steps = Budget(steps=6)
    for kind in ("cuda", "xpu", "mps"):
        for name, recipe in RECIPES.items():
            yield f"{kind}, {name}", Case(kind, recipe, steps, interrupted=name == "fast")
    for budget in (Budget(epochs=1.1), Budget(macs=3e8), Budget(seconds=0.1)):
        yield f"xpu, {budget}", Case("xpu", RECIPES["fast"], budget)
    adamw = Recipe(lr=0.001, momentum=0.9, optimizer="adamw", batch_size=64, shift_px=1, flip=True)
    yield "cuda, adamw, dropout", Case("cuda", adamw, steps, "1x16-1x32+fc16,16")
    yield "mps, adamw, dropout", Case("mps", adamw, steps, "1x16-1x32+fc16,16")
    for side in (6, 12):
        yield f"mps, resized to {side}", Case("mps", RECIPES["fast"], steps, side=side)


def made(key: RunKey, device: torch.device, checkpoints: Path | None = None, points: int = 100) -> RunRecord:
    """The record of a run on `device`, which ends itself at a point of its curve if `points` are few."""
    seen = []

    def report(point) -> bool:
        seen.append(point)
        return len(seen) < points

    kept = None if checkpoints is None else Checkpoints(checkpoints, interval_s=0)
    there = DATA.to(device)
    return loop.train(
        key, there, device, test_images=lambda: TEST.to(device), report=report, checkpoints=kept
    )


def told(record: RunRecord) -> dict[str, object]:
    """What bits can be compared of."""
    times = {"train_s", "train_wall_s", "train_cpu_s", "eval_s", "setup_s", "latency_ms", "provenance", "key"}
    found = record.model_dump(mode="json", exclude=times | {"peak_memory_bytes", "contended"})
    return found | {"curve": [{**point, "train_s": 0} for point in found["curve"]]}


def run(case: Case) -> dict[str, object]:
    """A run on the device, one interrupted there and continued, and the same on the CPU."""
    with acting_as(case.kind), tempfile.TemporaryDirectory() as folder, Device():
        key = case.key(case.recipe)
        State.waits = State.paced = 0
        record = made(key, TWIN)
        waits, paced = State.waits, State.paced
        continued = None
        if case.interrupted:
            made(key, TWIN, Path(folder), points=3)
            continued = told(made(key, TWIN, Path(folder)))
        # The CPU is told what an accelerator of this kind chooses.
        choice = candidates(case.recipe, Architecture.parse(case.architecture), torch.device(case.kind))[0]
        alike = case.recipe.model_copy(update=choice.model_dump())
        on_cpu = made(case.key(alike), CPU)
    return {
        "device": told(record),
        "continued": continued,
        "cpu": told(on_cpu),
        "waits": waits,
        "paced": paced,
        "peak_memory_bytes": record.peak_memory_bytes,
        "provenance": record.provenance.model_dump(mode="json"),
    }


def refused() -> dict[str, str]:
    """What the device says, with the traits of MPS, to what it refuses."""

    def overlapping() -> None:
        rows = torch.zeros(6, device=TWIN).as_strided((4, 3), (1, 1))
        rows.index_select(0, torch.zeros(1, dtype=torch.int64, device=TWIN))

    def within() -> None:
        source, out = torch.zeros(4, device=TWIN), torch.zeros(4, device=TWIN)[2:]
        torch.index_select(source, 0, torch.zeros(2, dtype=torch.int64, device=TWIN), out=out)

    def channels_last() -> None:
        images = torch.zeros(2, 3, 4, 4, device=TWIN).to(memory_format=torch.channels_last)
        torch.nn.functional.batch_norm(images, None, None, training=True)

    def in_step(work: Callable[[], object]) -> None:
        State.in_step = True
        try:
            work()
        finally:
            State.in_step = False

    wrong: dict[str, Callable[[], object]] = {
        "tensors of both": lambda: torch.zeros(2, device=TWIN) + torch.zeros(2),
        "another generator": lambda: torch.randperm(3, generator=make_generator(), device=TWIN),
        "its generator": lambda: torch.randperm(3, generator=make_generator(TWIN)),
        "a number in a step": lambda: in_step(lambda: float(torch.zeros((), device=TWIN))),
        "a copy in a step": lambda: in_step(lambda: torch.zeros(2, device=TWIN).cpu()),
        "numbers of the CPU in a step": lambda: in_step(lambda: torch.zeros(2).to(TWIN)),
        "overlapping rows": overlapping,
        "channels last": channels_last,
        "float64": lambda: torch.zeros(2, device=TWIN).double(),
        "a result within its memory": within,
    }
    found = {}
    with acting_as("mps"), Device():
        for name, work in wrong.items():
            try:
                work()
            except RuntimeError as error:
                found[name] = str(error)
    return found


if __name__ == "__main__":
    chosen = dict(cases())
    for name in sys.argv[1:] or chosen:
        print(json.dumps({"case": name, **run(chosen[name])}), flush=True)
    if not sys.argv[1:]:
        print(json.dumps({"case": "refused", **refused()}))
