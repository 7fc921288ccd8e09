"""`vggsearch runs repeat`: train a run again, and say whether its result is the same."""

import sys
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress as Bar, TextColumn, TimeElapsedColumn

from vggsearch.commands.arguments import (
    STORE,
    DataFolder,
    Device,
    Json as AsJson,
    ReportFolder,
    StoreFolder,
    select_gpu,
)
from vggsearch.commands.output import print_json
from vggsearch.commands.runs.compare import Comparison, compare
from vggsearch.commands.runs.lookup import RunKeyText, find_run
from vggsearch.data import data_key
from vggsearch.display import fetch_if_absent, make_console, table
from vggsearch.errors import DataError, DeviceError, VggSearchError
from vggsearch.execution import DeviceKind, Finished, LocalExecutor, resolve_device
from vggsearch.recipe import TRAINING_REVISION
from vggsearch.runs import RunKey, RunRecord
from vggsearch.text import Json


def command(
    key: RunKeyText,
    store: StoreFolder = STORE,
    source: ReportFolder = None,
    data_dir: DataFolder = None,
    device: Device = "auto",
    json: AsJson = False,
) -> None:
    """Train a run again and compare.

    Nothing is written. The exit status is 1 where bits differ that should be the same.
    """
    before = find_run(key, store=store, source=source).record
    kind = _device(before.key, select_gpu(device))
    _check_repeatable(before.key, data_dir)
    now = _train(before.key, kind, data_dir, make_console(sys.stderr))
    found = compare(before, now)
    if json:
        print_json(_object(before, now, found))
    else:
        _print(make_console(), before, found)
    raise typer.Exit(1 if found.broken else 0)


def _device(key: RunKey, device: str) -> DeviceKind:
    """The kind of device that the run was made on; raises `DeviceError` where it is not available."""
    kind = resolve_device(device)
    if device == "auto" and (key.device == "cpu" or kind == key.device):
        return key.device
    if kind != key.device:
        raise DeviceError(
            f"run {key.digest[:12]} was made on {key.device}, and would be another one on {kind}: repeat it "
            f"with --device {key.device}, where torch sees one"
        )
    return kind


def _check_repeatable(key: RunKey, data_dir: Path | None) -> None:
    """Raise `VggSearchError` where the training revision, the images, or their split are not the run's."""
    if key.training_revision != TRAINING_REVISION:
        raise VggSearchError(
            f"run {key.digest[:12]} was made by training revision {key.training_revision}, and this version "
            f"trains by revision {TRAINING_REVISION}: install the version that `vggsearch runs show` names"
        )
    data = key.data
    fetch_if_absent(data.name, data_dir)
    here = data_key(data.name, data_dir=data_dir, val_fraction=data.val_fraction, split_seed=data.split_seed)
    for what, before, now in (
        ("images", data.digest, here.digest),
        ("split", data.split_digest, here.split_digest),
    ):
        if before != now:
            raise DataError(
                f"run {key.digest[:12]} was trained with {what} {before[:12]} of {data.name}, and here is "
                f"{now[:12]}: bring back the data of then, or name their folder with --data-dir"
            )


def _train(key: RunKey, kind: DeviceKind, data_dir: Path | None, console: Console) -> RunRecord:
    """Train in one worker; on a terminal with a progress bar."""
    columns = (TextColumn("training again"), BarColumn(), TimeElapsedColumn())
    with (
        LocalExecutor(1, kind, data_dir) as executor,
        Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar,
    ):
        task = bar.add_task("", total=1.0)
        executor.submit(key)
        while True:
            for event in executor.wait(1.0):
                if isinstance(event, Finished):
                    return event.record
                bar.update(task, completed=event.point.fraction)


def _print(console: Console, before: RunRecord, found: Comparison) -> None:
    console.print(
        f"run {before.key.digest[:12]}: {before.key.architecture}, seed {before.key.seed}\n", soft_wrap=True
    )
    rows = table("", "then", "now", "", right=("then", "now"))
    for row in found.rows:
        rows.add_row(
            row.name, row.before, row.now, "" if row.same is None else "same" if row.same else "differs"
        )
    console.print(rows)
    style = "green" if found.same else "bold red" if found.broken else "yellow"
    console.print(f"\n{found.sentence}", style=style, soft_wrap=True)


def _object(before: RunRecord, now: RunRecord, found: Comparison) -> dict[str, Json]:
    bits = {"val_correct", "test_correct", "key"}
    return {
        "run": before.key.digest,
        "same": found.same,
        "should_be_same": not found.may_differ,
        "may_differ": list(found.may_differ),
        "differing": [row.name for row in found.rows if row.same is False],
        "sentence": found.sentence,
        "before": before.model_dump(mode="json", exclude=bits),
        "now": now.model_dump(mode="json", exclude=bits),
    }
