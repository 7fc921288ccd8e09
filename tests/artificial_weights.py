"""Artificial weights of artificial runs, handed over as a worker does."""

import hashlib
from pathlib import Path

from vggsearch.execution import Report, Trainer, WorkerSetup
from vggsearch.runs import Outcome, RunKey, RunRecord, write_atomically
from vggsearch.store import handed_over
from vggsearch.testing.fake import artificial_record, scripted_trainer


def run_with_weights(checkpoints: Path, key: RunKey) -> RunRecord:
    """An artificial record; a tested run's weights, the same for the same key, lie in the folder."""
    return with_weights(checkpoints, artificial_record(key))


def with_weights(checkpoints: Path, record: RunRecord) -> RunRecord:
    """The record, with weights if it is a completed and tested one."""
    if record.outcome is not Outcome.COMPLETED or record.key.evaluate_on != "test":
        return record
    content = record.key.digest.encode()
    write_atomically(handed_over(checkpoints, record.key.digest), content)
    return record.model_copy(update={"weights": hashlib.sha256(content).hexdigest()})


def scripted(setup: WorkerSetup) -> Trainer:
    """For workers: `scripted_trainer`, with weights."""
    make, checkpoints = scripted_trainer(setup), setup.checkpoints
    assert checkpoints is not None

    def run(key: RunKey, report: Report, deadline_s: float) -> RunRecord:
        record = make(key, report, deadline_s)
        return with_weights(checkpoints, record) if isinstance(record, RunRecord) else record

    return run
