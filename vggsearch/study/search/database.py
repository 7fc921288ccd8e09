"""Where Optuna's copy of a search is kept: in a file of the store, or on a server (`postgresql.py`)."""

import sqlite3
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vggsearch.errors import StoreError

LOCK_WAIT_S = 60.0
"""Seconds that a transaction waits for a dashboard that locks an SQLite database."""

_TEMPORARY = frozenset(
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
"""SQLite's result codes for a fault of the machine or of another process, not of the file."""


class Connection(Protocol):
    """A connection of a database library, which SQLAlchemy uses."""

    def close(self) -> None:
        """Close it."""


class Database(ABC):
    """A place for Optuna's copy; `str` gives the place without a password."""

    dialect: str
    """A URL from which SQLAlchemy takes the kind of the database and nothing else."""
    remedy: str
    """What a person should do where it cannot be used."""
    shared: bool
    """Whether other stores use it too; it may then be unreachable."""

    @abstractmethod
    def connect(self) -> Connection:
        """A new connection; raises the errors of its library."""

    def masked(self, text: str) -> str:
        """`text` without the password."""
        return text

    def set_aside(self, error: BaseException) -> str | None:
        """Move the database away where `error` shows that it is damaged, and return its new name.

        Returns None, with nothing changed, where the machine or another process may have caused the error.
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
        """See `Database.connect`. Whatever is not a regular file counts as damage; links are not followed."""
        for path in self._files():
            if _is_there(path) and not stat.S_ISREG(path.lstat().st_mode):
                raise sqlite3.DatabaseError(f"{path.name} is not a regular file")
        # Used by the controller's thread alone, but possibly closed by another one that collects garbage.
        connection = sqlite3.connect(self.path, timeout=LOCK_WAIT_S, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def set_aside(self, error: BaseException) -> str | None:
        """See `Database.set_aside`. Overwrites nothing; raises OSError where the file cannot be moved.

        The store's other files hold everything too. So a file that cannot be read counts as damaged, unless
        SQLite reports a fault of the disk, the permissions or a lock.
        """
        cause = root_cause(error)
        code = getattr(cause, "sqlite_errorcode", None)
        temporary = isinstance(cause, OSError | MemoryError) or (
            code is not None and code & 0xFF in _TEMPORARY
        )
        if temporary or not any(_is_there(path) for path in self._files()):
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
        """The database, and the files that SQLite keeps beside it while it is in use."""
        for suffix in ("", "-wal", "-shm", "-journal"):
            yield self.path.with_name(self.path.name + suffix)


def unusable(database: Database, error: BaseException) -> StoreError:
    """The error to raise where `database` cannot be used because of `error`."""
    return StoreError(
        f"Optuna's database {database} cannot be used ({reason(database, error)}): {database.remedy}"
    )


def reason(database: Database, error: BaseException) -> str:
    """The message of `error` as one printable line without the password."""
    lines = str(root_cause(error)).splitlines() or [type(error).__name__]
    return "".join(c if c.isprintable() else " " for c in database.masked(lines[0])[:200])


def root_cause(error: BaseException) -> BaseException:
    """The first error in the chain of causes of `error`."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()
