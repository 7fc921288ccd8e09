"""A controller does not grow with the number of its runs: what it keeps of each is small."""

import json
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
"""Where `small_studies` is."""

WARM_UP = 100
"""Runs after which everything is loaded and every cache is warm."""

RUNS = 1000
MOST_BYTES = 50_000_000
"""Growth over so many runs."""

STUDY = """
import json, sys
from pathlib import Path
import numpy as np
import psutil
from vggsearch.runs.record import pack_bits
from vggsearch.study.control.events import TrialFinished
from vggsearch.testing.fake import FakeExecutor, artificial_record
from small_studies import conduct, make_study

folder, runs, warm_up = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
held = {}

class Watch:
    finished = 0
    def notify(self, event):
        if isinstance(event, TrialFinished):
            self.finished += 1
            if self.finished in (warm_up, runs):
                held[self.finished] = psutil.Process().memory_info().rss

def as_long_as_a_real_one(key, report, deadline_s):
    record = artificial_record(key)
    correct = pack_bits(np.random.default_rng(0).random(6000) < 0.9)
    return record.model_copy(update={"curve": record.curve * 8, "val_correct": correct})

space = {
    "num_blocks": [3], "channels": [64, 128, 256], "convs_per_block": {"per_block": [1, 2]},
    "ratio": [1, 2, 4, 8], "kernel_size": {"per_block": [1, 3, 5, 7]}, "batch_norm": [False, True],
}
study = make_study(trials=runs, sampler="tpe", baseline=False, finalists=None, space=space)
conduct(study, folder, FakeExecutor(trainer=as_long_as_a_real_one), observer=Watch())
print(json.dumps([held[warm_up], held[runs]]))
"""


def test_a_study_of_a_thousand_runs_does_not_grow_its_controller(tmp_path, long):
    # Short, it makes a fraction of the runs, and may grow by that fraction.
    runs = RUNS if long else 2 * WARM_UP
    arguments = [sys.executable, "-c", STUDY, str(tmp_path), str(runs), str(WARM_UP)]
    done = subprocess.run(arguments, cwd=TESTS, capture_output=True, text=True, check=True)
    first, last = json.loads(done.stdout)
    print(f"{runs} runs: {first / 1e6:.1f} MB after {WARM_UP}, {last / 1e6:.1f} MB at the end")
    assert last - first < MOST_BYTES * (runs - WARM_UP) / (RUNS - WARM_UP)
