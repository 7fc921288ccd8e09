"""`vggsearch studies`: the studies that come with vggsearch, or the schema of study files."""

from pathlib import Path
from typing import Annotated

import typer

from vggsearch.commands.arguments import Json
from vggsearch.commands.output import print_json
from vggsearch.display import make_console, table
from vggsearch.study import SHIPPED, parse_study, shipped_source, study_schema


def command(
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of study files, for editors.")
    ] = False,
    json: Json = False,
) -> None:
    """List the studies that come with vggsearch."""
    if schema:
        print_json(study_schema())
        return
    questions = {
        name: " ".join(parse_study(shipped_source(name), Path(name)).question.split()) for name in SHIPPED
    }
    if json:
        print_json(
            [
                {"name": name, "question": questions[name], "machine_and_time": SHIPPED[name]}
                for name in SHIPPED
            ]
        )
        return
    rows = table("name", "question", "machine and time")
    for name, takes in SHIPPED.items():
        rows.add_row(name, f"{questions[name].partition('?')[0]}?", takes)
    console = make_console()
    console.print(rows)
    console.print(
        "\nvggsearch run NAME runs one of them. vggsearch init NAME writes its file here, to be edited.",
        soft_wrap=True,
    )
