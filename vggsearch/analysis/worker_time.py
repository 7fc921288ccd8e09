"""Where the workers' time went: training by outcome, evaluation and set-up, waiting."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

TIME_PARTS = ("completed", "pruned", "failed", "overhead", "waiting")
"""Training of completed, pruned and failed runs; everything else in a run; idle workers."""

PAUSE_S = 120.0
"""A longer time without any run counts as a stop of the study, not as waiting."""

_TRAINED = {"completed": "completed", "pruned": "pruned"}


@dataclass(frozen=True, slots=True)
class Spending:
    """The worker seconds of a study."""

    frame: pd.DataFrame
    """`stage`, `part` (of `TIME_PARTS`), `seconds`: worker seconds by the wall clock."""
    workers: int
    """The largest number of runs at one time."""
    elapsed_s: float
    """Wall-clock seconds during which the study ran."""
    pauses: int
    """How often it was stopped and resumed."""
    cached: int
    """Trials answered from the ledger, which cost nothing."""

    def share(self, part: str) -> float:
        """Fraction of all worker seconds."""
        total = float(self.frame["seconds"].sum())
        return (
            float(self.frame.loc[self.frame["part"] == part, "seconds"].sum()) / total if total > 0 else 0.0
        )


@dataclass(frozen=True, slots=True)
class _Span:
    stage: str
    part: str
    start: float
    end: float
    train_s: float


def spending(trials: pd.DataFrame) -> Spending:
    """Account for every worker second of the runs that this study trained itself.

    `trials` is from `StudyResults.frame`. A worker waits from the end of a run, or the start of a session, to
    the start of its next run, and from its last run to the end of the session. A session ends when no run is
    active for `PAUSE_S`.
    """
    spans = sorted(_spans(trials), key=lambda span: (span.start, span.end))
    seconds = {(stage, part): 0.0 for stage in dict.fromkeys(trials["stage"]) for part in TIME_PARTS}
    workers, elapsed = 0, 0.0
    sessions = _sessions(spans)
    for session in sessions:
        begin, end = session[0].start, max(span.end for span in session)
        slots = _concurrency(session)
        workers, elapsed = max(workers, slots), elapsed + end - begin
        free = [(begin, session[0].stage)] * slots
        for span in session:
            free.sort()
            since, _ = free.pop(0)
            seconds[span.stage, "waiting"] += max(0.0, span.start - since)
            seconds[span.stage, span.part] += span.train_s
            seconds[span.stage, "overhead"] += span.end - span.start - span.train_s
            free.append((span.end, span.stage))
        for since, stage in free:
            seconds[stage, "waiting"] += end - since
    rows = [(stage, part, value) for (stage, part), value in seconds.items()]
    return Spending(
        pd.DataFrame(rows, columns=["stage", "part", "seconds"]),
        workers,
        elapsed,
        max(0, len(sessions) - 1),
        int(trials["cached"].astype(bool).sum()),
    )


def _spans(trials: pd.DataFrame) -> Iterable[_Span]:
    own = trials[~trials["cached"].astype(bool) & trials["digest"].notna()]
    columns = ("stage", "outcome", "started_at", "finished_at", "asked_at", "told_at", "train_wall_s")
    for stage, outcome, started, finished, asked, told, train_s in own[list(columns)].itertuples(
        index=False, name=None
    ):
        # A worker that died recorded no times; the controller's are the next best.
        start, end = (asked, told) if pd.isna(started) or pd.isna(finished) else (started, finished)
        end = max(start, end)
        train = min(max(0.0, 0.0 if pd.isna(train_s) else train_s), end - start)
        yield _Span(stage, _TRAINED.get(outcome, "failed"), start, end, train)


def _sessions(spans: list[_Span]) -> list[list[_Span]]:
    """Split the spans, sorted by start, wherever nothing ran for `PAUSE_S`."""
    sessions: list[list[_Span]] = []
    end = 0.0
    for span in spans:
        if not sessions or span.start - end > PAUSE_S:
            sessions.append([])
            end = span.end
        sessions[-1].append(span)
        end = max(end, span.end)
    return sessions


def _concurrency(spans: list[_Span]) -> int:
    """The largest number of spans that overlap."""
    changes = sorted([(span.end, -1) for span in spans] + [(span.start, 1) for span in spans])
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return max(1, most)
