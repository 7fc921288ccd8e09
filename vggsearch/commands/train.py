"""`vggsearch train`: train one network, in this process."""

import sys
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from vggsearch.arch import Task, parse
from vggsearch.commands.arguments import (
    STORE,
    ArchitectureText,
    DataFolder,
    Device,
    Json,
    StoreFolder,
    select_gpu,
)
from vggsearch.commands.output import print_json
from vggsearch.costs import cost
from vggsearch.data import SearchData, load_search_data, summarize
from vggsearch.display import fetch_if_absent, make_console, print_understood, reading_display
from vggsearch.errors import VggSearchError
from vggsearch.execution import resolve_device
from vggsearch.recipe import RECIPES, Budget, Recipe
from vggsearch.runs import FINAL, CurvePoint, RunKey, RunRecord, accuracy_text
from vggsearch.store import Store
from vggsearch.study import check_batch
from vggsearch.text import duration, percent, short_count
from vggsearch.training import device_model, memory_policy, train as train_one


def command(
    architecture: ArchitectureText,
    data: Annotated[str, typer.Option(help="Name of a data set, or folder:PATH.")] = "fashion-mnist",
    resize: Annotated[
        int | None, typer.Option(help="Side images are resized to.", show_default=False)
    ] = None,
    recipe: Annotated[str, typer.Option(help="fast, sprint, dash or d2l.")] = "fast",
    budget: Annotated[str, typer.Option(help="For example 30s, 2epochs, 500steps, 1e12macs.")] = "30s",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    device: Device = "auto",
    store: StoreFolder = STORE,
    data_dir: DataFolder = None,
    json: Json = False,
) -> None:
    """Train one network.

    A run that the store already holds is printed, not made again.
    """
    net, chosen, spent = parse(architecture), parse_recipe(recipe), Budget.parse(budget)
    torch_device = torch.device(resolve_device(select_gpu(device)))
    kept = Store.open(store, create=True)
    fetch_if_absent(data, data_dir)
    with reading_display() as progress:
        understood = summarize(data, data_dir, progress=progress)
    with kept.lock():
        images = load_search_data(data, data_dir=data_dir)
        check_batch(data, len(images.train.labels), chosen)
        channels, height, width = images.train.images.shape[1:]
        task = Task((channels, resize or height, resize or width), images.num_classes)
        cost(net, task)  # raises where the architecture does not fit
        print_understood(understood)
        key = RunKey(
            architecture=str(net),
            input_shape=task.input_shape,
            num_classes=task.num_classes,
            data=images.key,
            recipe=chosen,
            budget=spent,
            seed=seed,
            device="cuda" if torch_device.type == "cuda" else "cpu",
            device_model=None if spent.deterministic else device_model(torch_device),
        )
        record = kept.ledger.get(key.digest)
        cached = record is not None and record.outcome in FINAL
        if record is None or not cached:
            console = make_console(sys.stderr if json else None)
            data_there = images.to(torch_device)
            with memory_policy(key, data_there, torch_device):
                record = _train(key, data_there, torch_device, console)
            kept.ledger.put(record)
    if json:
        found = record.model_dump(mode="json", exclude={"val_correct", "test_correct"})
        print_json({"run": key.digest, "cached": cached, **found})
    else:
        _print(make_console(), record, cached)


def parse_recipe(name: str) -> Recipe:
    """The shipped recipe of that name; raises `VggSearchError`."""
    if name not in RECIPES:
        raise VggSearchError(
            f"a recipe is one of {', '.join(RECIPES)}, not {name[:40]!r}: use fast, for example"
        )
    return RECIPES[name]


def _train(key: RunKey, data: SearchData, device: torch.device, console: Console) -> RunRecord:
    """Train with a progress bar on a terminal, with a line for each point of the learning curve elsewhere."""
    if not console.is_terminal:

        def print_line(point: CurvePoint) -> bool:
            console.print(f"{point.fraction:4.0%}  {_point(point)}", soft_wrap=True)
            return True

        return train_one(key, data, device, report=print_line)
    columns = (TextColumn("training"), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)

        def report(point: CurvePoint) -> bool:
            bar.update(task, completed=point.fraction, description=_point(point))
            return True

        return train_one(key, data, device, report=report)


def _point(point: CurvePoint) -> str:
    loss = "" if point.train_loss is None else f", training loss {point.train_loss:.3f}"
    return f"step {point.step}, {percent(point.val_accuracy)} val{loss}"


def _print(console: Console, record: RunRecord, cached: bool) -> None:
    key = record.key
    price = cost(parse(key.architecture), key.task)
    reached = accuracy_text(record, name="on validation")
    lines = [
        f"{record.outcome.value}" + (f": {record.reason}" if record.reason else ""),
        f"{reached}; {key.architecture}, {short_count(price.macs)} MACs, "
        f"{short_count(price.params)} parameters",
        f"{record.steps} steps, {record.images} images, {duration(record.train_s)} training, seed {key.seed}",
        f"run {key.digest[:12]}" + (", already in the store" if cached else ""),
    ]
    console.print("\n".join(lines), soft_wrap=True)
