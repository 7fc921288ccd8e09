"""What holds after every fault and one plain re-run of the same command."""

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from artificial_weights import run_with_weights
from controllers import ForkServer, log_of
from small_studies import answers, conduct, make_ablation, make_study

from vggsearch.designs.plan import Plan, Registration
from vggsearch.report import write_report
from vggsearch.runs.checksums import TEMPORARY
from vggsearch.runs.record import FINAL, Digest, RunKey, RunRecord
from vggsearch.store import Store
from vggsearch.study import AblationStudy, Study, StudyResults
from vggsearch.study.results import read_results
from vggsearch.testing.fake import FakeExecutor

Of = TypeVar("Of", RunKey, Plan)


@dataclass
class Tally:
    """What was done to studies, and what became of it."""

    seed: int
    cases: int = 0
    kills: int = 0
    boundaries: int = 0
    """Writes at which a process was killed; kills, too."""
    resumed: int = 0
    """Steps after which a training was interrupted, and resumed with the same bits."""
    lost: int = 0
    again: int = 0
    """Finished runs that were made again."""

    def __str__(self) -> str:
        return (
            f"chaos: {self.cases} cases, {self.kills} kills, {self.boundaries} of them at a write boundary, "
            f"{self.resumed} interrupted steps; runs lost {self.lost}, runs made twice {self.again}; "
            f"CHAOS_SEED={self.seed}"
        )


@dataclass(frozen=True)
class Whole:
    """An undisturbed study, made in one go."""

    study: Study
    results: StudyResults

    @classmethod
    def of(cls, settings: dict[str, object], folder: Path) -> "Whole":
        """Of the study that `ForkServer.start` makes of `settings`."""
        given = {key: ... if value == "..." else value for key, value in settings.items()}
        study = make_ablation(**given) if given.get("kind") == "ablation" else make_study(**given)
        executor = FakeExecutor(trainer=lambda key, *_: run_with_weights(folder / "checkpoints", key))
        return cls(study, conduct(study, folder, executor))

    @cached_property
    def report(self) -> dict[str, bytes]:
        """Every file of its report."""
        return report_of(self.results)

    @cached_property
    def data(self) -> dict[str, bytes]:
        """What a report is made of."""
        return data_of(self.results)


@dataclass
class Case:
    """One store that something happens to."""

    folder: Path
    whole: Whole
    tally: Tally
    server: ForkServer
    _kept: dict[Digest, bytes] = field(default_factory=dict)
    _begun: int = 0

    def __post_init__(self) -> None:
        self.tally.cases += 1

    def note(self) -> None:
        """Something has happened: take note of the runs that are finished, which from now on stay as they
        are. The weights that a record names are there."""
        self._keep()
        assert self._weights_named() <= self._weights_there()
        self._kept |= {run.key.digest: self._bytes(run.key.digest) for run in self._finished()}
        self._begun = len(self.begun())

    def begun(self) -> list[Digest]:
        """The runs that were begun, in order."""
        log = log_of(self.folder)
        return log.read_text().split() if log.exists() else []

    def check(self, *, slots: int = 1, report: bool = False, retold: bool = False) -> None:
        """Something has happened, and the same command was given once more: all is as if nothing had been.

        Args:
            slots: Where several runs went on at once, the order in which they ended is nobody's.
            report: Compare the report itself, too, and not what it is made of alone.
            retold: Trials were lost, and answered again from the ledger: when they first were is not known.
        """
        self._keep()
        self.server.settle()
        store = Store.open(self.folder, create=True)
        results = read_results(store, self.whole.study)
        assert results.notes == ()
        assert store.ledger.damaged() == []
        if retold:
            assert [row[:-1] for row in answers(results)] == [row[:-1] for row in answers(self.whole.results)]
            assert unscripted_runs(results) == dict(self.whole.results.runs)
        elif slots == 1:
            assert answers(results) == answers(self.whole.results)
            assert data_of(results) == self.whole.data
        else:
            assert sorted(answers(results)) == sorted(answers(self.whole.results))
            assert unscripted_runs(results) == dict(self.whole.results.runs)
        if not isinstance(self.whole.study, AblationStudy):
            assert self._states() <= {"COMPLETE", "PRUNED", "FAIL"}
        assert list(self.folder.rglob(f"{TEMPORARY}*")) == []
        assert not store.checkpoints.is_dir() or not any(store.checkpoints.iterdir())
        assert self._weights_there() == self._weights_named()
        if report:
            assert report_of(results) == self.whole.report

    def _keep(self) -> None:
        """No finished run is lost, changed or begun again."""
        lost = [digest for digest, data in self._kept.items() if self._bytes(digest) != data]
        again = self._kept.keys() & set(self.begun()[self._begun :])
        self.tally.lost += len(lost)
        self.tally.again += len(again)
        assert (lost, again) == ([], set())

    def _finished(self) -> list[RunRecord]:
        if not self.folder.is_dir():
            return []
        return [run for run in Store.open(self.folder, create=True).ledger if run.outcome in FINAL]

    def _weights_named(self) -> set[Digest]:
        """The digests of weights in the records of finished runs."""
        return {run.weights for run in self._finished() if run.weights is not None}

    def _weights_there(self) -> set[Digest]:
        """The SHA-256 of each weights file, which is its name."""
        files = list((self.folder / "weights").glob("*.safetensors"))
        found = {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        assert {path.stem for path in files} == found
        return found

    def _bytes(self, digest: Digest) -> bytes | None:
        path = self.folder / "ledger" / digest[:2] / f"{digest}.json"
        return path.read_bytes() if path.exists() else None

    def _states(self) -> set[str]:
        with closing(sqlite3.connect(self.folder / "optuna.db")) as database:
            return {state for (state,) in database.execute("SELECT state FROM trials")}


def data_of(results: StudyResults) -> dict[str, bytes]:
    """What a report is made of, moments of time replaced by their ranks: the order of events stays."""
    with TemporaryDirectory() as folder:
        timeless(results).write(Path(folder))
        return _files(Path(folder))


def report_of(results: StudyResults) -> dict[str, bytes]:
    """Every file of the report, moments of time replaced by their ranks."""
    with TemporaryDirectory() as folder:
        write_report(timeless(results), Path(folder), command="vggsearch report")
        return _files(Path(folder))


def timeless(results: StudyResults) -> StudyResults:
    """The same results, whose moments of time only say what came before what in each stage; the script of the
    runs, which stands in the name of their data, is left out."""
    moments = sorted({(t.stage, moment) for t in results.trials for moment in (t.asked_at, t.told_at)})
    rank = {place: float(number) for number, place in enumerate(moments)}
    trials = tuple(
        trial.model_copy(
            update={
                "asked_at": rank[trial.stage, trial.asked_at],
                "told_at": rank[trial.stage, trial.told_at],
            }
        )
        for trial in results.trials
    )
    plans = tuple(
        Registration(plan=(plan := unscripted(fixed.plan)), digest=plan.digest, at=0.0, runs=fixed.runs)
        for fixed in results.plans
    )
    return replace(results, trials=trials, runs=unscripted_runs(results), plans=plans)


def unscripted_runs(results: StudyResults) -> dict[Digest, RunRecord]:
    """The runs, without the script that they followed."""
    return {
        digest: run.model_copy(update={"key": unscripted(run.key)}) for digest, run in results.runs.items()
    }


def unscripted(of: Of) -> Of:
    """A key or a plan whose data have no script in their name; it is no part of a key's digest."""
    return of.model_copy(update={"data": of.data.model_copy(update={"name": "script:"})})


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
