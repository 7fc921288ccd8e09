"""Replay a study on a table: the real controller, with runs that are looked up."""

from dataclasses import replace

from vggsearch.execution import ReplayExecutor
from vggsearch.runs import RunKey, RunRecord
from vggsearch.store import MemoryStore, Store
from vggsearch.study import (
    Conditions,
    Observer,
    SearchStudy,
    Session,
    StudyResults,
    run_study,
)
from vggsearch.tables.table import Table


class Replay:
    """Runs of `table`, all with one of its seeds.

    A search draws its random choices from the study's seed, and its runs are those of the table's `seed`: so
    searches with different seeds can be repeated on one table, and what they pick can be judged by the
    table's other seeds.
    """

    def __init__(self, table: Table, seed: int) -> None:
        self._table, self._seed = table, seed

    def __call__(self, key: RunKey) -> RunRecord:
        """The record of the run `key`; raises `VggSearchError` where the table has none."""
        return self._table.query(key.architecture, key.budget, self._seed).record(key)


def replay_study(
    study: SearchStudy,
    table: Table,
    *,
    seed: int | None = None,
    workers: int = 2,
    observer: Observer | None = None,
    store: Store | None = None,
) -> StudyResults:
    """Run `study` on `table`, with `workers` runs at once on a simulated clock, and return its results.

    Args:
        study: A search. Its finalists are left out, as a table has no test results.
        table: It has every member of the study's space at every budget that the study uses.
        seed: The table's seed; by default the study's.
        workers: Runs at once.
        observer: Told of every event.
        store: Where trials are kept; by default in memory.

    Raises `StudyFileError` where the table is of another space, recipe, budget or data set.
    """
    if study.finalists is not None:
        study = study.model_copy(update={"finalists": None})
    check_table(study, table, seed)
    executor = ReplayExecutor(workers, Replay(table, study.seed if seed is None else seed))
    session = Session(
        MemoryStore() if store is None else store,
        executor,
        conditions_of(table),
        clock=executor.clock,
        copied=False,
    )
    return run_study(study, session if observer is None else replace(session, observer=observer))


def conditions_of(table: Table) -> Conditions:
    """What all runs of `table` share."""
    header = table.header
    model = header.device_model or "as in the table"
    return Conditions(header.data, header.task, header.device, model, 0)


def check_table(study: SearchStudy, table: Table, seed: int | None = None) -> None:
    """Raise `StudyFileError` unless `table` answers every run that `study` may ask for."""
    header, name = table.header, f"table {table.header.name}"
    space = study.space(header.task)
    if study.data.name != header.data.name:
        raise study.mistake(f"data: {name} is of {header.data.name}, not {study.data.name}: name its table")
    if study.data.split_seed != header.data.split_seed or study.data.val_fraction != header.data.val_fraction:
        raise study.mistake(f"data: {name} has another split: use its val_fraction and split_seed")
    if study.recipe != header.recipe:
        raise study.mistake(f"recipe: {name} has another recipe: copy the recipe of {header.name}")
    members = set(table.members)
    for member in space:
        if str(member) not in members:
            rule = f"{name} has {len(members)} members, and {member} of the space is none of them"
            raise study.mistake(f"space: {rule}: copy the space of {header.name}")
    own = study.seed if seed is None else seed
    for budget in (*study.short_budgets, study.budget):
        if budget not in table.fidelities:
            known = ", ".join(map(str, table.fidelities))
            raise study.mistake(f"budget: {name} has runs of {known}, not {budget}: use one of these")
        lacking = next((text for text in table.members if own not in table.seeds(text, budget)), None)
        if lacking is not None:
            have = ", ".join(map(str, table.seeds(lacking, budget)))
            rule = f"{name} has {lacking} at {budget} with seeds {have or 'none'}, not {own}"
            raise study.mistake(f"seed: {rule}: use another seed")
