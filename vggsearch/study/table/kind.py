"""`TableKind`: how a table is made and described."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean

from vggsearch.arch import Task
from vggsearch.recipe import Budget, Recipe
from vggsearch.runs import Stage
from vggsearch.space import Scalar
from vggsearch.store import Store
from vggsearch.study.control import Controller, ListedRun, ListedStage, Progress, Session, read_recorded
from vggsearch.study.file import TableStudy
from vggsearch.study.kind import StageStatus, StudyKind
from vggsearch.study.results import StudyResults, study_task
from vggsearch.study.table.runs import TableRun, table_runs, table_size
from vggsearch.text import Json


class TableKind(StudyKind[TableStudy]):
    """See `StudyKind`. One stage, whose list is known from the beginning."""

    has_copy = False

    def recipes(self, study: TableStudy, task: Task) -> list[Recipe]:
        """See `StudyKind.recipes`."""
        study.space(task)  # raises where there is none
        return [study.recipe]

    def run(self, study: TableStudy, session: Session) -> None:
        """See `StudyKind.run`."""
        conditions, store = session.conditions, session.store
        space = study.space(conditions.task)
        stage = ListedStage("table", table_size(study, space.count), session.clock)
        store.begin(study)
        asked = {one.run: one.cached for one in store.state(study.name).pending() if one.run}
        recorded = read_recorded(study, store, conditions)
        stage.restore(recorded.results["table"], ())
        stage.reopen(recorded.missing)

        def listed(run: TableRun) -> ListedRun:
            key = conditions.key(run.architecture, study.recipe, run.budget, seed=run.seed, final=False)
            params: dict[str, Scalar] = {"budget": str(run.budget), "seed": run.seed}
            return ListedRun(run.architecture, params, key, asked.get(key.digest))

        stage.fix(map(listed, table_runs(study, space)))
        Controller(session, study.name, [stage], tuple, recorded.trusted).work()

    def counts(self, study: TableStudy, results: StudyResults, store: Store) -> dict[Stage, StageStatus]:
        """See `StudyKind.counts`."""
        del store
        members = study.space(study_task(results)).count
        done = len({trial.run for trial in results.answered if trial.stage == "table" and trial.run})
        return {"table": StageStatus(table_size(study, members), done)}

    def is_settled(
        self, study: TableStudy, results: StudyResults, store: Store, counts: dict[Stage, StageStatus]
    ) -> bool:
        """Always: a table decides nothing on the way."""
        del study, results, store, counts
        return True

    def left_s(
        self, study: TableStudy, results: StudyResults, store: Store, counts: dict[Stage, StageStatus]
    ) -> float | None:
        """See `StudyKind.left_s`. By the mean of the runs at each budget, as members come in random order."""
        del store, counts
        took: dict[Budget, list[float]] = {}
        for run in results.runs.values():
            took.setdefault(run.key.budget, []).append(run.train_wall_s + run.eval_s + run.setup_s)
        if not took:
            return None
        made = {(run.key.architecture, run.key.budget, run.key.seed) for run in results.runs.values()}
        wanted = table_runs(study, study.space(study_task(results)))
        left = Counter(run.budget for run in wanted if tuple(run) not in made)
        return sum(number * _mean_s(budget, took) for budget, number in left.items())

    def progress(self, study: TableStudy, results: StudyResults, store: Store) -> Progress:
        """See `StudyKind.progress`."""
        del results, store
        return Progress(study=study.name)

    def summary(self, study: TableStudy, results: StudyResults) -> dict[str, Json]:
        """How many runs there are at each budget."""
        return {"runs": {str(budget): count for budget, count in _made(study, results).items()}}

    def summary_lines(self, study: TableStudy, results: StudyResults) -> list[str]:
        """See `summary`."""
        made = _made(study, results)
        return [f"runs: {', '.join(f'{count} of {budget}' for budget, count in made.items()) or 'none yet'}"]


def _made(study: TableStudy, results: StudyResults) -> dict[Budget, int]:
    counted = Counter(run.key.budget for run in results.runs.values())
    return {budget: counted[budget] for budget in dict.fromkeys((*study.budgets, *counted))}


def _mean_s(budget: Budget, took: Mapping[Budget, Sequence[float]]) -> float:
    """Mean seconds of a run at `budget`; where there is none, in proportion to the longest that there is."""
    known = budget if budget in took else max(took, key=lambda one: one.amount)
    return fmean(took[known]) * budget.amount / known.amount
