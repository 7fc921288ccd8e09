"""Look at every image before anything is trained, with a display, and say what was understood."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from vggsearch.data import DataSummary
from vggsearch.display.console import make_console

MANY = 5000
"""Where nobody looks at a terminal, decoding fewer images is not worth a line."""


@contextmanager
def reading_display() -> Iterator[Callable[[int, int], None]]:
    """Yield what is to be told of decoded images: on standard error a bar on a terminal, a line elsewhere."""
    console = make_console(sys.stderr)
    if not console.is_terminal:
        yield _line
        return
    columns = (TextColumn("reading images"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)


def _line(done: int, total: int) -> None:
    if total >= MANY and (done == 1 or done == total):
        word = "all are readable" if done == total else "once, before anything is trained"
        print(f"reading {total:,} images: {word}", file=sys.stderr)


def print_understood(summary: DataSummary) -> None:
    """Two lines on standard error about a folder of images; nothing about a named data set."""
    if summary.is_folder:
        make_console(sys.stderr).print("\n".join(summary.lines()), soft_wrap=True)
