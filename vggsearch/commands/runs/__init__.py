"""`vggsearch runs`: single runs. Imports nothing heavy before a command runs."""

import typer

from vggsearch.commands.lazy import add_command

app = typer.Typer(rich_markup_mode=None, help="Look into single runs, and repeat them.")
add_command(app, "show", f"{__name__}.show", "Print all that is known of a run.")
add_command(app, "repeat", f"{__name__}.repeat", "Train a run again and compare.")
