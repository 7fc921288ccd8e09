"""Run a study, or resume it: everything put together."""

import time
from contextlib import closing
from typing import Literal, Protocol

from vggsearch.runs.record import DataKey
from vggsearch.study.assembly import Assembly, Conditions
from vggsearch.study.controller import Controller
from vggsearch.study.events import NullObserver, Observer
from vggsearch.study.executors import Executor
from vggsearch.study.file import Study
from vggsearch.study.notes import Notes
from vggsearch.study.results import StudyResults
from vggsearch.study.stages import Clock
from vggsearch.study.stopping import Stopping
from vggsearch.study.store import Store


class DataInfo(Protocol):
    """What is known of a data set without loading it; `vggsearch.data.describe` gives one."""

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(channels, height, width), before resizing."""

    @property
    def num_classes(self) -> int:
        """How many classes there are."""


def run_study(
    study: Study,
    store: Store,
    executor: Executor,
    *,
    data_key: DataKey,
    info: DataInfo,
    device: Literal["cpu", "cuda"],
    device_model: str,
    observer: Observer | None = None,
    stopping: Stopping | None = None,
    clock: Clock = time.time,
) -> StudyResults:
    """Do what `study` still wants, and return what is known then, also where it was stopped before its end.

    Takes the store's lock. The first SIGINT or SIGTERM, and the study's time limit, let the runs that are
    going finish; the second signal ends them at once (and closes `executor`, which otherwise stays open).
    Calling it again goes on from there; `StudyEnded`, the last event, says whether anything is left.

    Args:
        data_key: Of the data that the executor's runs train on.
        info: Of the same data.
        device, device_model: What the executor's runs are made on.
        observer: Is told of everything.
        stopping: When to stop; by default by signals and the study's time limit, from now.
        clock: Seconds since the epoch.

    Raises:
        StudyFileError: The file changed since the study began here, or its runs were made under other
        conditions. StoreError: The store is held by another controller, or cannot be written.
        VggSearchError: The first runs all crashed: the set-up is broken.
    """
    space = study.space(info.input_shape, info.num_classes)
    conditions = Conditions(
        data_key, study.input_shape(info.input_shape), info.num_classes, device, device_model
    )
    notes = Notes(store.root / "studies" / study.name)
    with (
        store.lock(),
        stopping or Stopping(study.time_limit_s) as when,
        closing(Assembly(study, space, store, notes, conditions, clock)) as assembly,
    ):
        store.begin(study)
        assembly.restore()
        Controller(
            study=study.name,
            stages=assembly.stages,
            store=store,
            notes=notes,
            executor=executor,
            stopping=when,
            select=assembly.select,
            observer=observer or NullObserver(),
            sound=assembly.sound,
            clock=clock,
        ).work()
        return store.results(study)
