"""`vggsearch table show`: what a table holds, and what it shows."""

import json as json_module
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from vggsearch.commands.arguments import Json as AsJson
from vggsearch.commands.output import print_json
from vggsearch.display import make_console, table
from vggsearch.tables import describe_table, load_table, table_sentences
from vggsearch.text import Json

TEXTS = ("budget", "factor", "predictor")


def command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", show_default=False, help="Table, as in tables/vgg-table.csv.gz.")
    ],
    json: AsJson = False,
) -> None:
    """Say what a table holds, and what it shows.

    Its size, how well short runs stand for long ones, how much is chance, and which factor explains how much.
    """
    loaded = load_table(file)
    found = describe_table(loaded)
    parts = {
        "runs by budget": found.sizes,
        "rank correlations between budgets, another seed": found.correlations,
        "spread over seeds and networks": found.noise,
        f"shares of variance at {loaded.header.full}": found.shares,
        "rank correlation with accuracy, without training": found.predictors,
    }
    if json:
        header = loaded.header.model_dump(mode="json", exclude={"study"})
        print_json({"table": header, **{name: _records(frame) for name, frame in parts.items()}})
        return
    console = make_console()
    for line in (*table_sentences(loaded, found), *loaded.header.made, *loaded.header.notes):
        console.print(line, soft_wrap=True)
    for name, frame in parts.items():
        if len(frame):
            console.print(f"\n{name}\n", style="bold")
            rows = table(*frame.columns, right=[c for c in frame.columns if c not in TEXTS])
            for row in frame.itertuples(index=False):
                rows.add_row(*map(_cell, row))
            console.print(rows)


def _records(frame: pd.DataFrame) -> Json:
    """The rows of a frame; null where a value is missing."""
    records: Json = json_module.loads(frame.to_json(orient="records", double_precision=12))
    return records


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "–" if pd.isna(value) else f"{value:.4g}"
    return str(value)
