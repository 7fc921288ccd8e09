"""Make a table from what a store holds of a study."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from vggsearch.errors import StoreError
from vggsearch.recipe import Budget
from vggsearch.runs import FINAL, Outcome, RunKey, RunRecord
from vggsearch.study import StudyResults
from vggsearch.tables.table import Row, Table, TableHeader

_KEPT = frozenset({*FINAL, Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY})
"""Outcomes that stand in a table; others say nothing of the net."""


def build_table(results: StudyResults) -> Table:
    """The runs of a study that were judged on validation, as a table.

    Tested runs are left out: what is searched has no test results. Where a study has several recipes, those
    of the most runs are kept; the header's notes say what was left out. Raises `StoreError` where no run is
    left.
    """
    judged = [run for run in results.runs.values() if run.key.evaluate_on == "validation"]
    tested = len(results.runs) - len(judged)
    ended = [run for run in judged if run.outcome in _KEPT]
    groups = Counter(map(_conditions, ended))
    if not groups:
        where = f"{results.study.path}: no run of it has ended in this store"
        raise StoreError(f"{where}: run it first, or name another --store")
    common = groups.most_common(1)[0][0]
    runs = [run for run in ended if _conditions(run) == common]
    notes = [
        f"{count} runs left out: {why}"
        for count, why in (
            (tested, "they opened the test images"),
            (len(judged) - len(ended), "they crashed or were stopped"),
            (len(ended) - len(runs), "they were made under other conditions than most"),
        )
        if count
    ]
    budgets = tuple(sorted({run.key.budget for run in runs}, key=lambda budget: budget.amount))
    order = {budget: number for number, budget in enumerate(budgets)}
    rows = sorted(
        (_row(run) for run in runs), key=lambda row: (row.architecture, order[row.budget], row.seed)
    )
    full = results.study.budget if results.study.budget in order else budgets[-1]
    header = _header(results, runs[0].key, budgets, full, len(rows), _made(runs), notes)
    return Table(header, tuple(rows))


def _header(
    results: StudyResults,
    key: RunKey,
    budgets: tuple[Budget, ...],
    full: Budget,
    rows: int,
    made: Iterable[str],
    notes: Iterable[str],
) -> TableHeader:
    return TableHeader(
        name=results.study.name,
        input_shape=key.input_shape,
        num_classes=key.num_classes,
        data=key.data,
        recipe=key.recipe,
        device=key.device,
        device_model=key.device_model,
        training_revision=key.training_revision,
        budgets=budgets,
        full=full,
        rows=rows,
        study=results.study.source,
        made=tuple(made),
        notes=tuple(notes),
    )


def _conditions(run: RunRecord) -> str:
    """What all rows of a table share."""
    key = run.key.model_copy(update={"architecture": "1x1+gap", "seed": 0, "budget": Budget(steps=1)})
    return f"{run.key.budget.kind} {key.digest}"


def _row(run: RunRecord) -> Row:
    key = run.key
    return Row(
        architecture=key.architecture,
        budget=key.budget,
        seed=key.seed,
        outcome=run.outcome,
        val_accuracy=run.val_accuracy,
        val_balanced_accuracy=run.val_balanced_accuracy,
        train_s=run.train_s,
        eval_s=run.eval_s,
        setup_s=run.setup_s,
        latency_ms=run.latency_ms,
        steps=run.steps,
    )


def _made(runs: Iterable[RunRecord]) -> list[str]:
    """Versions, machines and dates, each with its number of runs where there are several."""
    made = [run.provenance for run in runs if run.provenance is not None]
    if not made:
        return []
    facts = {
        "vggsearch": [f"{one.vggsearch}, commit {one.commit or 'unknown'}" for one in made],
        "Python, torch": [f"{one.python}, {one.torch}" for one in made],
        "processor": [f"{one.processor}, {one.cpu_count} cores" for one in made],
        "arithmetic": [f"{one.precision}, {one.layers} layers, {one.threads} threads" for one in made],
    }
    lines = []
    for name, values in facts.items():
        counted = Counter(values).most_common(5)
        texts = [f"{value} ({count} runs)" if len(counted) > 1 else value for value, count in counted]
        lines.append(f"{name}: {'; '.join(texts)}"[:4000])
    first, last = min(one.started_at for one in made), max(one.finished_at for one in made)
    return [*lines, f"made: {_day(first)} to {_day(last)}"]


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")
