"""Commands whose modules are imported when they run, so that help and error messages come at once."""

import importlib
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from vggsearch.commands.completion import WORDS


def add_command(app: typer.Typer, name: str, module: str, help: str) -> None:
    """Add the command `name` to `app`: the function `command` of `module`, with options as typer takes them.

    `help` is the first sentence of that function's docstring. A shell that completes the first argument does
    not import `module`: see `WORDS`.
    """

    def real() -> TyperCommand:
        command: Callable[..., object] = importlib.import_module(module).command
        alone = typer.Typer(rich_markup_mode=None, add_completion=False)
        alone.command(name)(command)
        made = typer.main.get_command(alone)
        assert isinstance(made, TyperCommand)
        return made

    class Lazy(TyperCommand):
        """A placeholder that imports the command when it runs, or when its options are asked for."""

        def make_context(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - passed on as they are
            if options.get("resilient_parsing"):
                return super().make_context(*arguments, **options)
            return real().make_context(*arguments, **options)

        def shell_complete(self, ctx: Any, incomplete: str) -> Any:  # noqa: ANN401 - passed on as they are
            return real().shell_complete(ctx, incomplete) if incomplete.startswith("-") else []

    words = WORDS.get(module.removeprefix("vggsearch.commands."))

    def placeholder(_: Annotated[str | None, typer.Argument(autocompletion=words)] = None) -> None:
        """Is never called."""

    app.command(name, help=help, cls=Lazy, context_settings={"ignore_unknown_options": True})(placeholder)
