"""How a running study is displayed in a notebook: one output that is redrawn as events come."""

import io
import sys
import time
import warnings
from typing import Self

from rich.console import Console

from vggsearch.display.studies import RECENT, draw, finished_line
from vggsearch.study import Event, Notice, Progress, StudyEnded, TrialFinished

WIDTH = 110
"""Characters in a line."""

REFRESH_S = 0.25
"""Least seconds between two drawings."""

_FRAME = '<pre style="line-height: normal">{code}</pre>'


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, whose outputs are HTML."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and hasattr(shell, "kernel")


class NotebookDisplay:
    """The live display as HTML; notices stand above it."""

    def __init__(self, progress: Progress) -> None:
        from IPython.display import DisplayHandle

        self._progress = progress
        self._recent: list[str] = []
        self._notices: list[str] = []
        self._drawn_at = float("-inf")
        self._output = DisplayHandle()

    def __enter__(self) -> Self:
        # Optuna imports tqdm, which asks for widgets that nothing here needs.
        warnings.filterwarnings("ignore", message="IProgress not found")
        self._output.display(self._html())
        return self

    def __exit__(self, *_: object) -> None:
        self._output.update(self._html())

    def notify(self, event: Event) -> None:
        """Show `event`, at once where it is the last or a notice."""
        self._progress.notify(event)
        if isinstance(event, TrialFinished):
            line = f"{event.trial.stage} {event.done}/{event.quota}: {finished_line(event)}"
            self._recent = [*self._recent, line][-RECENT:]
        if isinstance(event, Notice):
            self._notices.append(event.text)
        due = time.monotonic() - self._drawn_at >= REFRESH_S
        if due or isinstance(event, Notice | StudyEnded):
            self._drawn_at = time.monotonic()
            self._output.update(self._html())

    def _html(self) -> object:
        from IPython.display import HTML

        console = Console(
            record=True,
            file=io.StringIO(),
            width=WIDTH,
            highlight=False,
            emoji=False,
            markup=False,
            force_jupyter=False,  # else printing would display every line, too
        )
        for text in self._notices:
            console.print(text, style="yellow")
        console.print(draw(self._progress, self._recent))
        return HTML(console.export_html(inline_styles=True, code_format=_FRAME))
