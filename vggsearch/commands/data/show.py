"""`vggsearch data show`: what was understood of a data set."""

from collections.abc import Iterator
from typing import Annotated

import typer

from vggsearch.commands.arguments import DataFolder, Json as AsJson
from vggsearch.commands.output import print_json
from vggsearch.data import PART_NAMES, DataSummary, summarize
from vggsearch.display import fetch_if_absent, make_console, reading_display, table

SHOWN = 40
"""Of so many classes the numbers are listed; `--json` has all."""


def command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", show_default=False, help="Name of a data set, or folder:PATH.")
    ],
    data_dir: DataFolder = None,
    val_fraction: Annotated[
        float, typer.Option(min=0.001, max=0.9, help="Share of training images for validation.")
    ] = 0.1,
    split_seed: Annotated[int, typer.Option(min=0, help="Seed of the split.")] = 0,
    json: AsJson = False,
) -> None:
    """Say what was understood of a data set: classes, parts, sizes, modes, copies, files left out.

    Every image is decoded; the result is kept for the next call.
    """
    fetch_if_absent(name, data_dir)
    with reading_display() as progress:
        found = summarize(name, data_dir, val_fraction=val_fraction, split_seed=split_seed, progress=progress)
    if json:
        print_json(found.to_json())
        return
    console = make_console()
    console.print("\n".join(found.lines()) + "\n", soft_wrap=True)
    words = tuple(PART_NAMES.values())
    rows = table("class", *words, right=words)
    for label, one in enumerate(found.classes[:SHOWN]):
        rows.add_row(one, *(f"{found.counts[part][label]:,}" for part in PART_NAMES))
    if len(found.classes) > SHOWN:
        rows.add_row(f"and {len(found.classes) - SHOWN} more")
    rows.add_row("all", *(f"{found.size(part):,}" for part in PART_NAMES))
    console.print(rows)
    console.print("\n" + "\n".join(_facts(found)), soft_wrap=True)


def _facts(found: DataSummary) -> Iterator[str]:
    """Everything else, one line each."""
    yield f"from {found.source}"
    if found.modes:
        yield f"modes of the files: {', '.join(f'{mode} {count:,}' for mode, count in found.modes.items())}"
    if found.extremes:
        small, large = (f"{height}×{width}" for height, width in found.extremes)
        yield f"sizes of the files: {small if small == large else f'{small} to {large}'} (height × width)"
    yield from (f"WARNING: {warning}" for warning in found.warnings)
    yield from found.notes
    yield from (f"left out: {count:,} {reason}" for reason, count in (found.left_out or {}).items())
    yield from (f"digest of the {part} part: {digest}" for part, digest in found.digests.items())
