"""The work of `vggsearch run` and `vggsearch plan`: an executor, and the controller that gives it runs."""

from pathlib import Path

import torch

from vggsearch.commands.cluster import Cluster
from vggsearch.commands.data import check_batch
from vggsearch.commands.devices import DeviceKind, default_workers
from vggsearch.data import DatasetInfo, data_key, describe
from vggsearch.execution import Executor, LocalExecutor
from vggsearch.recipe import Recipe
from vggsearch.store import Store
from vggsearch.study import AblationStudy, Database, Observer, SearchStudy, Study, StudyResults, run_study
from vggsearch.training import device_model


def work(
    study: Study,
    store: Store,
    kind: DeviceKind,
    workers: int | None,
    data_dir: Path | None,
    observer: Observer,
    *,
    train: bool = True,
    cluster: Cluster | None = None,
    database: Database | None = None,
) -> StudyResults:
    """Do what is left of the study; returns what is known then. Without `train` an ablation's plan alone.

    Runs are made by `workers` processes here, or by so many at once on a Ray `cluster`. Optuna's copy of a
    search is in `database`, or in the store.
    """
    info = describe(study.data.name, data_dir)
    images = round(info.train_size * (1 - study.data.val_fraction))
    for recipe in _recipes(study, info):
        check_batch(study.data.name, images, recipe)
    with _executor(store, kind, workers, data_dir, cluster) as executor:
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
            train=train,
            database=database,
        )


def _executor(
    store: Store, kind: DeviceKind, workers: int | None, data_dir: Path | None, cluster: Cluster | None
) -> Executor:
    if cluster is None:
        several = workers or default_workers(kind)
        return LocalExecutor(several, kind, data_dir, checkpoints=store.checkpoints)
    from vggsearch.execution import RayExecutor

    return RayExecutor(cluster.address, kind, workers, data_dir, checkpoints=store.checkpoints)


def _recipes(study: Study, info: DatasetInfo) -> list[Recipe]:
    """All that are trained by. A space or a design that cannot be is told here, before data is loaded."""
    match study:
        case SearchStudy():
            study.space(info.task)
        case AblationStudy():
            design = study.plan_design(info.task)
            return [arm.recipe for arm in design.arms]
    return [study.recipe]
