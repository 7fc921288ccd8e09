"""The stages of a search, made from its study file and restored from its store."""

from collections.abc import Iterator, Sequence
from functools import partial

from vggsearch.arch import Architecture
from vggsearch.errors import ArchitectureError, SpaceError
from vggsearch.runs import Clock, RunKey
from vggsearch.store import PendingCandidate, Selection
from vggsearch.study.control import (
    Candidate,
    ListedRun,
    ListedStage,
    Recorded,
    Session,
    Stage,
    read_recorded,
)
from vggsearch.study.file import SearchStudy
from vggsearch.study.results import read_results
from vggsearch.study.search.baseline import BaselineStage
from vggsearch.study.search.database import Database, SqliteFile
from vggsearch.study.search.guided import Desk, GuidedStage, ShortStage
from vggsearch.study.search.optuna_copy import OptunaCopy
from vggsearch.study.search.optuna_study import Search
from vggsearch.study.search.postgresql import store_token
from vggsearch.study.search.quotas import search_quotas
from vggsearch.study.search.stage import SearchStage
from vggsearch.study.search.strategies import make_strategy
from vggsearch.study.search.strategy import Goal


class SearchAssembly:
    """The stages of a search, and how their finalists are selected.

    Args:
        database: Where Optuna's copy is kept; by default in a file of the store.
    """

    def __init__(
        self,
        study: SearchStudy,
        session: Session,
        database: Database | None = None,
    ) -> None:
        self._study, self._store, self._conditions = study, session.store, session.conditions
        self._state = session.store.state(study.name)
        self._database = database or SqliteFile(self._store.layout.optuna)
        self._notice, self._copied = session.notice, session.copied
        self._space = space = study.space(self._conditions.task)
        quotas = search_quotas(study, space.count)
        clock, objectives = session.clock, study.objectives
        quota = quotas["search"]
        self._search = Search(space, study.sampler, quota=quota, objectives=objectives, seed=study.seed)
        self.stages: list[Stage] = list(self._search_stages(quota, clock))
        if "baseline" in quotas:
            baseline = quotas["baseline"]
            self.stages.append(BaselineStage(space, study.seed, baseline, self._study_key, clock))
        if "finalists" in quotas:
            self.stages.append(ListedStage("finalists", quotas["finalists"], clock))
        self._copy: OptunaCopy | None = None
        self.trusted = False
        """Whether an earlier session had runs that did not crash."""

    def _search_stages(self, quota: int, clock: Clock) -> Iterator[Stage]:
        """The stages in which the strategy chooses what is trained."""
        study, search, make_key = self._study, self._search, self._study_key
        first, stop = study.first or (), study.stop
        if study.strategy is None:
            yield SearchStage(search, quota, make_key, clock, first=first, stop=stop)
            return
        assert study.trials is not None  # every strategy of this package has a budget
        goal = Goal(self._space, study.objectives, study.reference, study.seed)
        desk = Desk(make_strategy(study.strategy, goal, study.trials))
        if study.short_budgets:
            yield ShortStage(desk, search, self._short_key, clock)
        yield GuidedStage(desk, search, make_key, clock, first=first, stop=stop)

    def restore(self) -> None:
        """Restore every stage from the store, and make Optuna's database agree with them.

        Raises `StudyFileError` where the runs were made under other conditions, and `StoreError`.
        """
        study = self._study
        if self._copied:
            token = store_token(self._store.layout.token) if self._database.shared else ""
            self._copy = OptunaCopy(self._database, study.name, study.objectives, token, self._notice)
        recorded = read_recorded(study, self._store, self._conditions)
        self.trusted = recorded.trusted
        pending = list(self._pending(recorded))
        for stage in self.stages:
            results = recorded.results[stage.name]
            answered = {trial.number for trial, _ in results}
            asked = {each.number: each for each in pending if each.stage == stage.name}
            stage.restore(results, [self._candidate(asked[n]) for n in sorted(asked.keys() - answered)])
            if isinstance(stage, ListedStage):
                stage.reopen(recorded.missing)
        if self._copy is not None:
            self._search.attach(self._copy)

    def close(self) -> None:
        """Close Optuna's database."""
        if self._copy is not None:
            self._copy.close()

    def select(self) -> Sequence[ListedRun]:
        """The runs of the finalists: all of them with the first new seed, then with the second, and so on."""
        assert self._study.finalists is not None  # only then is there a stage that asks
        first = self._study.seed + 1
        architectures = [
            (text, self._space.params_of(Architecture.parse(text)))
            for text in self._selected(self._study.finalists.count)
        ]
        return [
            ListedRun(text, params, self._key(text, seed, final=True))
            for seed in range(first, first + self._study.finalists.seeds)
            for text, params in architectures
        ]

    def _selected(self, count: int) -> Sequence[str]:
        """The finalists selected before, and others where there are more runs now, or more are wanted."""
        from vggsearch.analysis import finalists

        runs = sum(stage.done for stage in self.stages if stage.name != "finalists")
        before = self._state.selection()
        if before is not None and (before.runs, before.count) == (runs, count):
            return before.architectures
        frame = read_results(self._store, self._study).frame()
        chosen = finalists(frame, count, self._study.objectives, self._study.reference)
        kept = () if before is None else before.architectures
        new = tuple(text for text in chosen["architecture"] if text not in kept)
        self._state.put_selection(Selection(architectures=(*kept, *new), runs=runs, count=count))
        return (*kept, *new)

    def _pending(self, recorded: Recorded) -> Iterator[PendingCandidate]:
        """Candidates that may be unanswered; of two with the same number, the later one counts."""
        unanswered = partial(PendingCandidate, seed=self._study.seed, cached=None)
        known = (
            recorded.results or recorded.missing
        )  # else a database is left from another study of that name
        if known and self._copy is not None:
            for copied in self._copy.trials:
                text = str(copied.user_attrs.get("architecture"))
                try:
                    self._space.params_of(Architecture.parse(text))
                except (ArchitectureError, SpaceError):
                    continue  # not of this study
                at = copied.datetime_start.timestamp() if copied.datetime_start else 0.0
                yield unanswered(stage="search", number=copied.number, architecture=text, asked_at=at)
        yield from self._state.pending()
        for lost in recorded.missing:
            if lost.stage != "finalists":  # `select` lists them again, each with its own seed
                yield unanswered(
                    stage=lost.stage,
                    number=lost.number,
                    architecture=lost.architecture,
                    run=lost.run,
                    asked_at=lost.asked_at,
                )

    def _candidate(self, asked: PendingCandidate) -> Candidate:
        text, architecture = asked.architecture, Architecture.parse(asked.architecture)
        params, violation = self._space.params_of(architecture), self._space.violation(architecture)
        key = self._key(text, asked.seed, final=asked.stage == "finalists")
        if asked.stage == "short":
            key = self._asked_short_key(asked)
        return Candidate(
            asked.stage, asked.number, text, params, key, asked.asked_at, violation, asked.cached
        )

    def _short_key(self, text: str, rung: int) -> RunKey:
        study, budget = self._study, self._study.short_budgets[rung]
        return self._conditions.key(text, study.recipe, budget, seed=study.seed, final=False)

    def _asked_short_key(self, asked: PendingCandidate) -> RunKey:
        """The key of the short run that was asked; of the shortest where none has its digest."""
        rungs = range(len(self._study.short_budgets))
        keys = [self._short_key(asked.architecture, rung) for rung in rungs]
        return next((key for key in keys if key.digest == asked.run), keys[0])

    def _study_key(self, text: str) -> RunKey:
        return self._key(text, self._study.seed, final=False)

    def _key(self, text: str, seed: int, *, final: bool) -> RunKey:
        study = self._study
        return self._conditions.key(text, study.recipe, study.budget, seed=seed, final=final)
