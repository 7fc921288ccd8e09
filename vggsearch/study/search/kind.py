"""`SearchKind`: how searches are run and described."""

from contextlib import closing
from statistics import fmean

from vggsearch.arch import Task
from vggsearch.recipe import Recipe
from vggsearch.runs import STAGES, RunRecord, Stage
from vggsearch.store import Store
from vggsearch.study.control import Controller, Progress, Session
from vggsearch.study.file import SearchStudy
from vggsearch.study.kind import StageStatus, StudyKind
from vggsearch.study.results import StudyResults, describe, study_task
from vggsearch.study.search.quotas import search_quotas
from vggsearch.text import Json


class SearchKind(StudyKind[SearchStudy]):
    """See `StudyKind`. The search and its baseline come first, then the finalists."""

    has_copy = True

    def recipes(self, study: SearchStudy, task: Task) -> list[Recipe]:
        """See `StudyKind.recipes`."""
        study.space(task)  # raises where there is none
        return [study.recipe]

    def run(self, study: SearchStudy, session: Session) -> None:
        """See `StudyKind.run`."""
        from vggsearch.study.search.assembly import SearchAssembly  # imports Optuna
        from vggsearch.study.search.postgresql import parse_storage

        database = None if session.storage is None else parse_storage(session.storage)
        with closing(SearchAssembly(study, session, database)) as assembly:
            session.store.begin(study)
            assembly.restore()
            Controller(session, study.name, assembly.stages, assembly.select, assembly.trusted).work()

    def counts(self, study: SearchStudy, results: StudyResults, store: Store) -> dict[Stage, StageStatus]:
        """See `StudyKind.counts`."""
        selection = store.state(study.name).selection()
        selected = len(selection.architectures) if selection else 0
        quotas = search_quotas(study, study.space(study_task(results)).count, selected)
        done = {
            stage: len({trial.run for trial in results.answered if trial.stage == stage and trial.run})
            for stage in STAGES
        }
        if results.stopped_early:
            quotas["search"] = done["search"]
        return {stage: StageStatus(quota, done[stage]) for stage, quota in quotas.items()}

    def is_settled(
        self, study: SearchStudy, results: StudyResults, store: Store, counts: dict[Stage, StageStatus]
    ) -> bool:
        """Whether the finalists were selected from all runs there are, and as many as are wanted."""
        del results
        if study.finalists is None:
            return True
        searched = sum(count.done for stage, count in counts.items() if stage != "finalists")
        selection = store.state(study.name).selection()
        wanted = (searched, study.finalists.count)
        return selection is not None and (selection.runs, selection.count) == wanted

    def left_s(
        self, study: SearchStudy, results: StudyResults, store: Store, counts: dict[Stage, StageStatus]
    ) -> float | None:
        """See `StudyKind.left_s`. By the runs of each stage so far; short runs are a stage of their own."""
        del study, store
        took: dict[Stage, list[float]] = {}
        for trial in results.trials:
            if trial.run and not trial.cached:
                took.setdefault(trial.stage, []).append(trial.told_at - trial.asked_at)
        if not took:
            return None
        longest_s = max(map(fmean, took.values()))
        left = ((stage, count.left) for stage, count in counts.items())
        return sum(number * (fmean(took[stage]) if stage in took else longest_s) for stage, number in left)

    def progress(self, study: SearchStudy, results: StudyResults, store: Store) -> Progress:
        """See `StudyKind.progress`."""
        del store
        return Progress(
            expected_run_s=study.budget.seconds,
            best=results.best(),
            criterion=study.criterion,
            study=study.name,
        )

    def summary(self, study: SearchStudy, results: StudyResults) -> dict[str, Json]:
        """The best run so far."""
        del study
        best = results.best()
        if best is None:
            return {"best": None}
        key = best.key
        return {
            "best": {
                "architecture": key.architecture,
                "val_accuracy": best.val_accuracy,
                **{name: value for name in _UNEVEN if (value := getattr(best, name)) is not None},
                "run": key.digest,
            }
        }

    def summary_lines(self, study: SearchStudy, results: StudyResults) -> list[str]:
        """See `summary`."""
        best = results.best()
        lines = [f"best so far: {describe(best)}", *_uncertainty(best)] if best else []
        short, promoted = _promoted(results)
        if short:
            lines.append(f"promoted: {promoted} of {short} nets with short runs got a longer one")
        if results.stopped_early:
            lines.append(f"the search stopped before its {study.trials} runs, at {study.stop}")
        return lines


def _promoted(results: StudyResults) -> tuple[int, int]:
    """How many nets have a short run, and how many of these also have a longer one."""
    budgets: dict[str, set[float]] = {}
    short: set[str] = set()
    for trial in results.trials:
        run = results.runs.get(trial.run or "")
        if run is not None and trial.stage in ("short", "search"):
            budgets.setdefault(trial.architecture, set()).add(run.key.budget.amount)
            if trial.stage == "short":
                short.add(trial.architecture)
    return len(short), sum(len(budgets[net]) > 1 for net in short)


_UNEVEN = ("val_balanced_accuracy", "val_majority")
"""Fields of a record that are told where classes are uneven."""


def _uncertainty(best: RunRecord) -> list[str]:
    """The standard error of the best accuracy, where validation images are few."""
    from vggsearch.analysis import COARSE, standard_error

    images = best.curve[-1].val_images if best.curve else 0
    if best.val_accuracy is None or not images or 1 / images < COARSE:
        return []
    error = 100 * standard_error(best.val_accuracy, images)
    return [
        f"its standard error, on {images} validation images, is {error:.2f} pp; one image is "
        f"{100 / images:.2f} pp"
    ]
