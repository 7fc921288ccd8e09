"""A trainer for workers that go wrong: the third run of a study, at its first attempts.

The script, in the name of the data set, says how: `log=FILE,fault=KIND,times=N,sleep=S`.
"""

import os
import resource
import signal
import struct
import time
from collections.abc import Callable, Mapping
from inspect import getclosurevars
from multiprocessing.connection import Connection

from artificial_weights import run_with_weights

from vggsearch.execution.worker import Report, Trainer, WorkerSetup
from vggsearch.runs.record import RunKey, RunRecord

THIRD = 2


def faulty_trainer(setup: WorkerSetup) -> Trainer:
    """See above."""
    assert setup.data_dir is not None
    assert setup.checkpoints is not None
    logs, checkpoints = setup.data_dir, setup.checkpoints

    def run(key: RunKey, report: Report, deadline_s: float) -> RunRecord:
        del deadline_s
        script = dict(part.partition("=")[::2] for part in key.data.name.removeprefix("script:").split(","))
        log = logs / script["log"]
        before = log.read_text().split() if log.exists() else []
        with log.open("a") as file:
            file.write(key.digest + "\n")
        number = list(dict.fromkeys([*before, key.digest])).index(key.digest)
        time.sleep(float(script.get("sleep", 0)))
        if number == THIRD and before.count(key.digest) < int(script["times"]):
            FAULTS[script["fault"]](getclosurevars(report).nonlocals["pipe"])
            time.sleep(3600)
        return run_with_weights(checkpoints, key)

    return run


def _memory(pipe: Connection) -> None:
    """Take more than the system gives."""
    del pipe
    resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
    bytearray(2**33)


FAULTS: Mapping[str, Callable[[Connection], object]] = {
    "exit": lambda _: os._exit(0),
    "abort": lambda _: os.abort(),
    "kill": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "hang": lambda _: None,
    "memory": _memory,
    "closed": lambda pipe: pipe.close(),
    "text": lambda pipe: os.write(pipe.fileno(), b"free(): invalid pointer\n"),
    "json": lambda pipe: pipe.send_bytes(b'{"kind": "record", "record": {"outcome": "splendid"}}'),
    "empty": lambda pipe: pipe.send_bytes(b""),
    "bytes": lambda pipe: pipe.send_bytes(bytes(range(256)) * 100),
    "huge": lambda pipe: os.write(pipe.fileno(), struct.pack("!i", 2**31 - 1) + b"{"),
    "half": lambda pipe: os.write(pipe.fileno(), struct.pack("!i", 1000) + b"{"),
}
