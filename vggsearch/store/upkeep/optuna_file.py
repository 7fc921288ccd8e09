"""Is Optuna's file in a store sound? Looked at without a change to it, in bounded time.

    STORE/optuna.db              a copy of what the trial files say (`vggsearch.study.search.mirror`)
    STORE/optuna.db-wal, -shm    beside it while it is open, and after a kill
    STORE/optuna.db.damaged-1    what a controller put aside, and made again

No Optuna: this answers also where Optuna cannot be imported, or cannot open the file.
"""

import re
import sqlite3
import stat
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

NAME = "optuna.db"
SIDECARS = ("optuna.db-wal", "optuna.db-shm", "optuna.db-journal")

ASIDE = re.compile(r"optuna\.db\.damaged-[0-9]{1,9}(-wal|-shm|-journal)?", re.ASCII)
"""Names of what was put aside."""

LIMIT_S = 10.0
"""Wall seconds after which the look is given up: 10 000 trials take about a tenth of one."""

DAMAGED = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR}
)
"""What SQLite says of a file that is broken or not Optuna's, and not just busy, locked or out of reach."""

_STEPS = 10_000
"""Of SQLite's machine between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class OptunaFile:
    """What was found where Optuna's database should be."""

    state: Literal["absent", "sound", "damaged", "unknown"]
    """`unknown`: busy, out of reach, or too large to be looked through in time."""
    reason: str = ""
    """Why it is damaged or unknown, in words."""
    running: int = 0
    """Trials that it calls running."""


def look_at(path: Path, limit_s: float = LIMIT_S) -> OptunaFile:
    """What is in the database file at `path`; makes no file, and waits for nobody."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return OptunaFile("damaged", "no regular file")
    except FileNotFoundError:
        return OptunaFile("absent")
    except OSError as error:
        return OptunaFile("unknown", error.strerror or "it cannot be read")
    log = path.with_name(f"{path.name}-wal")
    # A reader of a write-ahead log makes files beside the database, and cannot remove them again. Where there
    # is no log, nobody writes, and SQLite is told so.
    alone = not log.exists()
    try:
        with closing(_connect(path, limit_s, immutable=alone)) as connection:
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if answer != "ok":
                return OptunaFile("damaged", " ".join(str(answer).split())[:200])
            return OptunaFile("sound", running=_running(connection))
    except sqlite3.Error as error:
        begun = alone and log.exists()  # by a controller, just now
        damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED and not begun
        return OptunaFile("damaged" if damaged else "unknown", str(error)[:200])


def _connect(path: Path, limit_s: float, *, immutable: bool) -> sqlite3.Connection:
    address = f"file:{quote(str(path))}?mode=ro{'&immutable=1' if immutable else ''}"
    connection = sqlite3.connect(address, uri=True, timeout=1.0)
    connection.execute("PRAGMA trusted_schema=OFF")  # the file may come from a stranger
    end_s = time.monotonic() + limit_s
    connection.set_progress_handler(lambda: time.monotonic() > end_s, _STEPS)
    return connection


def _running(connection: sqlite3.Connection) -> int:
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "trials" not in tables:
        return 0
    (count,) = connection.execute("SELECT count(*) FROM trials WHERE state = 'RUNNING'").fetchone()
    return int(count)
