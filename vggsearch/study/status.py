"""How far a study is, from its store alone; also while another process runs it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from vggsearch.runs import STAGES, Stage, read_bounded
from vggsearch.store import Store
from vggsearch.study.kinds import kind_of
from vggsearch.study.results import StudyResults


@dataclass(frozen=True, slots=True)
class StageStatus:
    """Distinct runs of one stage."""

    quota: int
    done: int
    running: int
    """Handed out by a living controller and not answered."""

    @property
    def left(self) -> int:
        """Not done, those running included."""
        return max(0, self.quota - self.done)


def stage_statuses(results: StudyResults, store: Store, *, running: bool) -> dict[Stage, StageStatus]:
    """The stages that the study has, in order; `running` says whether a controller lives."""
    study = results.study
    counts = kind_of(study).counts(study, results, store)
    answered = {(trial.stage, trial.number) for trial in results.trials}
    pending = store.state(study.name).pending()
    active = Counter(one.stage for one in pending if (one.stage, one.number) not in answered)
    return {
        stage: StageStatus(counts[stage].quota, counts[stage].done, active[stage] if running else 0)
        for stage in STAGES
        if stage in counts
    }


def is_finished(results: StudyResults, store: Store) -> bool:
    """Whether nothing is left to run, as far as the store alone can tell; False where it cannot."""
    if not results.trials or results.notes:
        return False
    study, kind = results.study, kind_of(results.study)
    counts = kind.counts(study, results, store)
    whole = all(count.done >= count.quota for count in counts.values())
    return whole and kind.is_settled(study, results, store, counts)


def time_left_s(
    results: StudyResults, store: Store, stages: Mapping[Stage, StageStatus], workers: int
) -> float | None:
    """Estimate of the seconds that are left, with the runs active now or else `workers` at once.

    None where nothing tells.
    """
    study, kind = results.study, kind_of(results.study)
    left_s = kind.left_s(study, results, store, kind.counts(study, results, store))
    slots = sum(one.running for one in stages.values()) or workers
    return None if left_s is None else left_s / slots


def controller_pid(lock: Path) -> int | None:
    """The living process that holds a store's lock file; None where there is none, or it cannot be told."""
    try:
        process = psutil.Process(int(read_bounded(lock, 20)))
        holds = any(Path(file.path) == lock for file in process.open_files())
    except (OSError, ValueError, psutil.Error):
        return None
    return process.pid if holds else None
