"""What the surrogate of a search believed of each full run before it was made, against what came."""

from collections.abc import Iterator
from dataclasses import dataclass

from vggsearch.arch import Architecture
from vggsearch.runs import Outcome
from vggsearch.study.file import Model, SearchStudy
from vggsearch.study.results import StudyResults, study_task
from vggsearch.study.search.model import ModelStrategy
from vggsearch.study.search.strategies import make_strategy
from vggsearch.study.search.strategy import Goal, History, Observation


@dataclass(frozen=True, slots=True)
class Belief:
    """One full run of a search by a surrogate."""

    number: int
    """Of the trial."""
    architecture: str
    believed: float
    """Mean of the accuracy that was expected, a fraction."""
    spread: float
    """Its standard deviation, chance included."""
    came: float
    """The accuracy that was reached."""


def beliefs(results: StudyResults) -> Iterator[Belief]:
    """The full runs that the surrogate chose, in order; none for another strategy.

    Computed anew from the trials, as the surrogate follows from what was told before a run was asked.
    """
    study = results.study
    if not isinstance(study, SearchStudy) or not isinstance(study.strategy, Model) or study.trials is None:
        return
    goal = Goal(study.space(study_task(results)), study.objectives, study.reference, study.seed)
    strategy = make_strategy(study.strategy, goal, study.trials)
    assert isinstance(strategy, ModelStrategy)  # `Model` are its settings
    told = list(_observations(results, goal, strategy.full))
    for trial in sorted(results.trials, key=lambda one: one.asked_at):
        run = results.runs.get(trial.run or "")
        came = None if run is None else getattr(run, goal.criterion)
        if trial.stage != "search" or trial.outcome is not Outcome.COMPLETED or came is None:
            continue
        before = History([one for at, one in told if at <= trial.asked_at])
        if len([one for one in before.told if one.gains is not None]) >= strategy.least:
            mean, spread = strategy.believe(before, Architecture.parse(trial.architecture))
            yield Belief(trial.number, trial.architecture, mean, spread, came)


def _observations(results: StudyResults, goal: Goal, full: int) -> Iterator[tuple[float, Observation]]:
    for trial in sorted(results.trials, key=lambda one: one.told_at):
        if trial.stage in ("short", "search"):
            run = results.runs.get(trial.run or "")
            rung = full if trial.stage == "search" else 0
            gains = goal.gains(trial.architecture, trial.outcome, run)
            yield trial.told_at, Observation(trial.architecture, rung, gains)
