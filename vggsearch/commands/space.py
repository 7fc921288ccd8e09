"""`vggsearch space`: how many networks a study chooses among, and how large they are."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from vggsearch.commands.arguments import DataFolder, Json, StudyFile
from vggsearch.commands.output import print_json
from vggsearch.costs import METRICS, cost
from vggsearch.data import describe, is_own, summarize
from vggsearch.display import make_console, print_understood, reading_display, table
from vggsearch.space import SearchSpace, Space
from vggsearch.study import SearchStudy, TableStudy, load_study
from vggsearch.text import shape_text, short_count

MOST = 20_000
"""Largest number of members described; of a larger space, so many are drawn at random."""

SHOWN = ("params", "macs", "activation_bytes", "receptive_field")
QUANTILES = {"least": 0.0, "tenth": 0.1, "median": 0.5, "nine tenths": 0.9, "most": 1.0}
FIRST = 5


def command(
    file: StudyFile,
    data_dir: DataFolder = None,
    list_all: Annotated[bool, typer.Option("--list", help="Print every member, one a line.")] = False,
    sample: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="Print so many members drawn at random.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of --sample.")] = 0,
    json: Json = False,
) -> None:
    """Describe the space that a study searches, or of which it makes a table.

    How many networks there are, and how large they are.
    """
    study = load_study(file)
    if not isinstance(study, SearchStudy | TableStudy):
        raise study.mistake(
            f"kind: a search has a space, and an ablation has arms: use vggsearch plan {file}"
        )
    info = describe(study.data.name, data_dir)
    space = study.space(info.task)
    if list_all or sample is not None:
        members = space if sample is None else space.sample(np.random.default_rng(seed), sample)
        if json:
            print_json([str(member) for member in members])
        else:
            for member in members:
                print(member)
        return
    _say_what_data(study, data_dir)
    described = "all members" if space.count <= MOST else f"{MOST:,} members drawn at random"
    quantiles = _quantiles(space)
    first = [str(member) for member in islice(space, FIRST)]
    candidates = space.size if isinstance(space, SearchSpace) else space.count
    if json:
        print_json(
            {
                "study": study.name,
                "input_shape": list(space.task.input_shape),
                "num_classes": space.task.num_classes,
                "candidates": candidates,
                "count": space.count,
                "quantiles": quantiles,
                "quantiles_of": described,
                "first": first,
            }
        )
        return
    console = make_console()
    kept = (
        "" if candidates == space.count else f", of {candidates:,} candidates; the others break a constraint"
    )
    shape = shape_text(space.task.input_shape)
    console.print(f"{space.count:,} networks for {shape} images{kept}\n", soft_wrap=True)
    rows = table(described, *QUANTILES, right=tuple(QUANTILES))
    for metric in SHOWN:
        rows.add_row(metric, *(short_count(value) for value in quantiles[metric].values()))
    console.print(rows)
    more = f"\n… and {space.count - FIRST:,} more" if space.count > FIRST else ""
    console.print("\n" + "\n".join(first) + more, soft_wrap=True)


def _say_what_data(study: SearchStudy | TableStudy, data_dir: Path | None) -> None:
    """Two lines about own images; a named data set is known, and may not be here yet."""
    data = study.data
    if is_own(data.name):
        with reading_display() as progress:
            understood = summarize(
                data.name,
                data_dir,
                val_fraction=data.val_fraction,
                split_seed=data.split_seed,
                test=study.opens_test_images,
                progress=progress,
            )
        print_understood(understood)


def _quantiles(space: Space) -> Mapping[str, Mapping[str, float]]:
    """Quantiles of every metric over the members, or over `MOST` of them."""
    few = space.count <= MOST
    members = list(space) if few else space.sample(np.random.default_rng(0), MOST)
    found = [cost(member, space.task) for member in members]
    levels = list(QUANTILES.values())
    result = {}
    for metric in METRICS:
        values = np.quantile([getattr(one, metric) for one in found], levels, method="nearest")
        result[metric] = dict(zip(QUANTILES, map(float, values), strict=True))
    return result
