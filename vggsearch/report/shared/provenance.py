"""Where the numbers come from: data, recipe, seeds, versions, hardware, and the commands that repeat them."""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import pandas as pd

from vggsearch.analysis import Spending
from vggsearch.report.document import (
    Block,
    Listing,
    Table,
    count,
    paragraph,
    plain,
    printable,
    section,
    text_column,
)
from vggsearch.runs import RunRecord
from vggsearch.study import StudyResults


@section("provenance", "Provenance")
def provenance_section(
    results: StudyResults, spent: Spending, command: str, run_commands: tuple[str, ...] = ()
) -> Iterator[Block]:
    """Everything needed to make the report again.

    `command` is the one that makes it from its own data. `run_commands` show one of its runs, and repeat it.
    """
    study = results.study
    path = study.path.name if study.path.is_absolute() else study.path.as_posix()
    named = shlex.quote(plain(path, limit=4096))  # somebody may copy it into a shell
    commands = [f"vggsearch run {named}", f"vggsearch report {named}", command, *run_commands]
    last = " The last two show one run and repeat it; the table of runs names the others."
    yield paragraph(
        "The first command makes the runs that the store does not have. The others make this report: from "
        "the store or, without training, from the report's own data." + (last if run_commands else "")
    )
    yield Listing(printable("\n".join(dict.fromkeys(commands))))
    yield _table(results, spent)
    yield Listing(printable(study.source.rstrip("\n")), "The study file")


def _table(results: StudyResults, spent: Spending) -> Table:
    """One row a fact. Where runs differ in it, each value has the number of its runs."""
    runs = list(results.runs.values())
    understood = [("images", line) for line in results.data_lines()]
    facts = (*_data(runs), *understood, *_training(runs), *_machine(runs, spent))
    data = pd.DataFrame(
        [(item, plain(value, limit=1500)) for item, value in facts], columns=["item", "value"]
    )
    columns = [text_column("", "item", str), text_column("", "value", str)]
    return Table("provenance", "Provenance", columns, data, latex=False)


def _data(runs: list[RunRecord]) -> list[tuple[str, str]]:
    keys = [run.key for run in runs]
    splits = (f"{100 * key.data.val_fraction:g} % validation, seed {key.data.split_seed}" for key in keys)
    return [
        ("data", _each(key.data.name for key in keys)),
        ("data digest (SHA-256)", _each(key.data.digest for key in keys)),
        ("split", _each(splits)),
        ("split digest (SHA-256)", _each(key.data.split_digest for key in keys)),
        ("input", _each(f"{'×'.join(map(str, key.input_shape))}, {key.num_classes} classes" for key in keys)),
    ]


def _training(runs: list[RunRecord]) -> list[tuple[str, str]]:
    keys = [run.key for run in runs]
    recipes = (
        ", ".join(f"{name} {value}" for name, value in key.recipe.model_dump(mode="json").items())
        for key in keys
    )
    opened = sum(run.key.evaluate_on == "test" for run in runs)
    return [
        ("recipe", _each(recipes)),
        ("budget of a run", _each(str(key.budget) for key in keys)),
        ("seeds", _each(f"{key.seed}" for key in keys)),
        ("test images opened by", f"{opened} of {count(len(runs))} runs"),
        ("training revision", _each(str(key.training_revision) for key in keys)),
    ]


def _machine(runs: list[RunRecord], spent: Spending) -> list[tuple[str, str]]:
    made = [run.provenance for run in runs if run.provenance is not None]
    reproducible = sum(one.bit_reproducible for one in made)
    contended = sum(run.contended for run in runs)
    begin = min((one.started_at for one in made), default=None)
    end = max((one.finished_at for one in made), default=None)
    silent = len(runs) - len(made)
    precisions = [
        ", ".join(filter(None, (one.precision, one.layers and f"{one.layers} layers"))) for one in made
    ]
    return [
        ("vggsearch", _each(one.vggsearch for one in made)),
        ("commit", _each(one.commit or "not from a checkout" for one in made)),
        ("Python, torch", _each(f"{one.python}, {one.torch}" for one in made)),
        ("platform", _each(one.platform for one in made)),
        ("processor", _each(f"{one.processor}, {one.cpu_count} cores" for one in made)),
        ("GPU", _each(one.gpu or "none" for one in made)),
        *([("precision", _each(name or "not recorded" for name in precisions))] if any(precisions) else []),
        ("threads of a worker", _each(str(one.threads) for one in made)),
        ("workers at once", count(spent.workers)),
        ("first run began", moment(begin)),
        ("last run ended", moment(end)),
        ("stopped and resumed", f"{spent.pauses} times" if spent.pauses != 1 else "once"),
        ("held up by other work", f"{contended} of {count(len(runs))} runs"),
        ("repeatable bit by bit", f"{reproducible} of {count(len(runs))} runs"),
        *([("without provenance", f"{silent} of {count(len(runs))} runs")] if silent else []),
    ]


def _each(values: Iterable[str]) -> str:
    """The value that all runs share, or each value with its number of runs, the most common first."""
    counted = Counter(values).most_common()
    if len(counted) <= 1:
        return counted[0][0] if counted else "unknown"
    shown = "; ".join(f"{value} ({number} runs)" for value, number in counted[:8])
    return shown if len(counted) <= 8 else f"{shown}; and {len(counted) - 8} others"


def moment(seconds: float | None) -> str:
    """A Unix time as a date: `2026-11-24 18:06 UTC`."""
    if seconds is None or not 0 <= seconds < 253_402_300_800:  # the year 10000
        return "unknown"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
