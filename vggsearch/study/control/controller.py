"""The one controller of a study: ask, submit, record, tell.

Every result takes the same path: the run into the ledger, the trial into the store, then to the sampler. Each
write is atomic, and a controller that was killed between any two of them is restored from the files alone.
Runs that were active then are asked for again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from vggsearch.execution import Finished
from vggsearch.runs import FINAL, CurvePoint, Digest, Outcome, RunRecord, Stage as StageName, TrialRecord
from vggsearch.study.control import events
from vggsearch.study.control.active import ActiveRun, stop_message
from vggsearch.study.control.crashes import MAX_ATTEMPTS, Crashes
from vggsearch.study.control.session import Session
from vggsearch.study.control.stages import Candidate, ListedRun, ListedStage, Stage

POLL_S = 0.25
"""Seconds within which a signal is noticed."""

Select = Callable[[], Sequence[ListedRun]]
"""Returns the runs of a listed stage, once the other stages are complete."""


@dataclass
class Controller:
    """Works on stages until they are complete, or until it is to stop.

    Args:
        session: The executor, the store, when to stop, and the observer.
        study: Name of the study.
        stages: Restored stages, in order. A stage whose list is not fixed begins when the others are
            complete; the others do not wait for each other.
        select: Returns the runs of the stage whose list is not fixed, once the others are complete.
        trusted: Whether an earlier session had runs that did not crash.
        slots: How many runs may be active at once; by default as many as the executor makes.
    """

    session: Session
    study: str
    stages: Sequence[Stage]
    select: Select
    trusted: bool
    slots: int | None = None
    _active: dict[Digest, ActiveRun] = field(default_factory=dict)
    _crashes: Crashes = field(init=False)
    _started: set[StageName] = field(default_factory=set)
    _ended: set[StageName] = field(default_factory=set)
    _said: set[str] = field(default_factory=set)
    """Notices that are given once, however many runs they are true of."""

    def __post_init__(self) -> None:
        assert self.session.stopping is not None  # the session has begun
        self._stopping = self.session.stopping
        self._crashes = Crashes(trusted=self.trusted)
        self._state = self.session.store.state(self.study)

    def work(self) -> None:
        """Work on the stages. Raises `VggSearchError` where the set-up or the store is broken."""
        done = {stage.name: stage.done for stage in self.stages}
        quota = {stage.name: stage.quota for stage in self.stages}
        self.slots = min(self.slots or self.session.executor.slots, self.session.executor.slots)
        self.session.observer.notify(events.StudyStarted(self.study, self.slots, done, quota))
        failed = True
        try:
            self._loop()
            failed = False
        finally:
            why = self._stopping.why if self._left else "finished"
            ended = events.StudyEnded("failed" if failed or why is None else why, self._left)
            self.session.observer.notify(ended)

    @property
    def _left(self) -> int:
        """Number of distinct runs not yet answered."""
        return sum(stage.left for stage in self.stages)

    def _loop(self) -> None:
        stopping = False
        while not self._stopping.at_once:
            if self._stopping.why is None:
                self._submit_candidates()
            elif not stopping:
                stopping = True
                active = list(self._active.values())
                self.session.notice(stop_message(self._stopping.why, active, self._left))
            if not self._active and (not self._crashes.held or stopping):
                return
            if not self._active:
                self._answer_all(self._crashes.note_end())
            for event in self.session.executor.wait(POLL_S):
                if isinstance(event, Finished):
                    self._end_run(event.record)
                else:
                    self._report_progress(event.digest, event.point)
        self.session.executor.close()

    def _submit_candidates(self) -> None:
        """Ask for candidates until every slot is taken, or nothing is left to ask for."""
        while self._stopping.why is None and len(self._active) < (self.slots or self.session.executor.slots):
            candidate = self._next()
            if candidate is None:
                return
            self._handle(candidate)

    def _next(self) -> Candidate | None:
        for stage in self.stages:
            if isinstance(stage, ListedStage) and not stage.fixed:
                if not all(other.complete for other in self.stages if other is not stage):
                    return None
                stage.fix(self.select())
            candidate = stage.next()
            if candidate is not None:
                if stage.name not in self._started:
                    self._started.add(stage.name)
                    self.session.observer.notify(events.StageStarted(stage.name, stage.done, stage.quota))
                return candidate
            self._notify_if_complete(stage)
        return None

    def _handle(self, candidate: Candidate) -> None:
        """Answer a candidate at once where its run is known; else submit the run, or wait for it."""
        digest = candidate.key.digest
        if candidate.infeasible is not None:
            self._record(candidate, Outcome.INFEASIBLE, candidate.infeasible, None)
            return
        active = self._active.get(digest) or self._crashes.find(digest)
        if active is not None:
            active.candidates.append(replace(candidate, cached=True))
            self._save_pending()
            return
        run = self.session.store.ledger.get(digest)
        answered = any(stage.answered(digest) for stage in self.stages)
        if run is not None and (answered or run.outcome in FINAL):
            cached = True if candidate.cached is None else candidate.cached
            self._record(replace(candidate, cached=cached), run.outcome, run.reason, run)
            return
        self._active[digest] = ActiveRun(candidate.key, [replace(candidate, cached=False)])
        self._save_pending()
        self._submit(self._active[digest])

    def _submit(self, active: ActiveRun) -> None:
        first, key = active.candidates[0], active.key
        self.session.executor.submit(key)
        self.session.observer.notify(
            events.TrialStarted(
                first.stage, first.number, first.architecture, key.digest, key.seed, active.attempt
            )
        )

    def _save_pending(self) -> None:
        """Record the unanswered candidates; called before a run is submitted."""
        unanswered = [*self._active.values(), *self._crashes.held]
        self._state.put_pending(tuple(pending for each in unanswered for pending in each.pending()))

    def _report_progress(self, digest: Digest, point: CurvePoint) -> None:
        active = self._active[digest]
        active.point = point
        first = active.candidates[0]
        self.session.observer.notify(events.TrialProgress(first.stage, first.number, digest, point))

    def _end_run(self, run: RunRecord) -> None:
        ended = replace(self._active.pop(run.key.digest), run=run)
        if run.outcome is Outcome.PREEMPTED or (run.outcome is Outcome.CRASHED and self._stopping.why):
            return  # the same signal may have hit the worker: the next controller asks for the run again
        if run.outcome is not Outcome.CRASHED:
            self._answer_all([*self._crashes.note_success(), ended])
        elif ended.attempt < MAX_ATTEMPTS:
            self.session.notice(
                f"{ended.candidates[0].architecture} crashed and is tried again: {run.reason}"
            )
            retry = replace(ended, attempt=ended.attempt + 1, point=None, run=None)
            self._active[run.key.digest] = retry
            self._submit(retry)
        else:
            self._answer_all(self._crashes.note_crash(ended))

    def _answer_all(self, ended: Sequence[ActiveRun]) -> None:
        """Record runs that ended, and answer every candidate that waits for one of them."""
        for active in ended:
            run = active.run
            assert run is not None  # it ended
            run = self.session.store.put_run(run, self._notice_once)
            for candidate in active.candidates:
                self._record(candidate, run.outcome, run.reason, run)

    def _notice_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.session.notice(text)

    def _record(self, candidate: Candidate, outcome: Outcome, reason: str, run: RunRecord | None) -> None:
        stage = next(stage for stage in self.stages if stage.name == candidate.stage)
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
        self._notify_if_complete(stage)

    def _notify_if_complete(self, stage: Stage) -> None:
        if stage.complete and stage.name not in self._ended:
            self._ended.add(stage.name)
            self.session.observer.notify(events.StageEnded(stage.name, stage.done, stage.quota))
