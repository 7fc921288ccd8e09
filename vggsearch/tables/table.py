"""`Table`: what the members of a space reached, by fidelity and seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import Field

from vggsearch.arch import Architecture, Task
from vggsearch.devices import DeviceKind
from vggsearch.errors import VggSearchError
from vggsearch.recipe import TRAINING_REVISION, Budget, Recipe
from vggsearch.runs import Count, DataKey, Digest, Outcome, RunKey, RunRecord, Text
from vggsearch.schema import Frozen
from vggsearch.text import shown

if TYPE_CHECKING:
    import pandas as pd


class TableHeader(Frozen):
    """What all rows of a table share: the conditions of its runs, and where it comes from."""

    format: Literal["vggsearch-table"] = "vggsearch-table"
    version: Literal[1] = 1
    name: str = Field(max_length=100)
    """Of the study that made it."""
    input_shape: tuple[int, int, int]
    num_classes: Count
    data: DataKey
    recipe: Recipe
    device: DeviceKind
    device_model: Text | None = None
    """Of a table whose budgets are in seconds."""
    training_revision: int = TRAINING_REVISION
    budgets: Annotated[tuple[Budget, ...], Field(min_length=1, max_length=100)]
    """Every fidelity, the shortest first."""
    full: Budget
    """The budget that the others stand for."""
    rows: Count
    sha256: Digest = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    """Of the lines after this one."""
    study: str = Field(default="", max_length=1_000_000)
    """The text of the study file."""
    made: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    """With which versions, on which processors and between which dates the runs were made."""
    notes: Annotated[tuple[Text, ...], Field(max_length=1000)] = ()
    """What is missing, and why."""

    @property
    def task(self) -> Task:
        """What the nets are for."""
        return Task(self.input_shape, self.num_classes)


class Row(NamedTuple):
    """One run. Accuracies are fractions, on validation; seconds are those of the machine that made it."""

    architecture: str
    """Canonical text."""
    budget: Budget
    seed: int
    outcome: Outcome
    val_accuracy: float | None
    """None where the run did not complete."""
    val_balanced_accuracy: float | None
    """None also where classes are even."""
    train_s: float
    eval_s: float
    setup_s: float
    latency_ms: float | None
    steps: int

    @property
    def total_s(self) -> float:
        """Seconds from its start to its end."""
        return self.setup_s + self.train_s + self.eval_s

    def record(self, key: RunKey) -> RunRecord:
        """The record of the run `key`, as if it had been made now."""
        return RunRecord(
            key=key,
            outcome=self.outcome,
            reason="" if self.outcome is Outcome.COMPLETED else "as in the table",
            val_accuracy=self.val_accuracy,
            val_balanced_accuracy=self.val_balanced_accuracy,
            steps=self.steps,
            images=self.steps * key.recipe.batch_size,
            train_s=self.train_s,
            train_wall_s=self.train_s,
            eval_s=self.eval_s,
            setup_s=self.setup_s,
            latency_ms=self.latency_ms,
        )


@dataclass(frozen=True)
class Table:
    """What the members of a space reached. Made by `load_table`, or by `build_table` from a store's runs."""

    header: TableHeader
    rows: tuple[Row, ...]

    @property
    def fidelities(self) -> tuple[Budget, ...]:
        """Every budget, the shortest first."""
        return self.header.budgets

    @cached_property
    def members(self) -> tuple[str, ...]:
        """The architectures, in the order of their first rows."""
        return tuple(dict.fromkeys(row.architecture for row in self.rows))

    def query(
        self, architecture: Architecture | str, fidelity: Budget | str | None = None, seed: int | None = None
    ) -> Row:
        """What `architecture` reached.

        Args:
            architecture: A member, or its canonical text.
            fidelity: A budget of the table, or its text, as in `120steps`; None for the full budget.
            seed: A seed of the table; None for the smallest that the member has at that fidelity.

        Raises `VggSearchError` where the table has no such run.
        """
        text = str(architecture)
        budget = self._budget(fidelity)
        seeds = self._rows.get((text, budget))
        if seeds is None:
            if text not in self.members:
                own = f"table {self.header.name} has {len(self.members)} members"
                raise VggSearchError(f"{own}, and {shown(text)} is none of them: choose one of its members")
            raise VggSearchError(f"table {self.header.name} has no run of {text} at {budget}: build it again")
        row = seeds.get(min(seeds) if seed is None else seed)
        if row is None:
            raise VggSearchError(
                f"table {self.header.name} has {text} at {budget} with seeds "
                f"{', '.join(map(str, sorted(seeds)))}, not {seed}: use one of these"
            )
        return row

    def seeds(
        self, architecture: Architecture | str, fidelity: Budget | str | None = None
    ) -> tuple[int, ...]:
        """The seeds with which `architecture` was trained at `fidelity`, sorted."""
        return tuple(sorted(self._rows.get((str(architecture), self._budget(fidelity)), {})))

    def frame(self) -> "pd.DataFrame":
        """One row a run, with the fields of `Row`; `budget` is a text, and `amount` its number."""
        import pandas as pd

        frame = pd.DataFrame.from_records(self.rows, columns=Row._fields)
        frame["amount"] = [row.budget.amount for row in self.rows]
        frame["budget"] = [str(row.budget) for row in self.rows]
        frame["outcome"] = [row.outcome.value for row in self.rows]
        for name in ("val_accuracy", "val_balanced_accuracy", "latency_ms"):
            frame[name] = frame[name].astype(float)
        return frame

    @cached_property
    def _rows(self) -> Mapping[tuple[str, Budget], Mapping[int, Row]]:
        found: dict[tuple[str, Budget], dict[int, Row]] = {}
        for row in self.rows:
            found.setdefault((row.architecture, row.budget), {})[row.seed] = row
        return found

    def _budget(self, fidelity: Budget | str | None) -> Budget:
        if fidelity is None:
            return self.header.full
        budget = Budget.parse(fidelity) if isinstance(fidelity, str) else fidelity
        if budget not in self.fidelities:
            raise VggSearchError(
                f"table {self.header.name} has runs of {', '.join(map(str, self.fidelities))}, not {budget}: "
                "use one of these"
            )
        return budget
