"""The one controller of a study: ask, hand over, record, tell.

Every answer takes the same way: the run into the ledger, the trial into the store, then the sampler. Each
write is atomic, so a kill between any two of them is made good at the next start, from the files alone. Runs
that were going are asked again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from vggsearch.errors import VggSearchError
from vggsearch.execution import Executor, Finished
from vggsearch.runs import FINAL, CurvePoint, Digest, Outcome, RunRecord, Stage as StageName, TrialRecord
from vggsearch.store import ControllerState, Store, remove_checkpoints
from vggsearch.study.control import events
from vggsearch.study.control.active import ActiveRun, stop_message
from vggsearch.study.control.events import Observer
from vggsearch.study.control.stages import Candidate, Job, ListedStage, Stage
from vggsearch.study.control.stopping import Stopping

POLL_S = 0.25
"""How long a signal may go unnoticed."""

MAX_ATTEMPTS = 2
"""A crashed run is tried once more: what killed it may have passed."""

MAX_FIRST_CRASHES = 3
"""Different runs that may crash before any ends otherwise; then the set-up is to blame."""


@dataclass
class Controller:
    """Works on stages until they are complete, or until it is told to stop.

    Args:
        study: Its name.
        stages: In order and restored. One whose list is not fixed begins when the others are complete; the
            others do not wait.
        store: Where answers are kept.
        notes: Where is kept what was handed out.
        executor: Who makes the runs.
        stopping: When to stop.
        select: Says what the last stage is to do, once the others are complete.
        observer: Is told of everything.
        sound: Whether the study holds runs that ended otherwise than by crashing.
        slots: How many runs may go on at once; by default as many as the executor makes.
    """

    study: str
    stages: Sequence[Stage]
    store: Store
    notes: ControllerState
    executor: Executor
    stopping: Stopping
    select: Callable[[], Sequence[Job]]
    observer: Observer
    sound: bool
    slots: int | None = None
    _going: dict[Digest, ActiveRun] = field(default_factory=dict)
    _crashed: list[ActiveRun] = field(default_factory=list)
    """Crashed for good, and not recorded while it is not known whether the set-up is to blame."""
    _proven: bool = False
    """Whether a run has ended otherwise than by crashing, since this controller began."""
    _begun: set[StageName] = field(default_factory=set)
    _ended: set[StageName] = field(default_factory=set)

    def work(self) -> None:
        """Do everything. Raises `VggSearchError` where the set-up or the store is broken."""
        done = {stage.name: stage.done for stage in self.stages}
        quota = {stage.name: stage.quota for stage in self.stages}
        self.slots = min(self.slots or self.executor.slots, self.executor.slots)
        self.observer.notify(events.StudyStarted(self.study, self.slots, done, quota))
        failed = True
        try:
            self._loop()
            failed = False
        finally:
            left = sum(stage.left for stage in self.stages)
            why = self.stopping.why if left else "finished"
            self.observer.notify(events.StudyEnded("failed" if failed or why is None else why, left))

    def _loop(self) -> None:
        said = False
        while not self.stopping.at_once:
            if self.stopping.why is None:
                self._fill()
            elif not said:
                said = True
                left = sum(stage.left for stage in self.stages)
                self._say(stop_message(self.stopping.why, list(self._going.values()), left))
            if not self._going and (not self._crashed or said):
                return
            if not self._going:
                self._judge_crashes(all_ended=True)
            for event in self.executor.wait(POLL_S):
                if isinstance(event, Finished):
                    self._finished(event.record)
                else:
                    self._progress(event.digest, event.point)
        self.executor.close()

    def _fill(self) -> None:
        """Hand out candidates until every slot is taken, or nothing is left to ask."""
        while self.stopping.why is None and len(self._going) < (self.slots or self.executor.slots):
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
                    self.observer.notify(events.StageStarted(stage.name, stage.done, stage.quota))
                return candidate
            self._settle(stage)
        return None

    def _place(self, candidate: Candidate) -> None:
        """Answer a candidate at once where that can be done, else hand its run over or wait with it."""
        digest = candidate.key.digest
        if candidate.infeasible is not None:
            self._record(candidate, Outcome.INFEASIBLE, candidate.infeasible, None)
            return
        going = self._going.get(digest) or next((g for g in self._crashed if g.key.digest == digest), None)
        if going is not None:
            going.candidates.append(replace(candidate, cached=True))
            self._note()
            return
        run = self.store.ledger.get(digest)
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
        self.executor.submit(going.key)
        self.observer.notify(
            events.TrialStarted(
                first.stage, first.number, first.architecture, going.key.digest, going.key.seed, going.attempt
            )
        )

    def _note(self) -> None:
        """Write down what is handed out, before it is."""
        going = [*self._going.values(), *self._crashed]
        self.notes.put_pending(tuple(asked for each in going for asked in each.asked()))

    def _progress(self, digest: Digest, point: CurvePoint) -> None:
        going = self._going[digest]
        going.point = point
        first = going.candidates[0]
        self.observer.notify(events.TrialProgress(first.stage, first.number, digest, point))

    def _finished(self, run: RunRecord) -> None:
        going = self._going.pop(run.key.digest)
        if run.outcome is Outcome.PREEMPTED or (run.outcome is Outcome.CRASHED and self.stopping.why):
            return  # what stops the study may have hit the worker too: the next controller asks it again
        if run.outcome is not Outcome.CRASHED:
            self._proven = True
            for crashed in self._take_crashed():
                self._answer(crashed)
            self._answer(replace(going, run=run))
        elif going.attempt < MAX_ATTEMPTS:
            self._say(f"{going.candidates[0].architecture} crashed and is tried again: {run.reason}")
            again = self._going[run.key.digest] = replace(going, attempt=going.attempt + 1, point=None)
            self._submit(again)
        elif self._proven:
            self._answer(replace(going, run=run))
        else:
            self._crashed.append(replace(going, run=run))
            self._judge_crashes(all_ended=False)

    def _judge_crashes(self, *, all_ended: bool) -> None:
        """Raise where the set-up is to blame for the crashes; where everything has ended, record them."""
        count = len(self._crashed)
        if count >= MAX_FIRST_CRASHES or (all_ended and not self.sound):
            run = self._crashed[-1].run
            first = "first run" if count == 1 else f"first {count} runs"
            raise VggSearchError(
                f"the {first} crashed, so the set-up is to blame ({run.reason if run else ''}): "
                "mend it, and run the same command again"
            )
        if all_ended:
            for crashed in self._take_crashed():
                self._answer(crashed)

    def _take_crashed(self) -> list[ActiveRun]:
        taken, self._crashed = self._crashed, []
        return taken

    def _answer(self, going: ActiveRun) -> None:
        """Record a run that ended, and tell everyone who waits for it."""
        run = going.run
        assert run is not None  # it ended
        self.store.ledger.put(run)
        remove_checkpoints(self.store.checkpoints, run.key.digest)
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
        self.store.put_trial(trial)
        stage.tell(trial, run)
        self.observer.notify(events.TrialFinished(trial, run, stage.done, stage.quota))
        self._settle(stage)

    def _settle(self, stage: Stage) -> None:
        """Say so where a stage is complete."""
        if stage.complete and stage.name not in self._ended:
            self._ended.add(stage.name)
            self.observer.notify(events.StageEnded(stage.name, stage.done, stage.quota))

    def _stage(self, candidate: Candidate) -> Stage:
        return next(stage for stage in self.stages if stage.name == candidate.stage)

    def _say(self, text: str) -> None:
        self.observer.notify(events.Notice(text))
