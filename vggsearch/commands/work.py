"""The work of `vggsearch run`: an executor, and the controller that gives it runs."""

from pathlib import Path

import torch

from vggsearch.commands.data import check_batch
from vggsearch.commands.devices import DeviceKind
from vggsearch.data import data_key, describe
from vggsearch.study import Store, Study, StudyResults
from vggsearch.study.events import Observer
from vggsearch.study.executors import LocalExecutor
from vggsearch.study.run import run_study
from vggsearch.training import device_model


def work(
    study: Study, store: Store, kind: DeviceKind, workers: int, data_dir: Path | None, observer: Observer
) -> StudyResults:
    """Do what is left of the study; returns what is known then."""
    info = describe(study.data.name, data_dir)
    study.space(info.input_shape, info.num_classes)  # a space that cannot be is told before data is loaded
    check_batch(study.data.name, round(info.train_size * (1 - study.data.val_fraction)), study.recipe)
    with LocalExecutor(workers, kind, data_dir) as executor:
        data = study.data
        key = data_key(
            data.name, data_dir=data_dir, val_fraction=data.val_fraction, split_seed=data.split_seed
        )
        return run_study(
            study,
            store,
            executor,
            data_key=key,
            info=info,
            device=kind,
            device_model=device_model(torch.device(kind)),
            observer=observer,
        )
