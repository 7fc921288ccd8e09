"""Small studies for tests, run without data or training."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from vggsearch.arch import FASHION_MNIST
from vggsearch.execution import Executor
from vggsearch.runs import Clock
from vggsearch.store import Store
from vggsearch.study import (
    AblationStudy,
    Conditions,
    Event,
    Observer,
    SearchStudy,
    Session,
    Stopping,
    Study,
    StudyResults,
    parse_study,
    run_study,
)
from vggsearch.study.control.events import NullObserver
from vggsearch.testing.fake import FakeExecutor, run_key

SPACE: Mapping[str, object] = {
    "channels": [16, 32, 64],
    "num_blocks": [1, 2, 3],
    "convs_per_block": [1, 2],
    "ratio": [1, 2],
    "kernel_size": {"per_block": [3, 5]},
}
"""56 architectures; parameters of later blocks apply only to some of them."""

SETTINGS: Mapping[str, object] = {
    "data": {"name": "fashion-mnist"},
    "space": SPACE,
    "recipe": "fast",
    "budget": {"steps": 100},
    "sampler": "random",
    "trials": 6,
    "finalists": {"count": 2, "seeds": 2},
    "objectives": ["val_accuracy", "macs"],
    "reference": {"val_accuracy": 0.5, "macs": 1.0e8},
}


ABLATION: Mapping[str, object] = {
    "kind": "ablation",
    "data": {"name": "fashion-mnist"},
    "control": "2x8-2x16+bn+gap",
    "contrasts": ["receptive-field", "drop-in", "iso-time"],
    "primary": "receptive-field",
    "recipe": "fast",
    "budget": {"steps": 100},
    "seeds": 3,
    "learning_rates": {"grid": [0.1, 0.2], "seeds": 2},
}
"""4 arms: 12 calibrations (9 runs: two arms share a net), 16 runs for learning rates, 12 in pairs."""


@dataclass
class Recorder:
    """An observer that keeps every event."""

    events: list[Event] = field(default_factory=list)

    def notify(self, event: Event) -> None:
        """Keep `event`."""
        self.events.append(event)


def make_study(name: str = "small", **changes: object) -> SearchStudy:
    """A study of `SETTINGS` with keys replaced; `...` removes one."""
    settings = {key: value for key, value in {**SETTINGS, **changes}.items() if value is not ...}
    study = parse_study(yaml.safe_dump(settings), Path(f"{name}.yaml"))
    assert isinstance(study, SearchStudy)
    return study


def make_ablation(name: str = "ablated", **changes: object) -> AblationStudy:
    """An ablation of `ABLATION` with keys replaced; `...` removes one."""
    settings = {key: value for key, value in {**ABLATION, **changes}.items() if value is not ...}
    study = parse_study(yaml.safe_dump(settings), Path(f"{name}.yaml"))
    assert isinstance(study, AblationStudy)
    return study


def conduct(
    study: Study,
    folder: Path,
    executor: Executor | None = None,
    *,
    observer: Observer | None = None,
    stopping: Stopping | None = None,
    script: str = "",
    train: bool = True,
    clock: Clock = time.time,
) -> StudyResults:
    """Run or resume `study` in the store `folder`; what its runs do stands in `script`, as for `run_key`."""
    session = Session(
        Store.open(folder, create=True),
        executor or FakeExecutor(),
        conditions(study, script=script),
        observer or NullObserver(),
        stopping,
        clock,
        train=train,
    )
    return run_study(study, session)


def conditions(study: Study, *, script: str = "", **changes: object) -> Conditions:
    """Conditions of runs on a CPU and on Fashion-MNIST's shape; `changes` replace fields."""
    data = run_key(script=script).data
    pairs = tuple(
        data.model_copy(update={"split_seed": seed, "split_digest": f"{seed:064x}"})
        for seed in study.pair_splits
    )
    usual = Conditions(data, study.task(FASHION_MNIST), "cpu", "a processor", 54_000, pairs)
    return replace(usual, **changes)


def answers(results: StudyResults) -> list[tuple[object, ...]]:
    """A study's trials without their times: equal for equal histories."""
    return [
        (
            trial.stage,
            trial.number,
            trial.architecture,
            tuple(trial.params.items()),
            trial.run,
            trial.outcome,
            trial.cached,
        )
        for trial in results.trials
    ]
