"""Devices as torch's modules describe them: machines with accelerators that are not at hand, injected."""

import math
import os
import re
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

from vggsearch.commands.arguments import select_gpu
from vggsearch.commands.doctor import machine
from vggsearch.devices import accelerator, backend_of, device_count, resolve_device, traits, worker_device
from vggsearch.devices.kinds import TRAITS
from vggsearch.errors import DeviceError
from vggsearch.execution import default_workers

GB = 1_000_000_000
SOURCES = Path(accelerator.__file__).parents[1]


def not_a_device_allocator(*_: object) -> None:
    """What `torch.accelerator` raised on MPS until June 2026."""
    raise RuntimeError("device_allocator INTERNAL ASSERT FAILED: Allocator for mps is not a DeviceAllocator.")


class Torch:
    """As much of torch as a machine with `count` accelerators of one kind has: any other name is an error."""

    device = torch.device
    __version__ = "2.10.0"

    def __init__(self, kind: str | None, count: int = 1, says_free: bool = True) -> None:
        self.kind, self.calls = kind, []
        self.backends = SimpleNamespace(cudnn=SimpleNamespace(benchmark=False))
        memory = SimpleNamespace(
            get_memory_info=lambda _: (3 * GB, 8 * GB) if says_free else not_a_device_allocator(),
            memory_reserved=lambda _: 2 * GB,
            memory_allocated=lambda _: GB,
            max_memory_allocated=lambda _: 5 * GB,
            reset_peak_memory_stats=lambda device: self.calls.append(("reset", str(device))),
        )
        self.accelerator = SimpleNamespace(
            current_accelerator=lambda **_: torch.device(kind) if kind else None,
            device_count=lambda: count,
            set_device_index=lambda device: self.calls.append(("current", str(device))),
            synchronize=lambda device: self.calls.append(("wait", str(device))),
            memory=memory,
        )
        if kind == "mps":
            for name in vars(memory):
                setattr(memory, name, not_a_device_allocator)
            self.mps = SimpleNamespace(
                current_allocated_memory=lambda: GB,
                driver_allocated_memory=lambda: 3 * GB,
                recommended_max_memory=lambda: 11 * GB,
            )

    def get_device_module(self, device: torch.device) -> SimpleNamespace:
        assert device.type == self.kind in ("cuda", "xpu")  # torch.mps has no such function
        return SimpleNamespace(
            get_device_name=lambda device: f"{self.kind.upper()} model {device.index or 0}"
        )


@pytest.fixture
def on(monkeypatch):
    """`on(kind, ...)` makes this a machine with accelerators of that kind."""

    def change(kind: str | None, **others: object) -> Torch:
        changed = Torch(kind, **others)
        monkeypatch.setattr(accelerator, "torch", changed)
        return changed

    return change


# --- which there are ---


@pytest.mark.parametrize("kind", ["cuda", "xpu", "mps"])
def test_an_accelerator_is_what_auto_means(on, kind):
    on(kind)
    assert (resolve_device("auto"), resolve_device(kind), resolve_device("cpu")) == (kind, kind, "cpu")


@pytest.mark.parametrize("kind", [None, "mtia"])
def test_without_one_that_runs_are_made_on_it_is_the_processor(on, kind):
    on(kind)
    assert resolve_device("auto") == "cpu"
    with pytest.raises(
        DeviceError, match=r"^device cuda is not there, as torch 2.10.0 sees only cpu: use --d"
    ):
        resolve_device("cuda")


def test_an_accelerator_of_another_kind_is_refused_with_what_is_there(on):
    on("xpu", count=2)
    assert resolve_device("xpu:1") == "xpu"
    with pytest.raises(DeviceError) as refused:
        resolve_device("cuda:1")
    assert str(refused.value) == (
        "device cuda:1 is not there, as torch 2.10.0 sees only xpu and cpu: use --device xpu"
    )


@pytest.mark.parametrize(
    "text", ["", "gpu", "CUDA", "mps:1", "cpu:0", "xpu:", "cuda:1234", "auto\n", "xpu:१"]
)
def test_other_names_are_refused(on, text):
    on("xpu")
    with pytest.raises(
        DeviceError, match=r"^a device is auto, cpu, cuda, mps or xpu, or one of several as in"
    ):
        resolve_device(text)


@pytest.mark.parametrize(
    ("device", "before", "after"),
    [
        ("xpu:1", {}, {"ZE_AFFINITY_MASK": "1"}),
        ("xpu:1", {"ZE_AFFINITY_MASK": "0.0,0.1"}, {"ZE_AFFINITY_MASK": "0.1"}),
        ("xpu:2", {"ZE_AFFINITY_MASK": "3,1"}, {"ZE_AFFINITY_MASK": "1000"}),
        ("cuda:1", {"HIP_VISIBLE_DEVICES": "4,6"}, {"HIP_VISIBLE_DEVICES": "6"}),
        (
            "cuda:0",
            {"CUDA_VISIBLE_DEVICES": "2", "HIP_VISIBLE_DEVICES": "2"},
            {"CUDA_VISIBLE_DEVICES": "2", "HIP_VISIBLE_DEVICES": "2"},
        ),
        ("mps", {}, {}),
    ],
)
def test_one_of_several_is_the_only_one_that_is_left_visible(monkeypatch, device, before, after):
    every = {variable for each in TRAITS.values() for variable in each.visible}
    for variable in every:
        monkeypatch.setenv(variable, "")  # so that it is put back
        monkeypatch.delenv(variable)
    for variable, value in before.items():
        monkeypatch.setenv(variable, value)
    assert select_gpu(device) == device
    assert {variable: os.environ[variable] for variable in every if variable in os.environ} == after


