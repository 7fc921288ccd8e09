"""Where Optuna's copy of a search is kept: in a file of the store, or wherever `postgresql.py` can reach."""

import sqlite3
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vggsearch.errors import StoreError

LOCK_WAIT_S = 60.0
"""How long a transaction waits for a dashboard that holds an SQLite database."""

_PASSING = frozenset(
    (
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOLFS,
    )
)
"""SQLite's result codes that tell of the machine or of another process, and not of the file."""


class Connection(Protocol):
    """Of whatever library; SQLAlchemy knows what to do with it."""

    def close(self) -> None:
        """Let go of it."""


class Database(ABC):
    """A place for Optuna's copy; as text, the place without a password."""

    dialect: str
    """The URL of such a database, of which SQLAlchemy reads the kind and nothing else."""
    remedy: str
    """What to do where it cannot be used."""
    shared: bool
    """Whether others use it too, and whether it may be away while the store is here."""

    @abstractmethod
    def connect(self) -> Connection:
        """A new connection; raises what its library raises."""

    def masked(self, text: str) -> str:
        """`text`, which came from elsewhere, without the password."""
        return text

    def set_aside(self, error: BaseException) -> str | None:
        """Where `error` says for certain that the database is damaged: move it away and return its new name.

        None, with nothing changed, where the error may be the machine's or another process's.
        """
        del error
        return None


@dataclass(frozen=True)
class SqliteFile(Database):
    """A file in the store, which has one writer."""

    path: Path

    dialect = "sqlite:///optuna.db"
    remedy = "free space, or close what holds it, and run the same command again"
    shared = False

    def __str__(self) -> str:
        return str(self.path)

    def connect(self) -> sqlite3.Connection:
        """See `Database.connect`. A link is not followed, and is damage like anything that is no file."""
        for path in self._files():
            if _is_there(path) and not stat.S_ISREG(path.lstat().st_mode):
                raise sqlite3.DatabaseError(f"{path.name} is not a regular file")
        # Only ever used by the controller's thread, but closed by whichever collects it.
        connection = sqlite3.connect(self.path, timeout=LOCK_WAIT_S, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def set_aside(self, error: BaseException) -> str | None:
        """See `Database.set_aside`. Nothing is overwritten, and raises OSError where it cannot be moved.

        Everything in the file is in the store's other files too. So what cannot be read is damage, unless
        SQLite says that the disk, the permissions or a lock are to blame.
        """
        cause = root_cause(error)
        code = getattr(cause, "sqlite_errorcode", None)
        passing = isinstance(cause, OSError | MemoryError) or (code is not None and code & 0xFF in _PASSING)
        if passing or not any(_is_there(path) for path in self._files()):
            return None
        taken = {path.name for path in self.path.parent.iterdir()}
        number = 1
        while any(name.startswith(f"{self.path.name}.damaged-{number}") for name in taken):
            number += 1
        kept = self.path.with_name(f"{self.path.name}.damaged-{number}")
        # The log first: SQLite must not find it beside a new database.
        for path in reversed(list(self._files())):
            if _is_there(path):
                path.rename(kept.with_name(path.name.replace(self.path.name, kept.name, 1)))
        return kept.name

    def _files(self) -> Iterator[Path]:
        """The database, and what SQLite has beside it while it is in use."""
        for suffix in ("", "-wal", "-shm", "-journal"):
            yield self.path.with_name(self.path.name + suffix)


def unusable(database: Database, error: BaseException) -> StoreError:
    """What a person is told where `database` cannot be used because of `error`."""
    return StoreError(
        f"Optuna's database {database} cannot be used ({reason(database, error)}): {database.remedy}"
    )


def reason(database: Database, error: BaseException) -> str:
    """What `error` says, in one line that shows no password and moves no cursor."""
    lines = str(root_cause(error)).splitlines() or [type(error).__name__]
    return "".join(c if c.isprintable() else " " for c in database.masked(lines[0])[:200])


def root_cause(error: BaseException) -> BaseException:
    """What was raised first, of errors that were raised from one another."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()
