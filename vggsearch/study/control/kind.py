"""`StudyKind`: what one kind of study does in its own way. `vggsearch.study.kinds` lists them all."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from vggsearch.arch import Task
from vggsearch.recipe import Recipe
from vggsearch.runs import Stage
from vggsearch.store import Store
from vggsearch.study.control.progress import Progress
from vggsearch.study.control.session import Session
from vggsearch.study.file import Study
from vggsearch.study.results import StudyResults

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

S = TypeVar("S", bound=Study)


@dataclass(frozen=True, slots=True)
class StageCount:
    """Distinct runs of one stage."""

    quota: int
    """How many are wanted."""
    done: int
    """How many of them are answered."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a store says of one study."""

    results: StudyResults
    store: Store
