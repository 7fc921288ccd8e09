"""`vggsearch train`: train one network, in this process."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from vggsearch.arch import parse
from vggsearch.commands.arguments import (
    STORE,
    DataFolder,
    Device,
    Json,
    StoreFolder,
    select_gpu,
)
from vggsearch.commands.lookup import RUN_KEY, find_run, store_option, weights_command
from vggsearch.commands.output import print_json
from vggsearch.costs import cost
from vggsearch.devices import resolve_device
from vggsearch.display import make_console, train_with_display
from vggsearch.errors import VggSearchError, WeightsError
from vggsearch.recipe import RECIPES, Budget, Recipe
from vggsearch.runs import Outcome, RunRecord, accuracy_text
from vggsearch.store import Store
from vggsearch.study import SingleRun
from vggsearch.text import duration, short_count


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
        int | None, typer.Option(help="Side, in pixels, to which images are resized.", show_default=False)
    ] = None,
    recipe: Annotated[
        str, typer.Option(help="fast, sprint, dash, d2l, or the key of a run, whose recipe it is.")
    ] = "fast",
    budget: Annotated[str, typer.Option(help="For example 30s, 2epochs, 500steps, 1e12macs.")] = "30s",
    seed: Annotated[
        int, typer.Option(min=0, help="Of the weights, the order of the images and augmentation.")
    ] = 0,
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
    wanted = SingleRun(
        None if architecture is None else parse(architecture),
        parse_recipe(recipe, store),
        Budget.parse(budget),
        resolve_device(select_gpu(device)),
        data,
        data_dir,
        resize,
        seed,
        None if begin is None else find_weights(begin, store),
        keep_weights=keep_weights == "all",
    )
    kept = Store.open(store, create=True)
    console = make_console(sys.stderr if json else None)
    record, cached = train_with_display(wanted, kept, console)
    if json:
        found = record.model_dump(mode="json", exclude={"val_correct", "test_correct", "test_predictions"})
        weights = kept.weights_file(record)
        path = None if weights is None else str(weights)
        print_json({"run": record.key.digest, "cached": cached, "weights_file": path, **found})
    else:
        _print(console, record, cached, _weights_line(record, store, wanted=keep_weights == "all"))


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


def _weights_line(record: RunRecord, store: Path, *, wanted: bool) -> str | None:
    """Where the weights are, or how they are made; None where there is nothing to say."""
    file = Store.open(store).weights_file(record)
    if file is not None:
        export = f"vggsearch export {record.key.digest[:12]}{store_option(store)}"
        return f"weights {file}\nnext: {export}"
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
