"""What only Linux has stands in one module, and where it is taken away a plain alternative answers."""

import errno
import fcntl
import itertools
import multiprocessing
import os
import platform
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import vggsearch
from vggsearch import system
from vggsearch.execution.local import LocalExecutor
from vggsearch.system import cgroup_free_bytes
from vggsearch.testing.executors import deadline_s, finish
from vggsearch.testing.fake import SCRIPTED_TRAINER, run_key

ROOT = Path(vggsearch.__file__).parent

LINUX_ONLY = (
    "sched_getaffinity",
    "sched_setaffinity",
    "cpu_affinity",
    "/proc/",
    "/sys/",
    "sysctl",
    "fcntl",
    "mallopt",
    "malloc_trim",
    "ctypes",
    "prctl",
    "waitid",
    "statvfs",
    "get_context",
)
"""What no other module mentions. Names that the standard library lacks elsewhere are also found by mypy."""


def test_no_other_module_mentions_what_only_linux_has():
    found = {
        (str(path.relative_to(ROOT)), word)
        for path, word in itertools.product(ROOT.rglob("*.py"), LINUX_ONLY)
        if word in path.read_text()
    }
    assert {word for path, word in found if path == "system.py"} == {*LINUX_ONLY} - {"cpu_affinity", "prctl"}
    assert {one for one in found if one[0] != "system.py"} == set()


# --- processors ---


def siblings(folder: Path, *lists: str) -> None:
    """Processors 0, 1, … whose physical cores consist of these."""
    for core, text in enumerate(lists):
        (folder / f"cpu{core}" / "topology").mkdir(parents=True)
        (folder / f"cpu{core}" / "topology" / "thread_siblings_list").write_text(f"{text}\n")


def test_one_processor_of_each_physical_core_comes_first(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5, 3, 2, 1, 0})
    monkeypatch.setattr(system, "_CPUS", tmp_path)
    siblings(tmp_path, "0-1", "0-1", "2,4", "3,5", "2,4", "3,5")
    assert system.allowed_cores() == [0, 2, 3, 1, 5]


def test_without_cpu_affinity_all_processors_are_allowed(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(system, "_CPUS", tmp_path)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert system.allowed_cores() == [0, 1, 2, 3, 4, 5]
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert system.allowed_cores() == [0]


def test_a_process_is_pinned_to_one_processor(monkeypatch):
    pinned = []
    monkeypatch.setattr(os, "sched_setaffinity", lambda *arguments: pinned.append(arguments))
    system.pin_to_core(3)
    assert pinned == [(0, {3})]


def test_without_cpu_affinity_nothing_is_pinned(monkeypatch):
    monkeypatch.delattr(os, "sched_setaffinity")
    before = os.sched_getaffinity(0)
    system.pin_to_core(0)
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),
        ("50000 100000\n", 1),
        ("max 100000\n", None),
        ("", None),
    ],
)
def test_the_quota_of_a_control_group_is_in_cores_rounded_up(tmp_path, monkeypatch, quota, cores):
    monkeypatch.setattr(system, "_CGROUPS", tmp_path)
    (tmp_path / "cpu.max").write_text(quota)
    assert system.cgroup_cores() == cores


def test_without_control_groups_the_cores_have_no_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(system, "_CGROUPS", tmp_path / "absent")
    assert system.cgroup_cores() is None


