"""A process that keeps its freed memory asks the kernel for it once, not at every step."""

import subprocess
import sys

import pytest

STEPS = """
import resource, statistics, sys
import torch
import vggsearch.training.loop  # what a worker has loaded: the heap lies otherwise without it
from vggsearch.training.allocator import keeping_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

torch.set_num_threads(1)
def step():  # tensors of more than 32 MB, which glibc never keeps by itself
    held = [torch.ones(12_000_000) for _ in range(2)]
with keeping_freed_memory(needed=100, free=int(sys.argv[1])) as kept:
    for _ in range(3):
        step()
    of_steps = []
    for _ in range(11):
        before = faults()
        step()
        of_steps.append(faults() - before)
    high = resident()
# The median, as a gap that a small block takes may still make the heap grow once.
print(kept, statistics.median(of_steps), high - resident())
"""


def measure(free: int) -> tuple[str, int, int]:
    """Whether freed memory was kept, the page faults of the median step, the bytes given back at the end."""
    command = [sys.executable, "-c", STEPS, str(free)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    kept, faults, returned = done.stdout.split()
    return kept, int(faults), int(returned)


def test_steps_make_no_page_faults_and_between_runs_memory_is_given_back():
    kept, faults, returned = measure(free=300)
    if kept == "False":
        pytest.skip("the C library is not glibc")
    assert faults < 10
    assert returned > 20_000_000


def test_where_memory_is_short_none_is_kept():
    kept, faults, _ = measure(free=299)
    assert kept == "False"
    assert faults > 40  # 96 MB: 23 437 pages of 4 KiB, 48 of 2 MiB
