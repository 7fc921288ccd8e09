"""`vggsearch cost`: the shapes and costs of a network, stage by stage, as in the d2l chapter on VGG."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from typing import Annotated

import typer
from rich.table import Table

from vggsearch.arch import FASHION_MNIST, ZOO, Architecture, Shape, parse
from vggsearch.commands.arguments import ArchitectureText, Json
from vggsearch.commands.output import print_json
from vggsearch.costs import METRICS, Cost, LayerCost, cost
from vggsearch.display import make_console, table
from vggsearch.errors import ArchitectureError
from vggsearch.memory import training_memory
from vggsearch.recipe import RECIPES
from vggsearch.text import shape_text, short_count, size

_INPUT = re.compile(r"([0-9]{1,9})x([0-9]{1,9})x([0-9]{1,9})", re.ASCII)


def command(
    architecture: ArchitectureText,
    input: Annotated[
        str | None,
        typer.Option(
            metavar="CxHxW",
            show_default=False,
            help="Channels, height and width of an image; default 1x28x28, or what a named net was made for.",
        ),
    ] = None,
    classes: Annotated[
        int | None,
        typer.Option(show_default=False, help="Classes; default 10, or what a named net was made for."),
    ] = None,
    layers: Annotated[bool, typer.Option("--layers", help="One line a layer, not a stage.")] = False,
    json: Json = False,
) -> None:
    """Walk a network stage by stage.

    Output shapes, parameters and MACs.
    """
    net = parse(architecture)
    entry = ZOO.get(architecture.partition("/")[0])
    task = entry.task if entry else FASHION_MNIST
    if input is not None:
        task = replace(task, input_shape=parse_input(input))
    if classes is not None:
        task = replace(task, num_classes=classes)
    total = cost(net, task)
    recipe = RECIPES["fast"]
    training = training_memory(net, task, recipe).total
    if json:
        print_json(
            {
                "architecture": str(net),
                "input_shape": list(task.input_shape),
                "num_classes": task.num_classes,
                **{metric: getattr(total, metric) for metric in METRICS},
                "flops": total.flops,
                "training_memory_bytes": training,
            }
            | ({"layers": [_layer_object(one) for one in total.layers]} if layers else {})
        )
        return
    console = make_console()
    console.print(
        f"{net} for {shape_text(task.input_shape)} images and {task.num_classes} classes\n",
        soft_wrap=True,
    )
    console.print(_walk(total, layers))
    console.print(
        f"\nconvolutions {share(total.conv_params, total.params)} of parameters, "
        f"{share(total.conv_macs, total.macs)} of MACs; one image: {short_count(total.flops)}FLOP, "
        f"{size(total.activation_bytes)} of activations; receptive field {total.receptive_field} pixels; "
        f"training in batches of {recipe.batch_size} takes about {size(training)} on a CPU, images apart",
        soft_wrap=True,
    )


def parse_input(text: str) -> tuple[int, int, int]:
    """Read `1x28x28`; anything else raises `ArchitectureError`."""
    match = _INPUT.fullmatch(text)
    if match is None:
        raise ArchitectureError(
            f"an input is CHANNELSxHEIGHTxWIDTH, not {text[:40]!r}: write 1x28x28, for example"
        )
    return int(match[1]), int(match[2]), int(match[3])


def share(part: int, whole: int) -> str:
    """A share as text: `1.4 %`."""
    return f"{100 * part / whole:.3g} %"


def _layer_object(one: LayerCost) -> dict[str, str | int | list[int]]:
    return {
        "name": one.layer.name,
        "op": one.layer.op,
        "kernel_size": one.layer.kernel_size,
        "output_shape": list(one.layer.out_shape),
        "params": one.params,
        "macs": one.macs,
        "activation_bytes": one.activation_bytes,
    }


def _walk(total: Cost, by_layer: bool) -> Table:
    walk = table(
        "stage", "layers", "output shape", "parameters", "MACs", right=("output shape", "parameters", "MACs")
    )
    walk.add_row("input", "", shape_text(total.task.input_shape), "", "")
    for name, layers, shape, params, macs in _rows(total, by_layer):
        walk.add_row(
            name, layers, shape_text(shape), f"{params:,}" if params else "", f"{macs:,}" if macs else ""
        )
    walk.add_row("total", "", "", f"{total.params:,}", f"{total.macs:,}", style="bold")
    return walk


def _rows(total: Cost, by_layer: bool) -> Iterator[tuple[str, str, Shape, int, int]]:
    if by_layer:
        for one in total.layers:
            yield (
                one.layer.name,
                _describe(one, total.architecture),
                one.layer.out_shape,
                one.params,
                one.macs,
            )
        return
    for name, group in groupby(total.layers, key=_stage):
        members = list(group)
        words = [
            _describe(one, total.architecture)
            for one in members
            if one.layer.op not in ("norm", "activation")
        ]
        runs = [(word, len(list(same))) for word, same in groupby(words)]
        yield (
            name,
            ", ".join(word if count == 1 else f"{count} × {word}" for word, count in runs),
            members[-1].layer.out_shape,
            sum(one.params for one in members),
            sum(one.macs for one in members),
        )


def _stage(one: LayerCost) -> str:
    """A block is a stage; in the head, flattening and each linear layer with activation and dropout are."""
    if one.layer.stage is not None:
        return f"block {one.layer.stage + 1}"
    digits = re.sub(r"\D", "", one.layer.name)
    return f"linear {digits}" if digits else one.layer.op


def _describe(one: LayerCost, architecture: Architecture) -> str:
    layer = one.layer
    norm = " + norm" if architecture.batch_norm else ""
    return {
        "conv": f"conv {layer.kernel_size}×{layer.kernel_size}{norm}",
        "pool": "max-pool 2×2",
        "gap": "global average pool",
        "linear": f"linear {layer.out_shape[0]}",
        "norm": "batch norm",
        "activation": "ReLU" if architecture.activation == "relu" else architecture.activation,
    }.get(layer.op, layer.op)
