"""What a survey of a store can find (`vggsearch.store.upkeep.walk`)."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from vggsearch.runs import Digest
from vggsearch.store.upkeep.checkpoints import CheckpointSurvey
from vggsearch.store.upkeep.optuna_file import DatabaseStatus
from vggsearch.store.upkeep.weights import WeightsSurvey

ProblemKind = Literal[
    "record",  # a damaged record of a run
    "trial",  # damaged, as those down to `checkpoint` are
    "state",  # what a controller wrote down for the next one
    "study",  # the identity of a study
    "plan",  # the plan of an ablation
    "token",  # what identifies the store in a shared database
    "database",  # Optuna's database
    "checkpoint",  # its run ignores it
    "weights",  # damaged, or of no record
    "aside",  # a damaged database that a controller replaced
    "obstacle",  # something else where a folder or a file must be
    "unreadable",  # permissions are missing, which is no damage
    "link",  # where a folder should be, or beside the store's own files
    "foreign",  # not part of a store
]

WRONG: frozenset[ProblemKind] = frozenset(
    {"record", "trial", "state", "study", "plan", "token", "database", "obstacle", "unreadable"}
)
"""The kinds that need a repair; the others are only reported."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing in the store that is not as it should be."""

    kind: ProblemKind
    path: Path
    """Relative to the store."""
    reason: str

    @property
    def wrong(self) -> bool:
        """Whether it needs a repair."""
        return self.kind in WRONG


@dataclass
class StudySurvey:
    """One study, as its store has it."""

    name: str
    data: str | None = None
    """The name of its data set; None where its `study.json` does not say."""
    trials: int = 0
    searched: bool = False
    """Whether it has trials of a search, which Optuna's database copies."""
    crashed: int = 0
    """Trials that crashed and are made again when the study is resumed."""
    absent: set[Digest] = field(default_factory=set)
    """Runs of its trials without a sound record in the ledger: they are made again."""


@dataclass
class Survey:
    """What is in a store."""

    runs: int = 0
    """How many sound records there are."""
    studies: list[StudySurvey] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    """In order of kind and path, those that need a repair first."""
    leftovers: list[Path] = field(default_factory=list)
    """Temporary files of writes that were interrupted, or that are in progress."""
    checkpoints: CheckpointSurvey = field(default_factory=CheckpointSurvey)
    weights: WeightsSurvey = field(default_factory=WeightsSurvey)
    database: DatabaseStatus = field(default_factory=lambda: DatabaseStatus("absent"))
    future: int = 0
    """How many files and records have a time later than now."""
