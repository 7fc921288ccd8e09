"""The command that measures an accelerator works: it is rehearsed on the CPU, which is no accelerator."""

import os
import subprocess
import sys
import time

import gpu
import pytest
import torch


def test_without_an_accelerator_it_says_so_in_a_line(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    assert gpu.main() == 2
    assert capsys.readouterr() == (
        "",
        "torch sees no accelerator here: --rehearse goes the same way on the CPU\n",
    )


def test_a_test_that_takes_longer_than_what_is_left_is_ended_and_the_next_not_reached():
    limit = gpu.Limit(0.05)
    limit.pytest_runtest_setup()
    with pytest.raises(TimeoutError, match=r"^not finished when the time was over$"):
        time.sleep(60)
    limit.pytest_runtest_teardown()
    with pytest.raises(pytest.skip.Exception, match="not reached: no time left"):
        limit.pytest_runtest_setup()


# Benchmarks are off in a process that seems to be a worker of xdist.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")} | {
    "OMP_NUM_THREADS": "1"
}


@pytest.mark.usefixtures("fashion_mnist_dir")
def test_the_rehearsal_writes_every_figure(tmp_path, long):
    """In short without seeds at once, whose ways and processes have tests of their own."""
    only = () if long else ("--only", "not seeds and not sprint and not d2l")
    done = subprocess.run(
        [sys.executable, gpu.__file__, "--rehearse", "--output", str(tmp_path / "gpu.md"), *only],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    text = (tmp_path / "gpu.md").read_text(encoding="utf-8")
    assert text.startswith("**Rehearsal on the CPU: the figures mean nothing.**")
    assert "failed" not in text
    figures = {line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")}
    assert figures > {
        "dash: validation loss apart from the CPU's after an interruption",
        "tiny: steps as one launch, times as fast",
        "d2l net at 224, 10 epochs: training seconds",
        "tiny: candidates an hour by one worker",
        "fixed cost of a run: seconds",
        "bfloat16 product: FLOP a second",
    }
    if long:
        assert figures > {
            "tiny: 2 seeds by 2 processes, over one seed",
            "tiny: 2 seeds, vmap, over one seed",
        }
