"""`AblationKind`: how ablations are run and described."""

from vggsearch.arch import Task
from vggsearch.recipe import Recipe
from vggsearch.runs import Stage
from vggsearch.store import Store
from vggsearch.study.ablation.assembly import AblationAssembly
from vggsearch.study.ablation.counting import (
    current_plan,
    expected_counts,
    left_s,
    looks_line,
    pairs_complete,
    planned,
    planned_counts,
)
from vggsearch.study.ablation.registration import plan_lines, plan_object
from vggsearch.study.control import Controller, Planned, Progress, Session
from vggsearch.study.file import AblationStudy
from vggsearch.study.kind import StageStatus, StudyKind
from vggsearch.study.results import StudyResults, study_task
from vggsearch.text import Json


class AblationKind(StudyKind[AblationStudy]):
    """See `StudyKind`. Arms are measured, then the plan is fixed, then learning rates and pairs are run."""

    has_copy = False

    def recipes(self, study: AblationStudy, task: Task) -> list[Recipe]:
        """See `StudyKind.recipes`."""
        return [arm.recipe for arm in study.plan_design(task).arms]

    def run(self, study: AblationStudy, session: Session) -> None:
        """See `StudyKind.run`."""
        store = session.store
        assembly = AblationAssembly(study, store, session.conditions, session.clock)
        store.begin(study)
        assembly.restore()
        calibration = assembly.calibration
        if not calibration.complete:
            trusted = assembly.trusted
            Controller(session, study.name, [calibration], assembly.select, trusted, slots=1).work()
            if not calibration.complete:
                return
        plan = assembly.plan()
        store.plans(study.name).register(plan, runs=assembly.runs, at=session.clock())
        if session.train:
            assembly.begin(plan)
            Controller(session, study.name, assembly.stages, assembly.select, assembly.trusted).work()

    def counts(self, study: AblationStudy, results: StudyResults, store: Store) -> dict[Stage, StageStatus]:
        """See `StudyKind.counts`."""
        plan = current_plan(study, results, store)
        if plan is not None:
            return planned_counts(study, results, plan)
        return expected_counts(study, results, study.plan_design(study_task(results)))

    def is_settled(
        self, study: AblationStudy, results: StudyResults, store: Store, counts: dict[Stage, StageStatus]
    ) -> bool:
        """Whether the registered plan is the one that the file and the measurements give now."""
        del counts
        plan = current_plan(study, results, store)
        return plan is not None and plan.digest == results.plans[-1].digest

    def left_s(
        self, study: AblationStudy, results: StudyResults, store: Store, counts: dict[Stage, StageStatus]
    ) -> float | None:
        """See `StudyKind.left_s`. Estimated from the plan, so even before any run was made."""
        del counts
        return left_s(results, current_plan(study, results, store))

    def progress(self, study: AblationStudy, results: StudyResults, store: Store) -> Progress:
        """See `StudyKind.progress`."""

        def read_plan() -> Planned | None:
            plans = store.plans(study.name).read()
            return planned(plans[-1].plan) if plans else None

        return Progress(
            expected_run_s=study.budget.seconds,
            study=study.name,
            read_plan=read_plan,
            trials=list(results.trials),
        )

    def summary(self, study: AblationStudy, results: StudyResults) -> dict[str, Json]:
        """The plan and the number of complete pairs; effects are not reported before the end."""
        return {
            "evaluate_on": study.evaluate_on,
            "plan": plan_object(results.plans),
            "pairs_complete": pairs_complete(results),
        }

    def summary_lines(self, study: AblationStudy, results: StudyResults) -> list[str]:
        """See `summary`."""
        most = "at most " if study.looks else ""
        complete = f"pairs complete: {pairs_complete(results)} of {most}{study.pairs}"
        looks = looks_line(results)
        return [complete, *([looks] if looks else []), *study.part.notice, *plan_lines(results.plans)]
