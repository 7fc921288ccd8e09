"""How many workers this machine gets by default: what machine, affinity and control group allow."""

import psutil
import pytest

from vggsearch.execution import capacity


@pytest.mark.parametrize(
    ("allowed", "granted", "cores"), [(16, None, 8), (3, None, 3), (16, 2, 2), (3, 5, 3), (1, 1, 1)]
)
def test_physical_cores_affinity_and_control_group_limit_the_workers(
    monkeypatch, allowed: int, granted: int | None, cores: int
) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda logical=True: 16 if logical else 8)
    monkeypatch.setattr(capacity, "allowed_cores", lambda: list(range(allowed)))
    monkeypatch.setattr(capacity, "cgroup_cores", lambda: granted)
    assert capacity.usable_cores() == capacity.default_workers("cpu") == cores
