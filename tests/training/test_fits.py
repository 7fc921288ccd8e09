"""A run that cannot fit is refused with both figures; one that runs out of memory ends as that."""

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch

from vggsearch.execution.worker import _outcome
from vggsearch.memory import out_of_memory
from vggsearch.recipe import Budget, Recipe
from vggsearch.runs.record import Outcome
from vggsearch.training import fits, train
from vggsearch.training.fits import free_bytes, memory_shortage, needed_memory

CPU = torch.device("cpu")
TESTS = Path(__file__).parents[1]
"""Where `training_memory` is."""

# 65536 images of 4096 × 4096 pixels in a batch: petabytes.
HUGE = {"input_shape": (1, 4096, 4096), "recipe": Recipe(lr=0.1, batch_size=65536)}


def test_what_cannot_fit_is_infeasible_and_not_tried(data, make_key):
    key = make_key(**HUGE)
    before = psutil.Process().memory_info().rss
    record = train(key, data, CPU)
    assert record.outcome is Outcome.INFEASIBLE
    needed, free = needed_memory(key, data).total, free_bytes(CPU)
    start, _, rest = record.reason.partition(" and ")
    assert start == f"training needs about {needed / 1e9:.3g} GB"
    assert rest.endswith(
        " GB are free: use a smaller batch size, fewer workers, or a machine with more memory"
    )
    assert float(rest.split()[0]) == pytest.approx(free / 1e9, rel=0.3)
    assert record.steps == 0
    assert psutil.Process().memory_info().rss < before + 50e6


def test_a_net_that_is_too_wide_is_told_apart_from_a_batch_that_is_too_large(data, make_key):
    key = make_key(architecture=f"1x8+fc{','.join(['65536'] * 16)}")  # 256 GB, four times
    reason = memory_shortage(key, data, CPU)
    assert reason is not None
    assert ": use a net with fewer parameters, " in reason


def test_it_is_refused_from_the_byte_that_is_missing(data, make_key, monkeypatch):
    key = make_key()
    needed = needed_memory(key, data).total
    monkeypatch.setattr(fits, "free_bytes", lambda _: needed)
    assert memory_shortage(key, data, CPU) is None
    monkeypatch.setattr(fits, "free_bytes", lambda _: needed - 1)
    assert memory_shortage(key, data, CPU) is not None


def test_copies_of_the_images_count(data, make_key):
    plain = make_key(recipe=Recipe(lr=0.1, batch_size=32))
    shifted = make_key(recipe=Recipe(lr=0.1, batch_size=32, shift_px=4))
    more = needed_memory(shifted, data).copies - needed_memory(plain, data).copies
    assert more == 640 * (16 * 16 - 8 * 8)


# --- memory that runs out all the same ---


LIMITED = """
import json, resource, psutil, torch
from training_memory import Case
from vggsearch.training import train

small, large = Case("1x8+bn+gap", (1, 28, 28), 16), Case("2x64-2x64+bn+gap", (1, 64, 64), 64)
assert train(small.key, small.data(), torch.device("cpu")).outcome == "completed"  # everything is loaded
room = psutil.Process().memory_info().vms + 300_000_000
resource.setrlimit(resource.RLIMIT_AS, (room, resource.RLIM_INFINITY))
records = [train(case.key, case.data(), torch.device("cpu")) for case in (large, small)]
print(json.dumps([(record.outcome, record.reason) for record in records]))
"""


def test_memory_that_runs_out_on_a_cpu_is_an_outcome_and_the_next_run_completes():
    # The machine has gigabytes free, so that the run is tried; this process may have 300 MB more.
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], cwd=TESTS, capture_output=True, text=True, check=True
    )
    (outcome, reason), (after, _) = json.loads(done.stdout)
    assert outcome == "out_of_memory"
    assert "can't allocate memory: you tried to allocate" in reason
    assert after == "completed"


def test_a_worker_tells_memory_from_other_errors_of_torch():
    with pytest.raises(RuntimeError) as no_memory:
        torch.empty(2**60, dtype=torch.uint8)
    with pytest.raises(RuntimeError) as other:
        torch.zeros(2) @ torch.zeros(3)
    assert _outcome(no_memory.value) is Outcome.OUT_OF_MEMORY
    assert _outcome(other.value) is Outcome.CRASHED
    assert _outcome(MemoryError()) is _outcome(torch.OutOfMemoryError()) is Outcome.OUT_OF_MEMORY
    assert not out_of_memory(ValueError("out of memory"))


def test_another_error_of_torch_is_not_taken_for_an_outcome(data, make_key):
    broken = type(data)(data.name, 4, data.train, data.val, (0.5, 0.5), (0.5, 0.5), data.key)
    with pytest.raises(RuntimeError):
        train(make_key(budget=Budget(steps=1)), broken, CPU)