def test_linux_names_its_processor_in_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(system, "_CPUINFO", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: AMD EPYC\nmodel name\t: AMD EPYC\n")
    assert system.processor_model.__wrapped__() == "AMD EPYC"
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nCPU implementer\t: 0x41\n")
    assert system.processor_model.__wrapped__() == (platform.processor() or platform.machine())


class TestProcessorOfMacOS:
    @pytest.fixture
    def model(self, tmp_path, monkeypatch):
        """Gives the processor's name where this happens at the call of sysctl."""
        monkeypatch.setattr(system, "_CPUINFO", tmp_path / "absent")
        monkeypatch.setattr(platform, "processor", lambda: "arm")

        def named(answer) -> str:
            monkeypatch.setattr(subprocess, "run", answer)
            monkeypatch.setattr(sys, "platform", "darwin")
            return system.processor_model.__wrapped__()

        return named

    def test_sysctl_names_it(self, model):
        def answer(command, *, timeout, **_):
            assert command[1:] == ["-n", "machdep.cpu.brand_string"]
            assert timeout <= 10
            return subprocess.CompletedProcess(command, 0, stdout="Apple M3 Pro\n")

        assert model(answer) == "Apple M3 Pro"

    @pytest.mark.parametrize(
        "error",
        [
            FileNotFoundError(),
            subprocess.CalledProcessError(1, "sysctl"),
            subprocess.TimeoutExpired("sysctl", 10),
        ],
    )
    def test_where_sysctl_fails_it_is_the_architecture(self, model, error):
        def answer(*_, **__):
            raise error

        assert model(answer) == "arm"


# --- memory ---


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


def test_the_tightest_control_group_counts(tmp_path):
    root, membership = tmp_path / "cgroup", tmp_path / "membership"
    membership.write_text("0::/outer/inner\n")
    usage = {"memory__current": 500, "memory__stat": "anon 300\ninactive_file 100"}
    write(root, memory__stat="anon 1")  # the topmost has no limit to read
    write(root / "outer", memory__max=1000, **usage)
    write(root / "outer" / "inner", memory__max="max", **usage)
    assert list(cgroup_free_bytes(root, membership)) == [600]
    write(root / "outer" / "inner", memory__max=450)
    assert list(cgroup_free_bytes(root, membership)) == [50, 600]
    write(root / "outer" / "inner", memory__max=100)
    assert list(cgroup_free_bytes(root, membership)) == [0, 600]


def test_control_groups_of_the_first_version_count_too(tmp_path):
    root, membership = tmp_path / "cgroup", tmp_path / "membership"
    membership.write_text("7:cpu:/job\n4:memory:/job\n0::/\n")
    stat = {"memory__stat": "cache 9\ntotal_inactive_file 30", "memory__usage_in_bytes": 200}
    write(root / "memory", memory__limit_in_bytes=9223372036854771712, **stat)
    write(root / "memory" / "job", memory__limit_in_bytes=300, **stat)
    assert list(cgroup_free_bytes(root, membership)) == [130]


def test_without_control_groups_memory_has_no_limit(tmp_path):
    assert list(cgroup_free_bytes(tmp_path, tmp_path / "absent")) == []


def test_without_a_record_of_the_peak_the_current_memory_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(system, "_PROCESS", tmp_path / "absent")
    system.reset_peak_resident_bytes()
    assert system.peak_resident_bytes() == pytest.approx(psutil.Process().memory_info().rss, rel=0.1)


@pytest.mark.parametrize("library", [None, object()])
def test_without_glibc_freed_memory_is_left_to_the_allocator(monkeypatch, library):
    monkeypatch.setattr(system, "_c_library", lambda: library)
    assert system.return_freed_blocks_from(2**25) is False
    system.return_freed_memory()


@pytest.mark.parametrize("error", [OSError, TypeError])
def test_a_c_library_that_cannot_be_opened_counts_as_another(monkeypatch, error):
    def cannot(_):
        raise error

    monkeypatch.setattr("ctypes.CDLL", cannot)
    assert system._c_library.__wrapped__() is None


# --- files ---


def test_a_lock_keeps_others_out_until_its_file_is_closed(tmp_path):
    with (tmp_path / "lock").open("w") as mine, (tmp_path / "lock").open("w") as theirs:
        system.lock_file(mine.fileno())
        with pytest.raises(BlockingIOError):
            system.lock_file(theirs.fileno())
        mine.close()
        system.lock_file(theirs.fileno())


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.ENOLCK, errno.EINVAL])
def test_a_file_system_without_locks_is_told_from_a_lock_that_is_held(tmp_path, monkeypatch, number):
    def no_locks(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with (tmp_path / "lock").open("w") as file, pytest.raises(OSError, match=os.strerror(number)) as error:
        system.lock_file(file.fileno())
    assert not isinstance(error.value, BlockingIOError)


def test_windows_without_wsl_has_no_locks(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with (tmp_path / "lock").open("w") as file, pytest.raises(OSError, match="use WSL"):
        system.lock_file(file.fileno())


def test_free_files_are_counted_where_the_file_system_counts_them(tmp_path, monkeypatch):
    fields = dict.fromkeys(range(10), 0)
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result({**fields, 5: 100, 7: 40}.values()))
    assert system.free_files(tmp_path) == 40
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(fields.values()))
    assert system.free_files(tmp_path) is None
    monkeypatch.delattr(os, "statvfs")
    monkeypatch.setattr(sys, "platform", "win32")
    assert system.free_files(tmp_path) is None


# --- processes ---


def test_workers_are_forked_from_a_server():
    assert system.process_context().get_start_method() == "forkserver"


def test_without_a_fork_server_workers_are_new_interpreters(monkeypatch):
    with monkeypatch.context() as windows:
        windows.setattr(sys, "platform", "win32")
        context = system.process_context()
        system.start_fork_server(["no_such_module"])
    assert context.get_start_method() == "spawn"


def test_runs_are_made_in_new_interpreters_too(monkeypatch):
    monkeypatch.setattr(system, "process_context", lambda: multiprocessing.get_context("spawn"))
    monkeypatch.setattr(system, "start_fork_server", lambda _: None)
    with LocalExecutor(1, "cpu", trainer=SCRIPTED_TRAINER, preload=(), deadline_s=deadline_s) as executor:
        executor.submit(run_key())
        finish(executor, 1)


@pytest.mark.parametrize("has_waitid", [True, False])
def test_the_end_of_a_child_is_awaited_and_its_status_left(monkeypatch, has_waitid):
    if not has_waitid:
        monkeypatch.delattr(os, "waitid")
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.3); raise SystemExit(7)"])
    system.wait_for_end(child.pid)
    assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
    assert os.waitpid(child.pid, os.WNOHANG)[1] == 7 << 8
    child.returncode = 7  # collected here


def test_a_child_that_is_gone_is_not_awaited(monkeypatch):
    monkeypatch.delattr(os, "waitid")
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    system.wait_for_end(child.pid)
