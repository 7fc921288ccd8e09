"""Commands whose modules are imported when they run, so that help and error messages come at once."""

import importlib
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand


def add_command(app: typer.Typer, name: str, module: str, help: str) -> None:
    """Add the command `name` to `app`: the function `command` of `module`, with options as typer takes them.

    `help` is the first sentence of that function's docstring.
    """

    class Lazy(TyperCommand):
        """A placeholder that imports the command when it runs."""

        def make_context(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - passed on as they are
            command: Callable[..., object] = importlib.import_module(module).command
            real = typer.Typer(rich_markup_mode=None, add_completion=False)
            real.command(name)(command)
            return typer.main.get_command(real).make_context(*arguments, **options)

    app.command(name, help=help, cls=Lazy)(lambda: None)
