"""`vggsearch train`: train one network, in this process."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from vggsearch.arch import Architecture, Task, parse
from vggsearch.commands.arguments import (
    STORE,
    DataFolder,
    Device,
    Json,
    StoreFolder,
    select_gpu,
)
from vggsearch.commands.lookup import RUN_KEY, find_run, weights_command
from vggsearch.commands.output import print_json
from vggsearch.costs import cost
from vggsearch.data import load_search_data, summarize
from vggsearch.display import fetch_if_absent, make_console, print_understood, reading_display
from vggsearch.errors import VggSearchError, WeightsError
from vggsearch.execution import resolve_device
from vggsearch.recipe import RECIPES, Budget, Recipe
from vggsearch.runs import FINAL, CurvePoint, Outcome, RunKey, RunRecord, accuracy_text
from vggsearch.store import Store, handed_over
from vggsearch.study import check_batch
from vggsearch.text import duration, percent, short_count
from vggsearch.training import Weights, device_model, memory_policy, read_weights, train as train_one


def command(
    architecture: Annotated[
        str | None,
        typer.Argument(
            metavar="ARCH",
            show_default=False,
            help="Zoo name (vgg16, d2l-vgg11/4) or text (1x16-2x32k5+bn+gap); not needed with --from.",
        ),
    ] = None,
    data: Annotated[str, typer.Option(help="Name of a data set, or folder:PATH.")] = "fashion-mnist",
    resize: Annotated[
        int | None, typer.Option(help="Side images are resized to.", show_default=False)
    ] = None,
    recipe: Annotated[
        str, typer.Option(help="fast, sprint, dash, d2l, or the key of a run, whose recipe it is.")
    ] = "fast",
    budget: Annotated[str, typer.Option(help="For example 30s, 2epochs, 500steps, 1e12macs.")] = "30s",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    begin: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="BUNDLE|KEY",
            show_default=False,
            help="Go on from the weights in a bundle's folder, or of a run in the store.",
        ),
    ] = None,
    keep_weights: Annotated[
        Literal["all", "none"], typer.Option(help="Whether the weights are kept in the store.")
    ] = "all",
    device: Device = "auto",
    store: StoreFolder = STORE,
    data_dir: DataFolder = None,
    json: Json = False,
) -> None:
    """Train one network.

    A run that the store already holds is printed, not made again.
    """
    file = None if begin is None else find_weights(begin, store)
    begun = None if file is None else read_weights(file)
    net = _architecture(architecture, begun)
    chosen, spent = parse_recipe(recipe, store), Budget.parse(budget)
    torch_device = torch.device(resolve_device(select_gpu(device)))
    kept = Store.open(store, create=True)
    fetch_if_absent(data, data_dir)
    with reading_display() as progress:
        understood = summarize(data, data_dir, progress=progress)
    console = make_console(sys.stderr if json else None)
    with kept.lock():
        images = load_search_data(data, data_dir=data_dir)
        check_batch(data, len(images.train.labels), chosen)
        channels, height, width = images.train.images.shape[1:]
        task = Task((channels, resize or height, resize or width), images.num_classes)
        cost(net, task)  # raises where the architecture does not fit
        if file is not None and begun is not None:
            begun.check_fit(task)
            kept.take_weights(file, begun.digest)
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
            initial_weights=None if begun is None else begun.digest,
        )
        record = kept.ledger.get(key.digest)
        cached = record is not None and record.outcome in FINAL
        if record is None or not cached:
            images = images.to(torch_device)
            training = partial(
                train_one,
                key,
                images,
                torch_device,
                weights=handed_over(kept.checkpoints, key.digest) if keep_weights == "all" else None,
                initial=None if begun is None else begun.tensors,
            )
            with memory_policy(key, images, torch_device):
                record = _train(training, console)
            record = kept.put_run(record, lambda text: console.print(text, soft_wrap=True))
    if json:
        found = record.model_dump(mode="json", exclude={"val_correct", "test_correct"})
        weights = kept.weights_file(record)
        path = None if weights is None else str(weights)
        print_json({"run": key.digest, "cached": cached, "weights_file": path, **found})
    else:
        _print(console, record, cached, _weights_line(record, store, wanted=keep_weights == "all"))


def _architecture(text: str | None, begun: Weights | None) -> Architecture:
    """The architecture that is given, or that of the weights; raises `VggSearchError` where neither is."""
    if text is None and begun is None:
        raise VggSearchError("a network is named by its architecture, or --from its weights: write 1x16+gap")
    given = None if text is None else parse(text)
    if begun is None or given == begun.architecture:
        assert given is not None
        return given
    if given is not None:
        raise WeightsError(
            f"a network goes on with its own architecture, which is {begun.architecture}, not {given}: leave "
            "the architecture out"
        )
    return begun.architecture


def find_weights(text: str, store: Path) -> Path:
    """The weights file in a bundle's folder, or of the run in `store` whose key begins with `text`.

    Raises `VggSearchError` where there is none.
    """
    path = Path(text)
    if path.is_dir():
        file = path / "model.safetensors"
        if not file.is_file():
            raise WeightsError(f"{path}: a bundle has a file {file.name}, and here is none: name its folder")
        return file
    if path.is_file():
        return path
    if not RUN_KEY.fullmatch(text):
        raise WeightsError(
            f"--from is a bundle's folder or the key of a run, and {text[:70]!r} is neither: name a folder "
            "that is there"
        )
    found = find_run(text, store=store, source=None)
    if found.weights is None:
        digest = found.record.key.digest
        raise WeightsError(
            f"run {digest[:12]} has no weights: to make them: {weights_command(found.record, store)}"
        )
    return found.weights


def parse_recipe(name: str, store: Path) -> Recipe:
    """The shipped recipe of that name, or that of the run in `store` whose key begins so.

    Raises `VggSearchError` where there is none.
    """
    if name in RECIPES:
        return RECIPES[name]
    if RUN_KEY.fullmatch(name):
        return find_run(name, store=store, source=None).record.key.recipe
    raise VggSearchError(f"a recipe is one of {', '.join(RECIPES)}, not {name[:40]!r}: use fast, for example")


def _train(training: Callable[..., RunRecord], console: Console) -> RunRecord:
    """Train with a progress bar on a terminal, with a line for each point of the learning curve elsewhere."""
    if not console.is_terminal:

        def print_line(point: CurvePoint) -> bool:
            console.print(f"{point.fraction:4.0%}  {_point(point)}", soft_wrap=True)
            return True

        return training(report=print_line)
    columns = (TextColumn("training"), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)

        def report(point: CurvePoint) -> bool:
            bar.update(task, completed=point.fraction, description=_point(point))
            return True

        return training(report=report)


def _point(point: CurvePoint) -> str:
    loss = "" if point.train_loss is None else f", training loss {point.train_loss:.3f}"
    return f"step {point.step}, {percent(point.val_accuracy)} val{loss}"


def _weights_line(record: RunRecord, store: Path, *, wanted: bool) -> str | None:
    """Where the weights are, or how they are made; None where there is nothing to say."""
    file = Store.open(store).weights_file(record)
    if file is not None:
        return f"weights {file}"
    if not wanted or record.outcome is not Outcome.COMPLETED:
        return None
    return f"no weights are kept of it; to make them: {weights_command(record, store)}"


def _print(console: Console, record: RunRecord, cached: bool, weights: str | None) -> None:
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
    console.print("\n".join([*lines, *([weights] if weights else [])]), soft_wrap=True)
