"""`StudyKind`: what one kind of study does in its own way. `vggsearch.study.kinds` lists them all."""

from dataclasses import dataclass
from typing import TypeVar

from vggsearch.store import Store
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
