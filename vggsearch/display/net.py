"""Train one network with a display."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from vggsearch.data import summarize
from vggsearch.display.fetching import fetch_if_absent
from vggsearch.display.images import print_understood, reading_display
from vggsearch.runs import CurvePoint, RunRecord
from vggsearch.store import Store
from vggsearch.study import SingleRun
from vggsearch.text import percent


def train_with_display(wanted: SingleRun, store: Store, console: Console) -> tuple[RunRecord, bool]:
    """Make one run, with its progress on `console`; returns it, and whether the store had it already.

    Raises `VggSearchError` where the data, the net or the device do not fit together.
    """
    fetch_if_absent(wanted.data, wanted.data_dir)
    with reading_display() as progress:
        understood = summarize(wanted.data, wanted.data_dir, progress=progress)
    with store.lock():
        prepared = wanted.prepare(store)
        print_understood(understood)
        known = prepared.known()
        if known is not None:
            return known, True
        with _curve_display(console) as report:
            return prepared.make(report, lambda text: console.print(text, soft_wrap=True)), False


@contextmanager
def _curve_display(console: Console) -> Iterator[Callable[[CurvePoint], bool]]:
    """What is told of points of the curve: a bar on a terminal, a line for each elsewhere."""
    if not console.is_terminal:
        yield lambda point: _print_line(console, point)
        return
    columns = (TextColumn("training"), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)

        def report(point: CurvePoint) -> bool:
            bar.update(task, completed=point.fraction, description=_point(point))
            return True

        yield report


def _print_line(console: Console, point: CurvePoint) -> bool:
    console.print(f"{point.fraction:4.0%}  {_point(point)}", soft_wrap=True)
    return True


def _point(point: CurvePoint) -> str:
    loss = "" if point.train_loss is None else f", training loss {point.train_loss:.3f}"
    return f"step {point.step}, {percent(point.val_accuracy)} val{loss}"
