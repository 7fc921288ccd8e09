"""The one controller of a study: ask, hand over, record, tell.

Every answer takes the same way: the run into the ledger, the trial into the store, then the sampler. Each
write is atomic, so a kill between any two of them is made good at the next start, from the files alone. Runs
that were going are asked again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from vggsearch.execution import Finished
from vggsearch.runs import FINAL, CurvePoint, Digest, Outcome, RunRecord, Stage as StageName, TrialRecord
from vggsearch.store import remove_checkpoints
from vggsearch.study.control import events
from vggsearch.study.control.active import ActiveRun, stop_message
from vggsearch.study.control.crashes import MAX_ATTEMPTS, Crashes
from vggsearch.study.control.session import Session
from vggsearch.study.control.stages import Candidate, Job, ListedStage, Stage

POLL_S = 0.25
"""How long a signal may go unnoticed."""

Select = Callable[[], Sequence[Job]]
"""Says what a listed stage is to do, once the other stages are complete."""


@dataclass
class Controller:
    """Works on stages until they are complete, or until it is told to stop.

    Args:
        session: Who makes the runs, where answers are kept, when to stop, and who is told.
        study: Name of the study.
        stages: In order and restored. One whose list is not fixed begins when the others are complete; the
            others do not wait.
        select: Says what the last stage is to do, once the others are complete.
        trusted: Whether the store holds runs of the study that did not crash.
        slots: How many runs may go on at once; by default as many as the executor makes.
    """

    session: Session
    study: str
    stages: Sequence[Stage]
    select: Select
    trusted: bool
    slots: int | None = None
    _going: dict[Digest, ActiveRun] = field(default_factory=dict)
    _crashes: Crashes = field(init=False)
    _begun: set[StageName] = field(default_factory=set)
    _ended: set[StageName] = field(default_factory=set)

    def __post_init__(self) -> None:
        assert self.session.stopping is not None  # the session has begun
        self._stopping = self.session.stopping
        self._crashes = Crashes(trusted=self.trusted)
        self._state = self.session.store.state(self.study)

    def work(self) -> None:
        """Do everything. Raises `VggSearchError` where the set-up or the store is broken."""
        done = {stage.name: stage.done for stage in self.stages}
        quota = {stage.name: stage.quota for stage in self.stages}
        self.slots = min(self.slots or self.session.executor.slots, self.session.executor.slots)
        self.session.observer.notify(events.StudyStarted(self.study, self.slots, done, quota))
        failed = True
        try:
            self._loop()
            failed = False
        finally:
            left = sum(stage.left for stage in self.stages)
            why = self._stopping.why if left else "finished"
            self.session.observer.notify(events.StudyEnded("failed" if failed or why is None else why, left))

    def _loop(self) -> None:
        said = False
        while not self._stopping.at_once:
            if self._stopping.why is None:
                self._fill()
            elif not said:
                said = True
                left = sum(stage.left for stage in self.stages)
                self._say(stop_message(self._stopping.why, list(self._going.values()), left))
            if not self._going and (not self._crashes.held or said):
                return
            if not self._going:
                self._answer_all(self._crashes.note_end())
            for event in self.session.executor.wait(POLL_S):
                if isinstance(event, Finished):
                    self._finished(event.record)
                else:
                    self._progress(event.digest, event.point)
        self.session.executor.close()

    def _fill(self) -> None:
        """Hand out candidates until every slot is taken, or nothing is left to ask."""
        while self._stopping.why is None and len(self._going) < (self.slots or self.session.executor.slots):
            candidate = self._next()
            if candidate is None:
                return
            self._place(candidate)

    def _next(self) -> Candidate | None:
        for stage in self.stages:
            if isinstance(stage, ListedStage) and not stage.fixed:
                if not all(other.complete for other in self.stages if other is not stage):
                    return None
                stage.fix(self.select())
            candidate = stage.next()
            if candidate is not None:
                if stage.name not in self._begun:
                    self._begun.add(stage.name)
                    self.session.observer.notify(events.StageStarted(stage.name, stage.done, stage.quota))
                return candidate
            self._settle(stage)
        return None

    def _place(self, candidate: Candidate) -> None:
        """Answer a candidate at once where that can be done, else hand its run over or wait with it."""
        digest = candidate.key.digest
        if candidate.infeasible is not None:
            self._record(candidate, Outcome.INFEASIBLE, candidate.infeasible, None)
            return
        going = self._going.get(digest) or self._crashes.find(digest)
        if going is not None:
            going.candidates.append(replace(candidate, cached=True))
            self._note()
            return
        run = self.session.store.ledger.get(digest)
        answered = any(stage.answered(digest) for stage in self.stages)
        if run is not None and (answered or run.outcome in FINAL):
            cached = True if candidate.cached is None else candidate.cached
            self._record(replace(candidate, cached=cached), run.outcome, run.reason, run)
            return
        self._going[digest] = ActiveRun(candidate.key, [replace(candidate, cached=False)])
        self._note()
        self._submit(self._going[digest])

    def _submit(self, going: ActiveRun) -> None:
        first = going.candidates[0]
        self.session.executor.submit(going.key)
        self.session.observer.notify(
            events.TrialStarted(
                first.stage, first.number, first.architecture, going.key.digest, going.key.seed, going.attempt
            )
        )

    def _note(self) -> None:
        """Write down what is handed out, before it is."""
        going = [*self._going.values(), *self._crashes.held]
        self._state.put_pending(tuple(asked for each in going for asked in each.asked()))

    def _progress(self, digest: Digest, point: CurvePoint) -> None:
        going = self._going[digest]
        going.point = point
        first = going.candidates[0]
        self.session.observer.notify(events.TrialProgress(first.stage, first.number, digest, point))

    def _finished(self, run: RunRecord) -> None:
        going = self._going.pop(run.key.digest)
        if run.outcome is Outcome.PREEMPTED or (run.outcome is Outcome.CRASHED and self._stopping.why):
            return  # what stops the study may have hit the worker too: the next controller asks it again
        if run.outcome is not Outcome.CRASHED:
            self._answer_all([*self._crashes.note_success(), replace(going, run=run)])
        elif going.attempt < MAX_ATTEMPTS:
            self._say(f"{going.candidates[0].architecture} crashed and is tried again: {run.reason}")
            again = self._going[run.key.digest] = replace(going, attempt=going.attempt + 1, point=None)
            self._submit(again)
        else:
            self._answer_all(self._crashes.note_crash(replace(going, run=run)))

    def _answer_all(self, ended: Sequence[ActiveRun]) -> None:
        for run in ended:
            self._answer(run)

    def _answer(self, going: ActiveRun) -> None:
        """Record a run that ended, and tell everyone who waits for it."""
        run = going.run
        assert run is not None  # it ended
        self.session.store.ledger.put(run)
        remove_checkpoints(self.session.store.checkpoints, run.key.digest)
        for candidate in going.candidates:
            self._record(candidate, run.outcome, run.reason, run)

    def _record(self, candidate: Candidate, outcome: Outcome, reason: str, run: RunRecord | None) -> None:
        stage = self._stage(candidate)
        trial = TrialRecord(
            study=self.study,
            stage=candidate.stage,
            number=candidate.number,
            architecture=candidate.architecture,
            params=candidate.params,
            run=None if run is None else run.key.digest,
            outcome=outcome,
            reason=reason,
            cached=bool(candidate.cached),
            asked_at=candidate.asked_at,
            told_at=stage.moment(),
        )
        self.session.store.put_trial(trial)
        stage.tell(trial, run)
        self.session.observer.notify(events.TrialFinished(trial, run, stage.done, stage.quota))
        self._settle(stage)

    def _settle(self, stage: Stage) -> None:
        """Say so where a stage is complete."""
        if stage.complete and stage.name not in self._ended:
            self._ended.add(stage.name)
            self.session.observer.notify(events.StageEnded(stage.name, stage.done, stage.quota))

    def _stage(self, candidate: Candidate) -> Stage:
        return next(stage for stage in self.stages if stage.name == candidate.stage)

    def _say(self, text: str) -> None:
        self.session.observer.notify(events.Notice(text))
