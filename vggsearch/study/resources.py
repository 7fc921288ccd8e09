"""Prepare a session of a study (data, device, executor) and run it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vggsearch.data import DataSummary, data_key, describe, summarize
from vggsearch.devices import resolve_device
from vggsearch.errors import DataError, VggSearchError
from vggsearch.execution import EXECUTORS
from vggsearch.recipe import Recipe
from vggsearch.store import Store
from vggsearch.study.control import Conditions, Observer, Session
from vggsearch.study.file import Study
from vggsearch.study.kinds import kind_of
from vggsearch.study.results import StudyResults
from vggsearch.study.run import run_study
from vggsearch.training import device_model


@dataclass(frozen=True, slots=True)
class Resources:
    """What a study may use."""

    device: str = "auto"
    """`auto`, a kind of device, or one of several as in `cuda:N`."""
    workers: int | None = None
    """How many runs are active at once; None for one per core, GPU, or place in the cluster."""
    data_dir: Path | None = None
    """Folder in which data sets are looked for first."""
    executor: str = "local"
    """Name in `vggsearch.execution.EXECUTORS`."""
    address: str | None = None
    """Address of the cluster, where the executor uses one."""
    storage: str | None = None
    """URL of the database for Optuna's copy of a search; None for a file of the store."""

    def __post_init__(self) -> None:
        if self.executor not in EXECUTORS:
            raise VggSearchError(
                f"--executor is {' or '.join(EXECUTORS)}, not {self.executor[:60]!r}: use one of them"
            )


def launch(
    study: Study, store: Store, resources: Resources, observer: Observer, *, train: bool = True
) -> StudyResults:
    """Make the runs of `study` that are left with `resources`, and return its results; see `run_study`.

    An impossible study, one with too few images, or one with an image that cannot be read is refused before
    anything is trained. Without `train` an ablation stops once its plan is fixed.
    """
    data, data_dir, device = study.data, resources.data_dir, resolve_device(resources.device)
    info = describe(data.name, data_dir)
    images = examine(study, resources).size("train")
    make, workers, address = EXECUTORS[resources.executor], resources.workers, resources.address
    with make(
        workers,
        device,
        data_dir,
        checkpoints=store.checkpoints,
        keep_weights=study.keep_weights,
        address=address,
    ) as executor:
        key = data_key(
            data.name, data_dir=data_dir, val_fraction=data.val_fraction, split_seed=data.split_seed
        )
        pairs = tuple(
            data_key(data.name, data_dir=data_dir, val_fraction=data.val_fraction, split_seed=split_seed)
            for split_seed in study.pair_splits
        )
        if any(pair.split_digest == key.split_digest for pair in pairs):
            raise DataError(
                f"{data.name} comes with validation images of its own, so that its split cannot vary: write "
                "split: fixed"
            )
        conditions = Conditions(key, study.task(info.task), device, device_model(device), images, pairs)
        session = Session(store, executor, conditions, observer, storage=resources.storage, train=train)
        return run_study(study, session)


def examine(
    study: Study, resources: Resources, progress: Callable[[int, int], None] | None = None
) -> DataSummary:
    """Decode every image that the study will open once, and return what was understood of them.

    `progress` is told how many are done, of how many. Raises `DataError` for a study whose data are too few,
    and one for all images that cannot be read; what was sound is remembered.
    """
    data, data_dir = study.data, resources.data_dir
    resolve_device(resources.device)
    info = describe(data.name, data_dir)
    recipes = tuple(kind_of(study).recipes(study, info.task))
    for recipe in recipes:
        check_batch(data.name, info.training_images(data.val_fraction), recipe)
    found = summarize(
        data.name,
        data_dir,
        val_fraction=data.val_fraction,
        split_seed=data.split_seed,
        test=study.opens_test_images,
        progress=progress,
    )
    for recipe in recipes:
        check_batch(data.name, found.size("train"), recipe)
    return found


def check_batch(name: str, images: int, recipe: Recipe) -> None:
    """Raise `DataError` where `images` training images of the data set `name` do not fill one batch."""
    if images < recipe.batch_size:
        raise DataError(
            f"{name} has {images} training images, and a batch takes {recipe.batch_size}: add images, "
            "or lower the batch_size of the recipe"
        )
