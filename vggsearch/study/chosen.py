"""Which run of a study stands for it where one net is wanted, for example to export it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from vggsearch.arch import parse
from vggsearch.errors import ArchitectureError, VggSearchError
from vggsearch.runs import Outcome, RunRecord, TrialRecord, best_run
from vggsearch.study.file import SearchStudy
from vggsearch.study.results import StudyResults
from vggsearch.text import percent, quoted, suggestion

Groups = Mapping[str, Sequence[RunRecord]]
"""Completed runs that differ in their seeds alone, by architecture or by arm."""


@dataclass(frozen=True, slots=True)
class ChosenRun:
    """A run, and why it."""

    record: RunRecord
    reasons: tuple[str, ...]
    """Sentences for people."""


def choose_run(results: StudyResults, net: str | None = None) -> ChosenRun:
    """The run that stands for a study. Test accuracies have no say in this.

    Of a search it is the finalist of the highest mean accuracy on validation over its seeds, of an ablation
    the arm; of its seeds, the best on validation. Where a search asks for no finalists, it is the best run of
    the search. `net` names another finalist by its architecture, or another arm. Raises `VggSearchError`.
    """
    study, by = results.study, results.criterion
    groups = _groups(results)
    kind = "finalist" if isinstance(study, SearchStudy) else "arm"
    if not groups:
        best = results.best() if isinstance(study, SearchStudy) and study.finalists is None else None
        if best is None:
            raise VggSearchError(
                f"study {study.name} has no completed {kind}: run it to its end: vggsearch run {study.path}"
            )
        return ChosenRun(best, (f"It has the highest accuracy on validation of all runs of {study.name}.",))

    def mean(name: str) -> float:
        return fmean(getattr(run, by) or 0.0 for run in groups[name])

    name = max(groups, key=mean) if net is None else _named(net, groups, kind)
    record = best_run(groups[name], by)
    assert record is not None
    reasons = [
        f"Study {study.name}: {kind} {name} "
        + (
            f"has the highest mean accuracy on validation of {len(groups)} {kind}s"
            if net is None and len(groups) > 1
            else f"is one of {len(groups)} {kind}s"
        )
        + f", {percent(mean(name))} over {_seeds(groups[name])}."
    ]
    if len(groups[name]) > 1:
        reasons.append(f"Of these, seed {record.key.seed} is the best on validation.")
        reasons += _spread(groups[name])
    return ChosenRun(record, tuple(reasons))


def _groups(results: StudyResults) -> Groups:
    """The completed runs of finalists by architecture, or of the pairs of an ablation by arm."""
    of: tuple[str, Callable[[TrialRecord], str]] = (
        ("finalists", lambda trial: trial.architecture)
        if isinstance(results.study, SearchStudy)
        else ("pairs", lambda trial: str(trial.params["arm"]))
    )
    stage, name_of = of
    found: dict[str, dict[str, RunRecord]] = {}
    for trial in results.trials:
        run = results.runs.get(trial.run) if trial.run else None
        if trial.stage == stage and run is not None and run.outcome is Outcome.COMPLETED:
            found.setdefault(name_of(trial), {})[run.key.digest] = run
    return {name: list(runs.values()) for name, runs in found.items()}


def _named(net: str, groups: Groups, kind: str) -> str:
    if net in groups:
        return net
    try:
        text = str(parse(net))
    except ArchitectureError:
        text = net
    for name, runs in groups.items():
        if text in (name, runs[0].key.architecture):
            return name
    raise VggSearchError(f"a net is named by a {kind}, not {quoted(net)}: {suggestion(net, list(groups))}")


def _seeds(runs: Sequence[RunRecord]) -> str:
    return "1 seed" if len(runs) == 1 else f"{len(runs)} seeds"


def _spread(runs: Sequence[RunRecord]) -> list[str]:
    """The test accuracy that another seed may be expected to have."""
    tested = [run.test_accuracy for run in runs if run.test_accuracy is not None]
    if len(tested) < 2:
        return []
    spread = f"{100 * stdev(tested):.2f} pp"
    mean = percent(fmean(tested))
    return [f"Over all {len(tested)} seeds the test accuracy is {mean}, standard deviation {spread}."]
