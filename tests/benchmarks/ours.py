"""The same work as `plain.py`, by a study of vggsearch: as many runs of one net, one worker a core.

    python ours.py DATA_DIR ARCHITECTURE TRIALS BUDGET FOLDER

Its runs are the fresh seeds of a study's finalist, made by the controller, with everything that a study does
besides: asks, records, checkpoints, learning curves, latency, and here the test images, too. A run of the
search comes first, so that torch is loaded and the data in memory, as there. Prints which part of the
workers' time was not training, then the seconds from the first of the finalist's runs to the last. A budget
is steps, or seconds with an s behind them.
"""

import sys
import time
from pathlib import Path

import torch
import yaml

from vggsearch.data import data_key, describe
from vggsearch.study import Store
from vggsearch.study.events import Event, StageEnded, StageStarted
from vggsearch.study.executors import LocalExecutor
from vggsearch.study.file import parse_study
from vggsearch.study.process import cores
from vggsearch.study.run import run_study
from vggsearch.training import device_model


class Watch:
    """Takes the time of the finalist's stage."""

    def __init__(self) -> None:
        self.moments: list[float] = []

    def notify(self, event: Event) -> None:
        if isinstance(event, StageStarted | StageEnded) and event.stage == "finalists":
            self.moments.append(time.perf_counter())


def main() -> None:
    data_dir, text, trials, budget, folder = sys.argv[1:6]
    settings = {
        "question": "How long does it take?",
        "data": {"name": "fashion-mnist"},
        "architectures": [text],
        "recipe": "fast",
        "budget": {"seconds": float(budget[:-1])} if budget.endswith("s") else {"steps": int(budget)},
        "sampler": "grid",
        "finalists": {"count": 1, "seeds": int(trials)},
        "objectives": ["val_accuracy"],
    }
    study = parse_study(yaml.safe_dump(settings), Path(folder) / "speed.yaml")
    store, where, watch = Store.open(Path(folder) / "store"), Path(data_dir), Watch()
    with LocalExecutor(len(cores()), "cpu", where, checkpoints=store.checkpoints) as executor:
        results = run_study(
            study,
            store,
            executor,
            data_key=data_key("fashion-mnist", data_dir=where, val_fraction=0.1, split_seed=0),
            info=describe("fashion-mnist", where),
            device="cpu",
            device_model=device_model(torch.device("cpu")),
            observer=watch,
        )
    assert len(results.trials) == int(trials) + 1
    begun, ended = watch.moments
    trained_s = sum(run.train_wall_s for run in results.runs.values() if run.key.evaluate_on == "test")
    print(1 - trained_s / (ended - begun) / len(cores()), ended - begun)


if __name__ == "__main__":
    main()
