"""How far the stages of a study are, from its store alone; also while another process runs it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from vggsearch.commands import ablation
from vggsearch.commands.devices import usable_cores
from vggsearch.runs import STAGES, RunRecord, Stage, read_bounded
from vggsearch.store import ControllerState, Store
from vggsearch.study import AblationStudy, SearchStudy, StudyResults, best_run


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
    """The stages that the study has, in order."""
    study = results.study
    if isinstance(study, AblationStudy):
        counted = _ablation_runs(results, study, store)
        quota = {stage: runs.quota for stage, runs in counted.items()}
        done = {stage: runs.done for stage, runs in counted.items()}
    else:
        quota, done = _search_quotas(results, store), _answered_runs(results)
    answered = {(trial.stage, trial.number) for trial in results.trials}
    asked = _notes(results, store).pending()
    going = Counter(one.stage for one in asked if (one.stage, one.number) not in answered)
    return {
        stage: StageStatus(quota[stage], done[stage], going[stage] if running else 0)
        for stage in STAGES
        if stage in quota
    }


def is_finished(results: StudyResults, store: Store) -> bool:
    """Whether nothing is left to run, as far as the store alone can tell; False where it cannot."""
    if not results.trials or results.notes:
        return False
    stages = stage_statuses(results, store, running=False)
    whole = not any(one.left for one in stages.values())
    study = results.study
    if isinstance(study, AblationStudy):
        plan = ablation.current_plan(results, store)
        return whole and plan is not None and plan.digest == results.plans[-1].digest
    chosen = study.finalists if isinstance(study, SearchStudy) else None
    selection = _notes(results, store).selection()
    searched = sum(one.done for stage, one in stages.items() if stage != "finalists")
    final = chosen is None or (
        selection is not None and (selection.runs, selection.count) == (searched, chosen.count)
    )
    return whole and final


def time_left_s(results: StudyResults, store: Store, stages: Mapping[Stage, StageStatus]) -> float | None:
    """Estimate of the seconds that are left, from the runs made so far, or an ablation's plan; None where
    neither tells.
    """
    slots = sum(one.running for one in stages.values()) or usable_cores()
    if isinstance(results.study, AblationStudy):
        left_s = ablation.left_s(results, ablation.current_plan(results, store))
        return None if left_s is None else left_s / slots
    took = [trial.told_at - trial.asked_at for trial in results.trials if trial.run and not trial.cached]
    left = sum(one.left for one in stages.values())
    return left * sum(took) / len(took) / slots if took else None


def best_of(results: StudyResults) -> RunRecord | None:
    """The completed run with the best validation accuracy, finalists apart: they were chosen for theirs."""
    runs = (
        results.runs.get(trial.run) for trial in results.trials if trial.run and trial.stage != "finalists"
    )
    return best_run(run for run in runs if run is not None)


def controller_pid(lock: Path) -> int | None:
    """The living process that holds a store's lock file; None where there is none, or it cannot be told."""
    try:
        process = psutil.Process(int(read_bounded(lock, 20)))
        holds = any(Path(file.path) == lock for file in process.open_files())
    except (OSError, ValueError, psutil.Error):
        return None
    return process.pid if holds else None


def quotas(study: SearchStudy, count: int, selected: int = 0) -> dict[Stage, int]:
    """Distinct runs that each stage wants of `count` architectures, `selected` of them finalists so far."""
    trials = min(study.trials or count, count)
    quota: dict[Stage, int] = {"search": trials}
    if study.baseline:
        quota["baseline"] = trials
    if study.finalists is not None:
        quota["finalists"] = max(selected, min(study.finalists.count, count)) * study.finalists.seeds
    return quota


def _search_quotas(results: StudyResults, store: Store) -> dict[Stage, int]:
    study = results.study
    assert isinstance(study, SearchStudy)  # there are two kinds
    selection = _notes(results, store).selection()
    selected = len(selection.architectures) if selection else 0
    return quotas(study, study.space(*_image_shape(results)).count, selected)


def _ablation_runs(
    results: StudyResults, study: AblationStudy, store: Store
) -> dict[Stage, ablation.Counted]:
    plan = ablation.current_plan(results, store)
    if plan is not None:
        return ablation.counted_runs(results, study, plan)
    return ablation.expected_runs(results, study, study.plan_design(*_image_shape(results)))


def _image_shape(results: StudyResults) -> tuple[tuple[int, int, int], int]:
    """Input shape and number of classes, by any run of the study, else by its data set's description."""
    run = next(iter(results.runs.values()), None)
    if run is not None:
        return run.key.input_shape, run.key.num_classes
    from vggsearch.data import describe  # imports torch: only where no run says the shape

    info = describe(results.study.data.name)
    return info.input_shape, info.num_classes


def _answered_runs(results: StudyResults) -> dict[Stage, int]:
    return {stage: len({t.run for t in results.trials if t.stage == stage and t.run}) for stage in STAGES}


def _notes(results: StudyResults, store: Store) -> ControllerState:
    return store.state(results.study.name)
