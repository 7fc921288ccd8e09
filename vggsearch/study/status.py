"""How far a study is, from its store alone, even while another process runs it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from vggsearch.execution import keeps_weights
from vggsearch.runs import STAGES, Outcome, RunRecord, Stage, read_bounded
from vggsearch.store import Store, weights_path
from vggsearch.study.file import Study
from vggsearch.study.kind import StageStatus
from vggsearch.study.kinds import kind_of
from vggsearch.study.results import StudyResults


def stage_statuses(results: StudyResults, store: Store, *, running: bool) -> dict[Stage, StageStatus]:
    """The stages of the study, in order; `running` states whether a controller is running."""
    study = results.study
    counts = kind_of(study).counts(study, results, store)
    answered = {(trial.stage, trial.number) for trial in results.trials}
    pending = store.state(study.name).pending()
    active = Counter(one.stage for one in pending if (one.stage, one.number) not in answered)
    return {
        stage: replace(counts[stage], running=active[stage] if running else 0)
        for stage in STAGES
        if stage in counts
    }


def as_last_asked(study: Study, store: Store) -> Study:
    """The study with the number of trials that `store` was last asked for, unless its file changed since."""
    last, now = store.state(study.name).options(), study.options()
    if last is None or now is None or last.in_file != now.in_file:
        return study
    return study.with_options(trials=last.trials)


def is_finished(results: StudyResults, store: Store) -> bool:
    """Whether nothing is left to run; False where the store alone does not show it."""
    if not results.trials or results.notes:
        return False
    study, kind = results.study, kind_of(results.study)
    counts = kind.counts(study, results, store)
    complete = not any(count.left for count in counts.values())
    return complete and kind.is_settled(study, results, store, counts)


@dataclass(frozen=True, slots=True)
class WeightsStatus:
    """The completed runs of a study whose weights it keeps, by its `keep_weights`."""

    wanted: int
    lacking: tuple[RunRecord, ...]
    """Those whose weights are not in the store: made when they were not kept, or lost."""


def weights_status(results: StudyResults, store: Store) -> WeightsStatus:
    """Whose weights are in `store`; files are looked for and not read."""
    wanted = [
        run
        for run in results.runs.values()
        if run.outcome is Outcome.COMPLETED and keeps_weights(results.study.keep_weights, run.key)
    ]
    folder = store.layout.weights
    held = (run.weights is not None and weights_path(folder, run.weights).is_file() for run in wanted)
    return WeightsStatus(
        len(wanted), tuple(run for run, there in zip(wanted, held, strict=True) if not there)
    )


def time_left_s(
    results: StudyResults, store: Store, stages: Mapping[Stage, StageStatus], workers: int
) -> float | None:
    """Estimate of the seconds left, with as many runs at once as are running now, or else `workers`.

    None where unknown.
    """
    study, kind = results.study, kind_of(results.study)
    left_s = kind.left_s(study, results, store, kind.counts(study, results, store))
    slots = sum(one.running for one in stages.values()) or workers
    return None if left_s is None else left_s / slots


def controller_pid(lock: Path) -> int | None:
    """The process that holds a store's lock file; None where there is none or it cannot be determined."""
    try:
        process = psutil.Process(int(read_bounded(lock, 20)))
        holds = any(Path(file.path) == lock for file in process.open_files())
    except (OSError, ValueError, psutil.Error):
        return None
    return process.pid if holds else None
