"""From a study file and its store to stages that stand where an earlier invocation left them."""

from collections.abc import Iterator, Sequence

from vggsearch.arch import Architecture
from vggsearch.errors import ArchitectureError, SpaceError
from vggsearch.runs import Outcome, RunKey, TrialRecord
from vggsearch.space import Scalar
from vggsearch.store import PendingCandidate, Selection
from vggsearch.study.control import Candidate, Job, ListedStage, MakeKey, Session, Stage, Told
from vggsearch.study.file import SearchStudy
from vggsearch.study.results import read_results
from vggsearch.study.search.baseline import BaselineStage
from vggsearch.study.search.database import Database, SqliteFile
from vggsearch.study.search.mirror import Mirror
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
        self._say = session.say
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
        self._mirror: Mirror | None = None
        self.trusted = False
        """Whether the store holds runs of the study that did not crash."""

    def restore(self) -> None:
        """Bring every stage to where it was, and Optuna's database with it.

        Raises `StudyFileError` where the runs were made under other conditions, and `StoreError`.
        """
        token = store_token(self._store.layout.token) if self._database.shared else ""
        study = self._study
        mirror = self._mirror = Mirror(self._database, study.name, study.objectives, token, self._say)
        trials = self._store.trials(study.name)
        # A database alone is the leftover of another study of that name.
        notes = [*(self._mirrored(mirror) if trials else ()), *self._state.pending()]
        for stage in self.stages:
            told, lost = self._recorded([trial for trial in trials if trial.stage == stage.name])
            taken = {trial.number for trial, _ in told}
            asked = {note.number: note for note in (*notes, *lost) if note.stage == stage.name}
            stage.restore(told, [self._again(asked[n]) for n in sorted(asked) if n not in taken])
        self._search.attach(mirror)

    def close(self) -> None:
        """Let go of Optuna's database."""
        if self._mirror is not None:
            self._mirror.close()

    def select(self) -> Sequence[Job]:
        """The finalists: all of them with the first fresh seed, then with the second, and so on."""
        assert self._study.finalists is not None  # only then is there a stage that asks
        first = self._study.seed + 1
        architectures = [(text, self._params(text)) for text in self._selected(self._study.finalists.count)]
        return [
            Job(text, params, self._key(text, seed, final=True))
            for seed in range(first, first + self._study.finalists.seeds)
            for text, params in architectures
        ]

    def _selected(self, count: int) -> Sequence[str]:
        """Those that were fixed, and others where there are more runs, or more are wanted."""
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

    def _recorded(self, trials: Sequence[TrialRecord]) -> tuple[list[Told], list[PendingCandidate]]:
        """The trials that hold, and those to be asked again because their run is gone from the ledger."""
        told: list[Told] = []
        lost: list[PendingCandidate] = []
        for trial in trials:
            run = None if trial.run is None else self._store.ledger.get(trial.run)
            if run is None and trial.run is not None:
                # Finalists are planned again by themselves, each with its own seed.
                if trial.stage != "finalists":
                    lost.append(_unanswered(trial, self._study.seed))
                continue
            if run is not None:
                self._conditions.check(run.key, self._study.path)
                self.trusted |= run.outcome is not Outcome.CRASHED
            told.append((trial, run))
        return told, lost

    def _mirrored(self, mirror: Mirror) -> Iterator[PendingCandidate]:
        """What Optuna's database says was asked, for trials of which nothing else is left."""
        for trial in mirror.trials:
            text = str(trial.user_attrs.get("architecture"))
            try:
                self._space.params_of(Architecture.parse(text))
            except (ArchitectureError, SpaceError):
                continue  # not ours
            moment = trial.datetime_start.timestamp() if trial.datetime_start else 0.0
            yield PendingCandidate(
                stage="search",
                number=trial.number,
                architecture=text,
                seed=self._study.seed,
                cached=None,
                asked_at=moment,
            )

    def _again(self, asked: PendingCandidate) -> Candidate:
        architecture = Architecture.parse(asked.architecture)
        final = asked.stage == "finalists"
        return Candidate(
            asked.stage,
            asked.number,
            asked.architecture,
            self._space.params_of(architecture),
            self._key(asked.architecture, asked.seed, final=final),
            asked.asked_at,
            self._space.violation(architecture),
            asked.cached,
        )

    def _maker(self, seed: int) -> MakeKey:
        return lambda text: self._key(text, seed, final=False)

    def _key(self, text: str, seed: int, *, final: bool) -> RunKey:
        study = self._study
        return self._conditions.key(text, study.recipe, study.budget, seed=seed, final=final)

    def _params(self, text: str) -> dict[str, Scalar]:
        return self._space.params_of(Architecture.parse(text))


def _unanswered(trial: TrialRecord, seed: int) -> PendingCandidate:
    return PendingCandidate(
        stage=trial.stage,
        number=trial.number,
        architecture=trial.architecture,
        seed=seed,
        cached=None,
        asked_at=trial.asked_at,
    )
