"""The table of executors: each name makes its executor, and the table itself loads nothing heavy."""

import subprocess
import sys

import pytest

import vggsearch.execution.ray
from vggsearch.errors import VggSearchError
from vggsearch.execution import EXECUTORS, LocalExecutor
from vggsearch.execution.capacity import default_workers


def test_names() -> None:
    assert list(EXECUTORS) == ["local", "ray"]


def test_the_table_loads_neither_torch_nor_ray() -> None:
    script = (
        "import sys; from vggsearch.execution import EXECUTORS; "
        "print(sorted({'torch', 'ray'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(("workers", "slots"), [(None, default_workers("cpu")), (3, 3)])
def test_local(tmp_path, workers: int | None, slots: int) -> None:
    with EXECUTORS["local"](
        workers, "cpu", tmp_path, checkpoints=tmp_path, keep_weights="none", address=None
    ) as executor:
        assert isinstance(executor, LocalExecutor)
        assert executor.slots == slots


def test_local_processes_have_no_address(tmp_path) -> None:
    with pytest.raises(VggSearchError) as caught:
        EXECUTORS["local"](1, "cpu", None, checkpoints=tmp_path, keep_weights="none", address="auto")
    assert str(caught.value) == ("--address is of a Ray cluster, and --executor is local: add --executor ray")


def test_local_needs_a_worker(tmp_path) -> None:
    with pytest.raises(VggSearchError, match=r"^workers must be 1 to 1024, not 0: use one per core or GPU$"):
        EXECUTORS["local"](0, "cpu", None, checkpoints=tmp_path, keep_weights="none", address=None)


@pytest.mark.parametrize("workers", [None, 7])
def test_ray(tmp_path, monkeypatch, workers: int | None) -> None:
    """Without workers, Ray's executor uses the whole cluster."""
    made = []
    monkeypatch.setattr(
        vggsearch.execution.ray,
        "RayExecutor",
        lambda *given, **options: made.append((given, options)),
        raising=False,
    )
    EXECUTORS["ray"](
        workers, "cuda", tmp_path, checkpoints=tmp_path / "kept", keep_weights="all", address="auto"
    )
    assert made == [
        (("auto", "cuda", workers, tmp_path), {"checkpoints": tmp_path / "kept", "keep_weights": "all"})
    ]
