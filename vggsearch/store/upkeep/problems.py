"""What a look through a store can find (`vggsearch.store.upkeep.walk`), in words for the code."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from vggsearch.runs import Digest
from vggsearch.store.upkeep.checkpoints import CheckpointsFound
from vggsearch.store.upkeep.optuna_file import OptunaFile

Kind = Literal[
    "record",  # of a run, damaged
    "trial",  # damaged, as those down to `checkpoint` are
    "notes",  # what a controller wrote down for the next one
    "study",  # what a study must remain
    "plan",  # of an ablation
    "token",  # by which a shared database knows the store
    "database",  # Optuna's
    "checkpoint",  # its run passes it over
    "aside",  # a damaged database that a controller put aside, and made again
    "obstacle",  # something else where a folder or a file must be
    "unreadable",  # for want of permissions, which is no damage
    "link",  # where a folder should be, or something of a stranger's
    "foreign",  # not a store's
]

WRONG: frozenset[Kind] = frozenset(
    {"record", "trial", "notes", "study", "plan", "token", "database", "obstacle", "unreadable"}
)
"""The rest is worth knowing and stops nothing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing in the store that is not as it should be."""

    kind: Kind
    path: Path
    """Within the store."""
    reason: str

    @property
    def wrong(self) -> bool:
        """Whether it is more than worth knowing."""
        return self.kind in WRONG


@dataclass
class StudyFound:
    """One study, as far as its store tells."""

    name: str
    data: str | None = None
    """The name of its data set; None where its `study.json` does not say."""
    trials: int = 0
    searched: bool = False
    """Whether it has trials that Optuna's database is a copy of."""
    absent: set[Digest] = field(default_factory=set)
    """Runs of its trials of which the ledger has no sound record: they are made again."""


@dataclass
class Survey:
    """What is in a store."""

    runs: int = 0
    """Sound records."""
    studies: list[StudyFound] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    """By kind and path."""
    leftovers: list[Path] = field(default_factory=list)
    """What interrupted writes left, or writes that are going on."""
    checkpoints: CheckpointsFound = field(default_factory=CheckpointsFound)
    database: OptunaFile = field(default_factory=lambda: OptunaFile("absent"))
    future: int = 0
    """Files and records that are later than now."""
