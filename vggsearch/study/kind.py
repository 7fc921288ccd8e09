"""`StudyKind`: what one kind of study does in its own way. `vggsearch.study.kinds` lists them all."""

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
class StageCount:
    """Distinct runs of one stage."""

    quota: int
    """How many are wanted."""
    done: int
    """How many of them are answered."""


class StudyKind(ABC, Generic[S]):
    """How studies of one kind are run, and what is said of them. Holds no state.

    `results` are what `store` knows of the study at this moment.
    """

    has_copy: ClassVar[bool]
    """Whether Optuna keeps a copy of such a study."""

    @abstractmethod
    def recipes(self, study: S, task: Task) -> list[Recipe]:
        """Every recipe that is trained by. Raises `StudyFileError` where the study cannot be, before any data
        are loaded."""

    @abstractmethod
    def run(self, study: S, session: Session) -> None:
        """Do what is left, under the store's lock. `vggsearch.study.run_study` says what is promised and
        raised."""

    @abstractmethod
    def counts(self, study: S, results: StudyResults, store: Store) -> dict[Stage, StageCount]:
        """The stages of the study."""

    @abstractmethod
    def is_settled(
        self, study: S, results: StudyResults, store: Store, counts: dict[Stage, StageCount]
    ) -> bool:
        """Whether what was decided on the way (finalists, a plan) is what would be decided now."""

    @abstractmethod
    def left_s(
        self, study: S, results: StudyResults, store: Store, counts: dict[Stage, StageCount]
    ) -> float | None:
        """Estimate of the seconds that all runs left take, one after the other; None where nothing tells."""

    @abstractmethod
    def progress(self, study: S, results: StudyResults, store: Store) -> Progress:
        """What a display of the run that begins now draws from."""

    @abstractmethod
    def summary(self, study: S, results: StudyResults) -> dict[str, Json]:
        """What `vggsearch status` may tell while the study runs, as plain JSON values."""

    @abstractmethod
    def summary_lines(self, study: S, results: StudyResults) -> list[str]:
        """The same for a person, a line each."""
