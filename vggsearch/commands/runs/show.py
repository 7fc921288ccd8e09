"""`vggsearch runs show`: everything that is known of one run."""

import time
from collections.abc import Iterator
from typing import Literal

from rich.table import Table

from vggsearch.arch import parse
from vggsearch.commands.arguments import STORE, Json as AsJson, ReportFolder, StoreFolder
from vggsearch.commands.output import print_json
from vggsearch.commands.runs.lookup import (
    FoundRun,
    RunKeyText,
    correct_count,
    find_run,
    not_reproducible,
    short_commit,
)
from vggsearch.costs import cost
from vggsearch.display import make_console, table
from vggsearch.runs import RunRecord, accuracy_text
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


def _lines(found: FoundRun) -> Iterator[tuple[str, str]]:
    """What is known of the run, each fact with its name."""
    record, key, data = found.record, found.record.key, found.record.key.data
    price = cost(parse(key.architecture), key.task)
    shape = "×".join(map(str, key.input_shape))
    size_of_net = f"{short_count(price.macs)} MACs, {short_count(price.params)} parameters"
    yield "run", key.digest
    yield "architecture", key.architecture
    yield "", f"{shape} images, {key.num_classes} classes; {size_of_net}"
    yield "outcome", record.outcome.value + (f": {record.reason}" if record.reason else "")
    yield "test", _accuracy(record, "test")
    yield "validation", _accuracy(record, "val")
    selected = ", as it was selected before it began" if key.evaluate_on == "test" else ""
    yield "judged on", f"{key.evaluate_on}{selected}"
    yield "seed", str(key.seed)
    yield "budget", f"{key.budget}; {record.steps:,} steps, {record.images:,} images"
    yield "recipe", ", ".join(f"{name} {value}" for name, value in key.recipe.model_dump().items())
    split = f"split seed {data.split_seed}, split {data.split_digest[:12]}"
    part = f"{100 * data.val_fraction:g} % for validation"
    yield "data", f"{data.name}, images {data.digest[:12]}; {part}, {split}"
    clocks = f"{record.train_wall_s:.4g} s by the wall, {record.train_cpu_s:.4g} s of CPU"
    speed = f"{record.images / record.train_s:,.0f} images/s" if record.train_s else "no throughput"
    yield "training", f"{record.train_s:.4g} s ({clocks}), {speed}"
    contended = "; the machine was contended" if record.contended else ""
    yield "other time", f"{record.setup_s:.3g} s of set-up, {record.eval_s:.3g} s of evaluation{contended}"
    yield "latency", "–" if record.latency_ms is None else f"{record.latency_ms:.3g} ms an image"
    yield "memory", "–" if record.peak_memory_bytes is None else f"{size(record.peak_memory_bytes)} at most"
    yield from _provenance(record)
    why = not_reproducible(record)
    yield (
        "same bits",
        "yes, on the same processor model and torch" if why is None else f"not promised: {why}",
    )
    yield from zip(("used by", *[""] * len(found.trials)), _uses(found) or ["no study here"], strict=False)


def _accuracy(record: RunRecord, part: Literal["val", "test"]) -> str:
    accuracy, loss, bits = (getattr(record, f"{part}_{name}") for name in ("accuracy", "loss", "correct"))
    if accuracy is None:
        return "not measured"
    count = correct_count(accuracy, bits)
    of = "" if count is None else f", {count[0]:,} of {count[1]:,} right"
    return f"{accuracy_text(record, part)}{of}" + ("" if loss is None else f", loss {loss:.4f}")


def _provenance(record: RunRecord) -> Iterator[tuple[str, str]]:
    made = record.provenance
    if made is None:
        yield "made", "not recorded"
        return
    began, ended = (
        time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at)) for at in (made.started_at, made.finished_at)
    )
    yield "made", f"{began} to {ended} UTC, {duration(made.finished_at - made.started_at)}"
    revision = f"training revision {record.key.training_revision}"
    by = f"vggsearch {made.vggsearch}, commit {short_commit(made.commit)}, {revision}"
    yield "by", f"{by}; torch {made.torch}, Python {made.python}"
    precision = f"; {made.precision}" if made.precision else ""
    precision += f", {made.layers} layers" if made.layers else ""
    processors = f"{made.threads} of {made.cpu_count} processors"
    yield "on", f"{made.gpu or made.processor}, {made.platform}; {processors}{precision}"


def _uses(found: FoundRun) -> list[str]:
    """The trials that the run answered."""
    lines = []
    for trial in found.trials:
        params = ", ".join(f"{name} {value}" for name, value in trial.params.items())
        arm = f": {params}" if "arm" in trial.params else ""
        cached = ", already made then" if trial.cached else ""
        lines.append(f"{trial.study}, {trial.stage} {trial.number}{arm}{cached}")
    return lines


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
