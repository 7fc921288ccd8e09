"""`vggsearch data verify`: whether the files of a data set are undamaged."""

import typer

from vggsearch.commands.arguments import DataFolder, DataName, Json as AsJson
from vggsearch.commands.output import print_json
from vggsearch.data import FileReport, verify
from vggsearch.display import make_console, table
from vggsearch.text import Json


def command(name: DataName, data_dir: DataFolder = None, json: AsJson = False) -> None:
    """Check every file of a data set against its known checksum.

    The exit status is 1 where one is absent or damaged.
    """
    found = verify(name, data_dir)
    sound = all(row.status == "verified" for row in found)
    if json:
        print_json({"name": name, "verified": sound, "files": [_row(row) for row in found]})
    else:
        rows = table("part", "status", "file", "detail")
        for row in found:
            rows.add_row(row.part, row.status, str(row.path or "–"), row.detail)
        make_console().print(rows)
    raise typer.Exit(0 if sound else 1)


def _row(row: FileReport) -> dict[str, Json]:
    path = None if row.path is None else str(row.path)
    return {"part": row.part, "status": row.status, "path": path, "detail": row.detail}