# --- workers ---


def test_workers_are_distributed_over_the_accelerators(on):
    machine_ = on("xpu", count=2)
    assert (device_count("xpu"), default_workers("xpu")) == (2, 2)
    assert [str(worker_device("xpu", index)) for index in range(3)] == ["xpu:0", "xpu:1", "xpu:0"]
    assert machine_.calls == [("current", "xpu:0"), ("current", "xpu:1"), ("current", "xpu:0")]


def test_a_worker_on_the_processor_touches_no_accelerator(on):
    machine_ = on("cuda", count=2)
    assert (worker_device("cpu", 3), machine_.calls) == (torch.device("cpu"), [])
    assert not machine_.backends.cudnn.benchmark


# --- what a device says of itself ---


@pytest.mark.parametrize("kind", ["cuda", "xpu"])
def test_an_accelerator_is_described_by_the_functions_that_all_have(on, kind):
    machine_ = on(kind, count=2)
    backend = backend_of(torch.device(kind, 1))
    backend.reset_peak()
    backend.wait()
    assert machine_.calls == [("reset", f"{kind}:1"), ("wait", f"{kind}:1")]
    assert backend.name == f"{kind.upper()} model 1"
    assert backend.free_bytes() == (3 + 2 - 1) * GB  # and what torch has reserved and does not use
    assert backend.peak_bytes() == 5 * GB


def test_an_accelerator_that_does_not_say_what_is_free_refuses_nothing(on):
    on("xpu", says_free=False)
    assert backend_of(torch.device("xpu")).free_bytes() == math.inf


@pytest.mark.parametrize(("available", "free"), [(20 * GB, 10 * GB), (6 * GB, 8 * GB)])
def test_memory_on_mps_is_the_machine_s_up_to_what_metal_recommends(on, monkeypatch, available, free):
    machine_ = on("mps")
    monkeypatch.setattr(accelerator, "processor_model", lambda: "Apple M2")
    monkeypatch.setattr(accelerator, "cgroup_free_bytes", lambda: iter([]))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=available))
    backend = backend_of(torch.device("mps"))
    backend.reset_peak()
    backend.wait()
    assert machine_.calls == [("wait", "mps")]
    assert (backend.name, backend.free_bytes(), backend.peak_bytes()) == ("Apple M2", free, None)


def test_free_memory_of_a_processor_is_that_of_the_tightest_control_group_or_of_the_machine(monkeypatch):
    backend = backend_of(torch.device("cpu"))
    monkeypatch.setattr(accelerator, "cgroup_free_bytes", lambda: iter([5000, 3000]))
    assert backend.free_bytes() == 3000
    monkeypatch.setattr(accelerator, "cgroup_free_bytes", lambda: iter([]))
    assert 0 < backend.free_bytes() <= psutil.virtual_memory().total


def test_peak_memory_remembers_what_was_let_go_until_reset():
    backend = backend_of(torch.device("cpu"))
    backend.reset_peak()
    before = backend.peak_bytes()
    torch.ones(50_000_000)
    held = backend.peak_bytes()
    backend.reset_peak()
    after = backend.peak_bytes()
    assert held >= before + 190_000_000
    assert after <= held - 190_000_000


@pytest.mark.skipif(not torch.accelerator.is_available(), reason="needs an accelerator")
def test_peak_memory_of_an_accelerator():
    device = torch.accelerator.current_accelerator()
    backend = backend_of(device)
    backend.reset_peak()
    before = backend.peak_bytes()
    torch.ones(50_000_000, device=device)
    held = backend.peak_bytes()
    assert before is held is None or held >= before + 200_000_000


# --- the doctor ---


def told(kind: str) -> list[str]:
    return [
        f"{check.name} {check.state} {check.text}" for check in machine.check_machine() if kind in check.name
    ]


@pytest.mark.parametrize(
    ("says_free", "memory"), [(True, "4 GB free"), (False, "free memory unknown, so no run is refused")]
)
def test_the_doctor_names_every_accelerator(on, says_free, memory):
    on("xpu", count=2, says_free=says_free)
    assert told("xpu") == [f"xpu:{index} ok XPU model {index}, {memory}" for index in range(2)]


# --- one module ---


def test_nothing_else_asks_a_backend_by_its_name():
    """CUDA's own are graphs alone."""
    named = re.compile(r"torch\.(cuda|xpu|mps)\b|\.cuda\(|is_cuda|\"(cuda|xpu|mps)\"|pin_memory")
    found = {
        str(path.relative_to(SOURCES)) for path in SOURCES.rglob("*.py") if named.search(path.read_text())
    }
    assert found == {
        "devices/accelerator.py",
        "devices/kinds.py",
        "training/graph.py",
        "commands/arguments.py",  # `cuda:N`, before torch is imported
    }


def test_every_kind_has_its_traits():
    assert [kind for kind in TRAITS if traits(kind).graphs] == ["cuda"]
    assert sorted(TRAITS) == ["cpu", "cuda", "mps", "xpu"]
