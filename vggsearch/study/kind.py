"""`StudyKind`: what differs between kinds of studies. `vggsearch.study.kinds` lists the kinds."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from vggsearch.arch import Task
from vggsearch.recipe import Recipe
from vggsearch.runs import Stage
from vggsearch.store import Store
from vggsearch.study.control import Progress, Session
from vggsearch.study.file import Study
from vggsearch.study.results import StudyResults
from vggsearch.text import Json

S = TypeVar("S", bound=Study)


@dataclass(frozen=True, slots=True)
class StageStatus:
    """Distinct runs of one stage."""

    quota: int
    """How many are wanted."""
    done: int
    """How many of them are answered."""
    running: int = 0
    """How many a living controller has submitted."""

    @property
    def left(self) -> int:
        """Runs not done, including running ones."""
        return max(0, self.quota - self.done)


class StudyKind(ABC, Generic[S]):
    """How studies of one kind are run and described. Holds no state.

    `results` are what `store` holds of the study at this moment.
    """

    has_copy: ClassVar[bool]
    """Whether Optuna keeps a copy of such a study."""

    @abstractmethod
    def recipes(self, study: S, task: Task) -> list[Recipe]:
        """Every recipe that the study uses. Raises `StudyFileError` where the study is impossible.

        Loads no data.
        """

    @abstractmethod
    def run(self, study: S, session: Session) -> None:
        """Make the runs that are left, under the store's lock; see `vggsearch.study.run_study`."""

    @abstractmethod
    def counts(self, study: S, results: StudyResults, store: Store) -> dict[Stage, StageStatus]:
        """The status of each stage, without running runs."""

    @abstractmethod
    def is_settled(
        self, study: S, results: StudyResults, store: Store, counts: dict[Stage, StageStatus]
    ) -> bool:
        """Whether earlier decisions (finalists, a plan) are those that would be made now."""

    @abstractmethod
    def left_s(
        self, study: S, results: StudyResults, store: Store, counts: dict[Stage, StageStatus]
    ) -> float | None:
        """Estimate of the seconds that the runs left take one after the other; None where unknown."""

    @abstractmethod
    def progress(self, study: S, results: StudyResults, store: Store) -> Progress:
        """The progress to display for an invocation that begins now."""

    @abstractmethod
    def summary(self, study: S, results: StudyResults) -> dict[str, Json]:
        """What `vggsearch status` reports of the results, as plain JSON values."""

    @abstractmethod
    def summary_lines(self, study: S, results: StudyResults) -> list[str]:
        """The same as lines for a person."""
