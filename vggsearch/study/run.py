"""Run a study, or resume it: everything put together."""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal, Protocol

from vggsearch.designs import Design
from vggsearch.execution import Executor
from vggsearch.runs import Clock, DataKey
from vggsearch.space import Space
from vggsearch.store import ControllerState, Store
from vggsearch.study.ablation import AblationAssembly
from vggsearch.study.control import (
    Conditions,
    Controller,
    Job,
    Notice,
    NullObserver,
    Observer,
    Stage,
    Stopping,
)
from vggsearch.study.file import AblationStudy, SearchStudy, Study
from vggsearch.study.results import StudyResults, read_results
from vggsearch.study.search import Database, SearchAssembly


class DataInfo(Protocol):
    """What is known of a data set without loading it; `vggsearch.data.describe` gives one."""

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(channels, height, width), before resizing."""

    @property
    def num_classes(self) -> int:
        """How many classes there are."""

    @property
    def train_size(self) -> int:
        """Training images, the validation part among them."""


class StudyAssembly(Protocol):
    """The stages of a study, of whatever kind."""

    @property
    def stages(self) -> Sequence[Stage]:
        """In order and restored."""

    @property
    def sound(self) -> bool:
        """Whether the study holds runs that ended otherwise than by crashing."""

    def select(self) -> Sequence[Job]:
        """What the last stage is to do."""


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
    train: bool = True,
    database: Database | None = None,
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
        train: False stops an ablation once its arms were measured and its plan is fixed.
        database: Where a search's copy for Optuna is kept; None for the store's own file.

    Raises:
        StudyFileError: The file changed since the study began here, or its runs were made under other
        conditions. StoreError: The store is held by another controller, or cannot be written.
        VggSearchError: The first runs all crashed: the set-up is broken.
    """
    run = _Run(study, store, executor, observer or NullObserver(), clock)
    conditions = Conditions(
        data_key, study.input_shape(info.input_shape), info.num_classes, device, device_model
    )
    with stopping or Stopping(study.time_limit_s) as when:
        if isinstance(study, SearchStudy):
            space = study.space(info.input_shape, info.num_classes)
            with store.lock():
                run.search(study, space, conditions, when, database)
        elif isinstance(study, AblationStudy):
            design = study.plan_design(info.input_shape, info.num_classes)
            with store.lock():
                run.ablation(study, design, conditions, info, when, train=train)
        return read_results(store, study)


@dataclass(frozen=True)
class _Run:
    """What the controllers of one invocation share."""

    study: Study
    store: Store
    executor: Executor
    observer: Observer
    clock: Clock

    def search(
        self,
        study: SearchStudy,
        space: Space,
        conditions: Conditions,
        stopping: Stopping,
        database: Database | None,
    ) -> None:
        notes = self.notes()
        assembly = SearchAssembly(study, space, self.store, notes, conditions, self.clock, database, self.say)
        with closing(assembly):
            self.store.begin(study)
            assembly.restore()
            self.work(assembly, assembly.stages, notes, stopping)

    def ablation(
        self,
        study: AblationStudy,
        design: Design,
        conditions: Conditions,
        info: DataInfo,
        stopping: Stopping,
        *,
        train: bool,
    ) -> None:
        notes = self.notes()
        images = round(info.train_size * (1 - study.data.val_fraction))
        assembly = AblationAssembly(study, design, self.store, notes, conditions, images, self.clock)
        self.store.begin(study)
        assembly.restore()
        if not assembly.calibration.complete:
            self.work(assembly, [assembly.calibration], notes, stopping, slots=1)
            if not assembly.calibration.complete:
                return
        plan = assembly.plan()
        self.store.plans(study.name).register(plan, runs=assembly.runs, at=self.clock())
        if train:
            assembly.begin(plan)
            self.work(assembly, assembly.stages, notes, stopping)

    def say(self, text: str) -> None:
        self.observer.notify(Notice(text))

    def notes(self) -> ControllerState:
        return self.store.state(self.study.name)

    def work(
        self,
        assembly: StudyAssembly,
        stages: Sequence[Stage],
        notes: ControllerState,
        stopping: Stopping,
        slots: int | None = None,
    ) -> None:
        Controller(
            study=self.study.name,
            stages=stages,
            store=self.store,
            notes=notes,
            executor=self.executor,
            stopping=stopping,
            select=assembly.select,
            observer=self.observer,
            sound=assembly.sound,
            slots=slots,
        ).work()
