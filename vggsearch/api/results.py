"""The answers of a study."""

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from vggsearch.errors import VggSearchError
from vggsearch.report import (
    find_ablation,
    find_search,
    report_folder,
    summarize_results,
    with_pictures,
    write_report,
)
from vggsearch.runs import RunRecord
from vggsearch.study import AblationStudy, SearchStudy, Study, StudyResults

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, repr=False)
class Results:
    """What a study has answered so far. Accuracies are fractions."""

    records: StudyResults
    """Trials, runs and plans, as they were recorded."""

    def frame(self) -> "pd.DataFrame":
        """One row a trial: stage, architecture, costs, accuracies, times, and the run that answered it."""
        return self.records.frame()

    @property
    def best(self) -> RunRecord:
        """The completed run with the best validation accuracy; raises `VggSearchError` where none is.

        Of equally accurate nets the one with the fewest MACs, then the fewest parameters. Finalists do not
        count, because they were chosen for what they had reached before.
        """
        found = self.records.best()
        if found is None:
            raise VggSearchError(f"{self.records.study.name} has no completed run yet: run the study")
        return found

    def front(self) -> "pd.DataFrame":
        """The rows of `frame` that no other one beats in all objectives, the cheapest first.

        With accuracy as the only objective, MACs are the second. Raises `VggSearchError` for an ablation.
        """
        self._check_kind(SearchStudy, "an ablation, and has effects instead of a front: use effects()")
        return find_search(self.records).front.drop(columns="mark").reset_index(drop=True)

    def effects(self) -> "pd.DataFrame":
        """One row a contrast of an ablation, the primary one first.

        Columns: mean paired difference (`mean`), its interval (`low`, `high`), p values, `verdict`, number of
        pairs (`n`). Raises `VggSearchError` for a search.
        """
        self._check_kind(AblationStudy, "a search, and has a front instead of effects: use front()")
        return find_ablation(self.records).table

    def report(self, folder: str | Path | None = None) -> Path:
        """Write the report: a page, figures, tables and the data behind them; returns the page.

        `folder` is `vggsearch-reports/NAME` by default. Raises `StoreError` where it cannot be written.
        """
        where = report_folder(self.records) if folder is None else Path(folder)
        shown = with_pictures(self.records)
        return write_report(shown, where, command=f"vggsearch report --from {where}").path

    def _check_kind(self, kind: type[Study], other: str) -> None:
        if not isinstance(self.records.study, kind):
            raise VggSearchError(f"{self.records.study.name} is {other}")

    def __repr__(self) -> str:
        return "\n".join((f"{self.records.study.name}: {len(self.records.trials)} trials", *self._lines()))

    def _lines(self) -> tuple[str, ...]:
        return (*summarize_results(self.records, Path("index.html")).lines, *self.records.notes)

    def _repr_html_(self) -> str:
        is_search = isinstance(self.records.study, SearchStudy)
        table = self.front()[_SHOWN] if is_search else self.effects()
        return f"<p>{'<br>'.join(map(escape, repr(self).splitlines()))}</p>{table.to_html(index=False)}"


_SHOWN = ["architecture", "val_accuracy", "macs", "params", "latency_ms"]
