"""How many workers this machine gets by default: what machine, affinity and control group allow."""

import psutil
import pytest

from vggsearch.execution import capacity


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("200000 100000\n", 2), ("150000 100000\n", 2), ("50000 100000\n", 1), ("max 100000\n", 8), ("", 8)],
)
def test_the_quota_of_a_control_group_limits_the_cores(tmp_path, monkeypatch, quota: str, cores: int) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda logical=True: 16 if logical else 8)
    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda _: list(range(16)))
    monkeypatch.setattr(capacity, "_CGROUP_QUOTA", tmp_path / "cpu.max")
    assert capacity.usable_cores() == 8
    (tmp_path / "cpu.max").write_text(quota)
    assert capacity.usable_cores() == capacity.default_workers("cpu") == cores


def test_affinity_limits_the_cores(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda logical=True: 16 if logical else 8)
    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda _: [0, 5, 6])
    monkeypatch.setattr(capacity, "_CGROUP_QUOTA", tmp_path / "absent")
    assert capacity.usable_cores() == 3
