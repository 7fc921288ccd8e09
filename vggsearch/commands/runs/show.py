"""`vggsearch runs show`: everything that is known of one run."""

import time

from rich.table import Table

from vggsearch.arch import parse
from vggsearch.commands.arguments import STORE, Json as AsJson, ReportFolder, StoreFolder
from vggsearch.commands.output import make_console, print_json, table
from vggsearch.commands.runs.lookup import (
    FoundRun,
    RunKeyText,
    correct_count,
    find_run,
    not_reproducible,
    short_commit,
)
from vggsearch.cost import cost
from vggsearch.runs import RunRecord
from vggsearch.text import Json, duration, percent, short_count, size


def command(
    key: RunKeyText, store: StoreFolder = STORE, source: ReportFolder = None, json: AsJson = False
) -> None:
    """Print all that is known of a run.

    What it was, what came of it, where it was made, and what used it.
    """
    found = find_run(key, store=store, source=source)
    if json:
        print_json(_object(found))
        return
    console = make_console()
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="bold", no_wrap=True)
    rows.add_column(overflow="fold")
    for name, value in _lines(found):
        rows.add_row(name, value)
    console.print(rows)
    if found.record.curve:
        console.print()
        console.print(_curve(found.record))
    console.print(f"\nto repeat: {found.repeat}", soft_wrap=True)


def _lines(found: FoundRun) -> list[tuple[str, str]]:
    record, key = found.record, found.record.key
    price = cost(parse(key.architecture), key.task)
    shape = "×".join(map(str, key.input_shape))
    data = key.data
    clock = f"{record.train_wall_s:.4g} s by the wall, {record.train_cpu_s:.4g} s of CPU"
    why = not_reproducible(record)
    lines = [
        ("run", key.digest),
        ("architecture", key.architecture),
        (
            "",
            f"{shape} images, {key.num_classes} classes; {short_count(price.macs)} MACs, "
            f"{short_count(price.params)} parameters",
        ),
        ("outcome", record.outcome.value + (f": {record.reason}" if record.reason else "")),
        ("test", _accuracy(record.test_accuracy, record.test_loss, record.test_correct)),
        ("validation", _accuracy(record.val_accuracy, record.val_loss, record.val_correct)),
        (
            "judged on",
            "test, as it was selected before it began" if key.evaluate_on == "test" else "validation",
        ),
        ("seed", str(key.seed)),
        ("budget", f"{key.budget}; {record.steps:,} steps, {record.images:,} images"),
        ("recipe", ", ".join(f"{name} {value}" for name, value in key.recipe.model_dump().items())),
        (
            "data",
            f"{data.name}, images {data.digest[:12]}; {100 * data.val_fraction:g} % for validation, split "
            f"seed {data.split_seed}, split {data.split_digest[:12]}",
        ),
        ("training", f"{record.train_s:.4g} s ({clock}), {_throughput(record)}"),
        (
            "beside it",
            f"{record.setup_s:.3g} s of set-up, {record.eval_s:.3g} s of evaluation"
            + ("; the machine was contended" if record.contended else ""),
        ),
        ("latency", "–" if record.latency_ms is None else f"{record.latency_ms:.3g} ms an image"),
        ("memory", "–" if record.peak_memory_bytes is None else f"{size(record.peak_memory_bytes)} at most"),
        *_provenance(record),
        (
            "same bits",
            "yes, on the same processor model and torch" if why is None else f"not promised: {why}",
        ),
    ]
    return [*lines, *_used(found)]


def _accuracy(accuracy: float | None, loss: float | None, bits: str | None) -> str:
    if accuracy is None:
        return "not measured"
    count = correct_count(accuracy, bits)
    of = "" if count is None else f", {count[0]:,} of {count[1]:,} right"
    return f"{percent(accuracy)}{of}" + ("" if loss is None else f", loss {loss:.4f}")


def _throughput(record: RunRecord) -> str:
    if not record.train_s:
        return "no throughput"
    return f"{record.images / record.train_s:,.0f} images/s"


def _provenance(record: RunRecord) -> list[tuple[str, str]]:
    made = record.provenance
    if made is None:
        return [("made", "not recorded")]
    times = [
        time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(moment))
        for moment in (made.started_at, made.finished_at)
    ]
    return [
        ("made", f"{times[0]} to {times[1]} UTC, {duration(made.finished_at - made.started_at)}"),
        (
            "by",
            f"vggsearch {made.vggsearch}, commit {short_commit(made.commit)}, training revision "
            f"{record.key.training_revision}; torch {made.torch}, Python {made.python}",
        ),
        (
            "on",
            f"{made.gpu or made.processor}, {made.platform}; {made.threads} of {made.cpu_count} processors"
            + (f"; {made.precision}" if made.precision else ""),
        ),
    ]


def _used(found: FoundRun) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for trial in found.trials:
        told = (
            ", ".join(f"{name} {value}" for name, value in trial.params.items())
            if "arm" in trial.params
            else ""
        )
        cached = ", already made then" if trial.cached else ""
        what = f"{trial.study}, {trial.stage} {trial.number}{': ' if told else ''}{told}{cached}"
        lines.append(("" if lines else "used by", what))
    return lines or [("used by", "no study here")]


def _curve(record: RunRecord) -> Table:
    numbers = ("step", "budget", "training s", "training loss", "val. accuracy", "val. loss", "val. images")
    rows = table(*numbers, right=numbers)
    for point in record.curve:
        rows.add_row(
            f"{point.step:,}",
            f"{point.fraction:.1%}",
            f"{point.train_s:.4g}",
            "–" if point.train_loss is None else f"{point.train_loss:.4f}",
            percent(point.val_accuracy),
            f"{point.val_loss:.4f}",
            f"{point.val_images:,}",
        )
    return rows


def _object(found: FoundRun) -> dict[str, Json]:
    record = found.record
    whole: dict[str, Json] = record.model_dump(mode="json", exclude={"val_correct", "test_correct"})
    counts = {
        "val": correct_count(record.val_accuracy, record.val_correct),
        "test": correct_count(record.test_accuracy, record.test_correct),
    }
    return {
        "run": record.key.digest,
        **whole,
        "correct": {part: None if count is None else list(count) for part, count in counts.items()},
        "not_reproducible": not_reproducible(record),
        "used_by": [
            trial.model_dump(mode="json", exclude={"run", "schema_version"}) for trial in found.trials
        ],
        "repeat": found.repeat,
    }
