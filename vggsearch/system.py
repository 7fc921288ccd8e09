"""What differs between operating systems, each with a plain alternative where a system lacks it.

The package is built for Linux. macOS has no control groups, no `/proc` and no CPU affinity: there the figures
of the whole machine count, and no process is pinned. WSL is Linux. On Windows without WSL files cannot be
locked, so nothing can be stored. No other module uses what only some systems have.
"""

import contextlib
import errno
import functools
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from multiprocessing import connection, context

with contextlib.suppress(ImportError):  # Windows
    import fcntl

if sys.platform == "win32":
    O_CLOEXEC = O_DIRECTORY = O_NOFOLLOW = O_NONBLOCK = 0
    PipeEnd: TypeAlias = "connection.PipeConnection[bytes, bytes]"
    ProcessContext: TypeAlias = "context.SpawnContext"
else:
    O_CLOEXEC, O_DIRECTORY = os.O_CLOEXEC, os.O_DIRECTORY
    O_NOFOLLOW, O_NONBLOCK = os.O_NOFOLLOW, os.O_NONBLOCK
    PipeEnd: TypeAlias = "connection.Connection[bytes, bytes]"
    ProcessContext: TypeAlias = "context.ForkServerContext"

_PROCESS = Path("/proc/self")
_CPUINFO = Path("/proc/cpuinfo")
_CPUS = Path("/sys/devices/system/cpu")
_CGROUPS = Path("/sys/fs/cgroup")

NO_LIMIT = 2**60
"""cgroup v1 has a limit of about 2^63 bytes where there is none; anything from here on counts as none."""

SYSCTL_TIMEOUT_S = 10


def allowed_cores() -> list[int]:
    """Processors that this process may use: first one of each physical core, then their siblings.

    All processors, in the order of their numbers, where the system has no CPU affinity.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = sorted(os.sched_getaffinity(0))
    else:
        cores = list(range(os.cpu_count() or 1))
    ranks = {core: _sibling_rank(core) for core in cores}
    return sorted(cores, key=lambda core: (ranks[core], core))


def _sibling_rank(core: int) -> int:
    """Place of a processor among those of its physical core; 0 where the system does not say."""
    try:
        text = (_CPUS / f"cpu{core}" / "topology" / "thread_siblings_list").read_text().strip()
    except OSError:
        return 0
    siblings: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first.isdigit() and (last or first).isdigit():
            siblings.extend(range(int(first), int(last or first) + 1))
    return siblings.index(core) if core in siblings else 0


def pin_to_core(core: int) -> None:
    """Let this process run on one processor only; without effect where the system has no CPU affinity."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})


def cgroup_cores() -> int | None:
    """Cores that the control group grants, rounded up; None where it sets no limit."""
    try:
        quota, _, period = (_CGROUPS / "cpu.max").read_text().partition(" ")
    except OSError:
        return None
    if not (quota.isdecimal() and period.strip().isdecimal()):
        return None
    return max(1, math.ceil(int(quota) / int(period)))


@functools.cache
def processor_model() -> str:
    """The processor's name as the system reports it, or else its architecture."""
    import platform

    with contextlib.suppress(OSError):
        for line in _CPUINFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    name = _sysctl("machdep.cpu.brand_string") if sys.platform == "darwin" else ""
    return name or platform.processor() or platform.machine()


def _sysctl(name: str) -> str:
    """A value of the macOS kernel; empty where it cannot be read."""
    import subprocess

    command = ["/usr/sbin/sysctl", "-n", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SYSCTL_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def cgroup_free_bytes(root: Path = _CGROUPS, membership: Path = _PROCESS / "cgroup") -> Iterator[int]:
    """Free bytes of each limited control group of this process; see cgroups(7).

    Cached files that can be dropped do not count as used.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            place, names = root, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            place, names = (
                root / "memory",
                ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
            )
        else:
            continue
        # In a container the path may be the host's; folders of it that do not exist here are skipped.
        own = place / path.lstrip("/")
        for folder in (own, *own.parents):
            if not folder.is_relative_to(place):
                break
            with contextlib.suppress(OSError, ValueError):
                yield _group_free_bytes(folder, *names)


def _group_free_bytes(folder: Path, limit: str, used: str, cached: str) -> int:
    """Free bytes of one group; raises OSError where its files are missing, ValueError without a limit."""
    most = int((folder / limit).read_text())
    if most >= NO_LIMIT:
        raise ValueError
    stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    return max(0, most - int((folder / used).read_text()) + int(stat.get(cached, 0)))


def reset_peak_resident_bytes() -> None:
    """Start a new measurement of `peak_resident_bytes`; without effect where the system has no such reset."""
    with contextlib.suppress(OSError):
        (_PROCESS / "clear_refs").write_text("5")  # proc(5): resets the peak resident set size


def peak_resident_bytes() -> int:
    """Peak resident memory of this process; its current size where the system records no peak."""
    import psutil

    with contextlib.suppress(OSError):
        for line in (_PROCESS / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    return int(psutil.Process().memory_info().rss)


def return_freed_memory() -> None:
    """Return free memory to the kernel, see malloc_trim(3); without effect where there is no glibc."""
    trim = getattr(_c_library(), "malloc_trim", None)
    if trim is not None:
        trim(0)


def return_freed_blocks_from(size: int) -> bool:
    """Return freed blocks of at least `size` bytes to the kernel from now on, smaller ones not.

    Returns whether that was possible: not where there is no glibc. See mallopt(3).
    """
    trim_threshold, mmap_threshold = -1, -3
    mallopt = getattr(_c_library(), "mallopt", None)
    return mallopt is not None and bool(mallopt(mmap_threshold, size) and mallopt(trim_threshold, size))


@functools.cache
def _c_library() -> object:
    """The C library of this process; None where it cannot be opened."""
    import ctypes

    try:
        return ctypes.CDLL(None)
    except (OSError, TypeError):
        return None


def lock_file(handle: int) -> None:
    """Lock an open file against other processes, without waiting, until it is closed or this process ends.

    Raises BlockingIOError where another process holds the lock, and another OSError where the file system or
    the operating system has no locks.
    """
    if sys.platform == "win32":
        raise OSError(errno.ENOTSUP, "Windows has no such locks: use WSL")
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def free_files(folder: Path) -> int | None:
    """How many more files the file system of `folder` can hold; None where it does not count them."""
    if sys.platform == "win32":
        return None
    found = os.statvfs(folder)
    return found.f_favail if found.f_files else None


def process_context() -> ProcessContext:
    """How worker processes are started: from a fork server, or as new interpreters where there is none."""
    import multiprocessing

    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    return multiprocessing.get_context("forkserver")


def start_fork_server(preload: Sequence[str]) -> None:
    """Start the process that workers are forked from, which first imports `preload`; returns at once.

    A Python process has one fork server: later calls change nothing while it runs. Without effect where the
    system has none.
    """
    if sys.platform == "win32":
        return
    import signal
    from multiprocessing import forkserver, resource_tracker

    process_context().set_forkserver_preload(list(preload))
    # Ctrl-C reaches the whole foreground process group, and would end the server while it imports. The
    # tracker is started first, because its start unblocks SIGINT.
    resource_tracker.ensure_running()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def wait_for_end(child: int) -> None:
    """Wait until a child process has ended, and leave its exit status for others to collect."""
    import psutil

    if sys.platform != "win32" and hasattr(os, "waitid"):
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        while psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
