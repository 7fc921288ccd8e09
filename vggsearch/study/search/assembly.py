"""The stages of a search, made from its study file and restored from its store."""

from collections.abc import Container, Iterator, Sequence

from vggsearch.arch import Architecture
from vggsearch.errors import ArchitectureError, SpaceError
from vggsearch.runs import RunKey, Stage as StageName
from vggsearch.store import Selection
from vggsearch.study.control import (
    Candidate,
    ListedRun,
    ListedStage,
    MakeKey,
    Recorded,
    Session,
    Stage,
    read_recorded,
)
from vggsearch.study.file import SearchStudy
from vggsearch.study.results import read_results
from vggsearch.study.search.baseline import BaselineStage
from vggsearch.study.search.database import Database, SqliteFile
from vggsearch.study.search.optuna_copy import OptunaCopy
from vggsearch.study.search.optuna_study import Search
from vggsearch.study.search.postgresql import store_token
from vggsearch.study.search.quotas import search_quotas
from vggsearch.study.search.stage import SearchStage


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
        self._notice = session.notice
        self._space = space = study.space(self._conditions.task)
        quotas = search_quotas(study, space.count)
        clock, objectives = session.clock, study.objectives
        quota = quotas["search"]
        self._search = Search(space, study.sampler, quota=quota, objectives=objectives, seed=study.seed)
        self.stages: list[Stage] = [SearchStage(self._search, quota, self._maker(study.seed), clock)]
        if "baseline" in quotas:
            baseline = quotas["baseline"]
            self.stages.append(BaselineStage(space, study.seed, baseline, self._maker(study.seed), clock))
        if "finalists" in quotas:
            self.stages.append(ListedStage("finalists", quotas["finalists"], clock))
        self._copy: OptunaCopy | None = None
        self.trusted = False
        """Whether an earlier session had runs that did not crash."""

    def restore(self) -> None:
        """Restore every stage from the store, and make Optuna's database agree with them.

        Raises `StudyFileError` where the runs were made under other conditions, and `StoreError`.
        """
        token = store_token(self._store.layout.token) if self._database.shared else ""
        study = self._study
        self._copy = OptunaCopy(self._database, study.name, study.objectives, token, self._notice)
        recorded = read_recorded(study, self._store, self._conditions)
        self.trusted = recorded.trusted
        pending = list(self._pending(recorded))
        for stage in self.stages:
            results = recorded.results[stage.name]
            known = {trial.number for trial, _ in results}
            asked = {each.number: each for each in pending if each.stage == stage.name}
            stage.restore(results, [asked[number] for number in sorted(asked.keys() - known)])
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

    def _pending(self, recorded: Recorded) -> Iterator[Candidate]:
        """Candidates to ask again, in sources of rising authority: a later one replaces an earlier one."""
        if recorded.results or recorded.missing:  # a database alone is left from another study of that name
            yield from self._asked_by_copy({trial.number for trial, _ in recorded.results["search"]})
        for one in self._state.pending():
            yield self._candidate(
                one.stage, one.number, one.architecture, one.asked_at, seed=one.seed, cached=one.cached
            )
        for trial in recorded.missing:
            if trial.stage != "finalists":  # `select` lists them again, each with its own seed
                yield self._candidate(trial.stage, trial.number, trial.architecture, trial.asked_at)

    def _asked_by_copy(self, known: Container[int]) -> Iterator[Candidate]:
        """The trials of Optuna's database but those `known`: of some of them nothing else is left."""
        assert self._copy is not None  # it was opened
        for trial in (each for each in self._copy.trials if each.number not in known):
            text = str(trial.user_attrs.get("architecture"))
            moment = trial.datetime_start.timestamp() if trial.datetime_start else 0.0
            try:
                yield self._candidate("search", trial.number, text, moment)
            except (ArchitectureError, SpaceError):
                continue  # not of this study

    def _candidate(
        self,
        stage: StageName,
        number: int,
        text: str,
        asked_at: float,
        *,
        seed: int | None = None,
        cached: bool | None = None,
    ) -> Candidate:
        """A candidate as it was asked; `seed` is the study's by default."""
        architecture = Architecture.parse(text)
        params, violation = self._space.params_of(architecture), self._space.violation(architecture)
        key = self._key(text, self._study.seed if seed is None else seed, final=stage == "finalists")
        return Candidate(stage, number, text, params, key, asked_at, violation, cached)

    def _maker(self, seed: int) -> MakeKey:
        return lambda text: self._key(text, seed, final=False)

    def _key(self, text: str, seed: int, *, final: bool) -> RunKey:
        study = self._study
        return self._conditions.key(text, study.recipe, study.budget, seed=seed, final=final)
