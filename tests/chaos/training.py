"""Real training of nets so small that a run takes a moment."""

import hashlib
import math
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from vggsearch.data import Images, SearchData
from vggsearch.execution.worker import Report, Trainer, WorkerSetup
from vggsearch.recipe import Budget, Recipe
from vggsearch.runs.record import CurvePoint, DataKey, RunKey, RunRecord
from vggsearch.training import Checkpoints, train
from vggsearch.training.checkpoint import tensors_of
from vggsearch.training.loop import spend
from vggsearch.training.setup import Training, set_up

CPU = torch.device("cpu")
DATA = DataKey(name="shades", digest="0" * 64, val_fraction=0.2, split_seed=0, split_digest="1" * 64)
CLOCKS = {"train_s", "train_wall_s", "train_cpu_s", "eval_s", "setup_s", "latency_ms", "contended"}


def shades(count: int, seed: int) -> Images:
    """Noise that is brighter in every class than in the one before."""
    labels = torch.arange(count) % 10
    noise = torch.randint(0, 64, (count, 1, 28, 28), generator=torch.Generator().manual_seed(seed))
    return Images((noise + 19 * labels.view(-1, 1, 1, 1)).to(torch.uint8), labels)


def search_data() -> SearchData:
    return SearchData("shades", 10, shades(320, 0), shades(40, 1), (0.5,), (0.3,), DATA)


def images_to_test() -> Images:
    return shades(40, 2)


def key(architecture: str, recipe: Recipe, steps: int) -> RunKey:
    return RunKey(
        architecture=architecture,
        input_shape=(1, 28, 28),
        num_classes=10,
        data=DATA,
        recipe=recipe,
        budget=Budget(steps=steps),
        seed=1,
        device="cpu",
    )


def timeless(record: RunRecord) -> dict[str, object]:
    """A record without its clocks."""
    found = record.model_dump(exclude={*CLOCKS, "peak_memory_bytes", "provenance", "curve"})
    return found | {"curve": [point.model_dump(exclude={"train_s"}) for point in record.curve]}


@dataclass
class EveryStep(Checkpoints):
    """A checkpoint after every so many steps; the process dies after step `die_after`, once it is kept."""

    steps: int = 1
    die_after: int = 0
    _asked: int = 0

    def due(self) -> bool:
        self._asked += 1
        return self._asked % self.steps == 0

    def save(self, run: Training) -> None:
        super().save(run)
        if run.meter.steps == self.die_after:
            os.kill(os.getpid(), signal.SIGKILL)


def outcome_of(run_key: RunKey, checkpoints: Checkpoints | None) -> tuple[int, str]:
    """Train; the step that it went on from, and a digest of all that is left: weights, momentum, generators,
    learning curve, which validation images are right."""
    run = set_up(run_key, search_data(), CPU, report=None, deadline=math.inf)
    if checkpoints is not None:
        checkpoints.restore(run)
    first = run.meter.steps
    spend(run, checkpoints)
    left = hashlib.sha256()
    for name, tensor in sorted(tensors_of(run).items()):
        left.update(name.encode() + tensor.detach().contiguous().numpy().tobytes())
    curve = [point.model_dump(exclude={"train_s"}) for point in run.curve.points]
    left.update(repr((curve, run.evaluate(run.curve_images).correct.tolist(), run.curve.read_loss)).encode())
    return first, left.hexdigest()


def eager_trainer(setup: WorkerSetup) -> Trainer:
    """As the local one, on `search_data`, with a checkpoint after every tenth step.

    The log that the script names says of every run its digest when it begins, and after how many steps it
    goes on; each point of a curve takes `sleep` seconds.
    """
    assert setup.checkpoints is not None
    assert setup.data_dir is not None
    data, folder, logs = search_data(), setup.checkpoints, setup.data_dir
    torch.set_num_threads(1)

    def run(run_key: RunKey, report: Report, deadline_s: float) -> RunRecord:
        name = run_key.data.name.removeprefix("script:")
        script = dict(part.partition("=")[::2] for part in name.split(","))
        kept = EveryStep(folder / run_key.digest, steps=10)
        with (logs / script["log"]).open("a") as file:
            file.write(f"{run_key.digest} {newest(kept.folder)}\n")

        def slowly(point: CurvePoint) -> bool:
            time.sleep(float(script["sleep"]))
            return report(point)

        return train(
            run_key,
            data,
            CPU,
            test_images=images_to_test,
            report=slowly,
            deadline_s=deadline_s,
            checkpoints=kept,
        )

    return run


def newest(folder: Path) -> int:
    """After which step the newest checkpoint in `folder` was written; 0 where there is none."""
    return max((int(path.stem) for path in folder.glob("0*.json")), default=0)
