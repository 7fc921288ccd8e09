"""`vggsearch doctor --speed STUDY`: how fast nets of a search train here, and how long it takes."""

import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from vggsearch.arch import Architecture
from vggsearch.commands.doctor.speed import print_measured
from vggsearch.commands.output import print_json
from vggsearch.costs import cost
from vggsearch.data import DatasetInfo, describe
from vggsearch.display import make_console
from vggsearch.errors import StoreError
from vggsearch.execution import default_workers
from vggsearch.recipe import TRAINING_PASSES, total_steps
from vggsearch.runs import Stage
from vggsearch.space import Space
from vggsearch.store import Store
from vggsearch.study import SearchStudy, kind_of, load_study, read_results
from vggsearch.text import duration
from vggsearch.training import Speeds, device_model, measure_speeds

DRAWN = 5
"""Nets of the space that are measured, drawn at random; each takes about a second."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """How long a search takes on one core a worker, without starting and recording runs."""

    run_s: Mapping[str, float]
    """Seconds of a run of each measured net: training and evaluation."""
    runs: Mapping[Stage, int]
    """Distinct runs of each stage that are wanted and not yet made; fewer where the study stops early."""
    workers: int

    @property
    def total_s(self) -> float:
        """Seconds of all runs, if the nets are on average like those measured."""
        return sum(self.runs.values()) * statistics.mean(self.run_s.values()) / self.workers


def print_study_speeds(file: Path, store: Path, data_dir: Path | None, *, as_json: bool) -> None:
    """Measure nets of the study's space by its recipe, and print a table or one JSON object."""
    study = load_study(file)
    if not isinstance(study, SearchStudy):
        raise study.mistake(f"kind: an ablation measures its own nets: use vggsearch plan {file}")
    info = describe(study.data.name, data_dir)
    space = study.space(info.task)
    left = _left(study, store)
    console, found = make_console(sys.stderr), dict[str, Speeds]()
    nets = _drawn(space)
    for number, net in enumerate(nets, start=1):
        with console.status(f"measuring {net} ({number} of {len(nets)})"):
            found[str(net)] = measure_speeds(net, space.task, study.recipe)
    run_s = {text: _run_s(study, info, space, Architecture.parse(text), found[text]) for text in found}
    forecast = Forecast(run_s, left, max(1, default_workers("cpu")))
    if as_json:
        print_json(
            {
                "study": study.name,
                "processor": device_model("cpu"),
                "torch": torch.__version__,
                "images_per_s": {text: _images_per_s(speeds) for text, speeds in found.items()},
                "run_s": dict(forecast.run_s),
                "runs_left": {str(stage): count for stage, count in forecast.runs.items()},
                "workers": forecast.workers,
                "expected_s": forecast.total_s,
            }
        )
        return
    print_measured(found, space.task, f"the recipe of {study.name}")
    make_console().print(_text(study, forecast), soft_wrap=True)


def _left(study: SearchStudy, path: Path) -> dict[Stage, int]:
    """Distinct runs of each stage that are not in the store, which may not be there yet."""
    with tempfile.TemporaryDirectory() as empty:
        try:
            store = Store.open(path)
        except StoreError:
            store = Store.open(Path(empty), create=True)
        counts = kind_of(study).counts(study, read_results(store, study), store)
        return {stage: status.left for stage, status in counts.items()}


def _drawn(space: Space) -> list[Architecture]:
    """Different members, drawn at random, the same every time; the smallest first."""
    members = {str(one): one for one in space.sample(np.random.default_rng(0), DRAWN)}
    return sorted(members.values(), key=lambda net: cost(net, space.task).macs)


def _images_per_s(speeds: Speeds) -> float:
    """By the choice that runs use."""
    return speeds.images_per_s[speeds.remembered or speeds.chosen]


def _run_s(study: SearchStudy, info: DatasetInfo, space: Space, net: Architecture, speeds: Speeds) -> float:
    """Seconds that a run of `net` trains and is evaluated."""
    images, batch = info.training_images(study.data.val_fraction), study.recipe.batch_size
    macs = cost(net, space.task).macs
    steps = total_steps(study.budget, steps_per_epoch=images // batch, macs_per_image=macs, batch_size=batch)
    speed = _images_per_s(speeds)
    train_s = study.budget.amount if steps is None else steps * batch / speed
    # A look at all validation images, as a forward pass is a third of a step.
    return train_s + (info.train_size - images) / (TRAINING_PASSES * speed)


def _text(study: SearchStudy, forecast: Forecast) -> str:
    runs = " + ".join(f"{count} ({stage})" for stage, count in forecast.runs.items())
    least, most = min(forecast.run_s.values()), max(forecast.run_s.values())
    one = duration(least) if duration(least) == duration(most) else f"{duration(least)} to {duration(most)}"
    return (
        f"\nruns left: {runs}; each takes {one} on a free core\n"
        f"with {forecast.workers} workers {study.name} takes about {duration(forecast.total_s)}, "
        "without starting and recording runs"
    )
