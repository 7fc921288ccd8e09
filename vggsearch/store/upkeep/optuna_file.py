"""Whether Optuna's file in a store is sound: checked without changing it, in bounded time.

The file is a copy of what the trial files say (`vggsearch.study.search.optuna_copy`). No Optuna: this works
also where Optuna cannot be imported, or cannot open the file.
"""

import sqlite3
import stat
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

LIMIT_S = 10.0
"""Wall seconds after which the check is given up: 10 000 trials take about a tenth of a second."""

DAMAGED = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR}
)
"""SQLite's error codes for a file that is broken or not Optuna's, and not just busy or locked."""

_STEPS = 10_000
"""Instructions of SQLite's virtual machine between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """What is where Optuna's database should be."""

    state: Literal["absent", "sound", "damaged", "unknown"]
    """`unknown`: busy, out of reach, or too large to be checked in time."""
    reason: str = ""
    """Why it is damaged or unknown."""
    running: int = 0
    """How many trials it marks as running."""


def check_database(path: Path, limit_s: float = LIMIT_S) -> DatabaseStatus:
    """The status of the database file at `path`; makes no file, and waits for no lock."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return DatabaseStatus("damaged", "no regular file")
    except FileNotFoundError:
        return DatabaseStatus("absent")
    except OSError as error:
        return DatabaseStatus("unknown", error.strerror or "it cannot be read")
    log = path.with_name(f"{path.name}-wal")
    # A reader of a write-ahead log makes files beside the database, and cannot remove them again. Where there
    # is no log, nobody writes, and SQLite is told so.
    alone = not log.exists()
    try:
        with closing(_connect(path, limit_s, immutable=alone)) as connection:
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if answer != "ok":
                return DatabaseStatus("damaged", " ".join(str(answer).split())[:200])
            return DatabaseStatus("sound", running=_running(connection))
    except sqlite3.Error as error:
        begun = alone and log.exists()  # by a controller, just now
        damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED and not begun
        return DatabaseStatus("damaged" if damaged else "unknown", str(error)[:200])


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
