"""A PostgreSQL database for Optuna's copy, named by a URL, and possibly shared with other stores.

A person gives the URL, and the library behind it knows parameters that read files and name programs. So only
a few parts of the URL are used, each checked. The password goes to the connection alone: it is in no text,
`repr` or URL that this program makes.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from pydantic_core import from_json

from vggsearch.errors import StoreError
from vggsearch.runs import read_checksummed, write_checksummed
from vggsearch.study.search.database import Connection, Database, unusable

if TYPE_CHECKING:
    from sqlalchemy import URL

CONNECT_S = 10
"""Seconds within which a server must answer."""

MAX_URL = 2000
"""Most characters of a URL."""

_FORM = "--storage is postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE"
_MASK = "***"
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_DATABASE = re.compile(r"[\w .$-]{1,63}")  # = or / would make it more than a name
_PARAMETERS = {
    "sslmode": re.compile(r"disable|allow|prefer|require|verify-ca|verify-full"),
    "connect_timeout": re.compile(r"[1-9][0-9]{0,2}"),
    "application_name": re.compile(r"[\w .:-]{1,63}"),
}
"""Parameters allowed after the ? of a URL. Others read or write files, or change how the server works."""

_ALIVE = {
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
"""A connection that is no longer answered is given up after about a minute."""


@dataclass(frozen=True)
class PostgresServer(Database):
    """A database of a PostgreSQL server; made by `parse_storage`."""

    place: str
    """Its URL with the password masked."""
    password: str | None = field(repr=False)
    settings: dict[str, str] = field(repr=False)
    """Settings of the connection but the password, by their names in libpq."""

    dialect = "postgresql+psycopg://"
    remedy = "see that the server runs and has the database, the user and the password that --storage names"
    shared = True

    def __str__(self) -> str:
        return self.place

    def connect(self) -> Connection:
        """See `Database.connect`. Without a password, libpq uses PGPASSWORD or ~/.pgpass."""
        import psycopg
        from psycopg.conninfo import make_conninfo

        return psycopg.connect(make_conninfo(password=self.password, **self.settings))

    def masked(self, text: str) -> str:
        """See `Database.masked`."""
        return text.replace(self.password, _MASK) if self.password else text

    def check(self) -> None:
        """Raise `StoreError` where no connection is made; takes at most `CONNECT_S` for each address."""
        import psycopg

        try:
            self.connect().close()
        except psycopg.Error as error:
            raise unusable(self, error) from error


def parse_storage(text: str) -> PostgresServer:
    """The database that a URL names. Raises `StoreError`, whose message repeats no part of the URL."""
    try:
        import psycopg  # noqa: F401 - it is an extra
    except ImportError as error:
        raise StoreError(
            "--storage needs a driver for PostgreSQL, and there is none: pip install 'vggsearch[postgresql]'"
        ) from error
    url = _parsed(text)
    user, password, database = url.username or None, url.password or None, url.database or ""
    if url.host is None or not _HOST.fullmatch(url.host):
        raise StoreError(
            f"{_FORM}, and this one names no host: write %40, %2F and %3A for @, / and : within a name"
        )
    if not _DATABASE.fullmatch(database):
        raise StoreError(
            f"{_FORM}, and this one names no database: add /NAME, in letters, digits, _ . $ and -"
        )
    if "\0" in f"{user}{password}" or (user and len(user) > 63):
        raise StoreError(f"{_FORM}, and this one's user is too long, or has a %00: correct it")
    if password == _MASK:
        raise StoreError(
            f"--storage: {_MASK} stands for a password: write it, or set PGPASSWORD and leave it out"
        )
    settings = {"host": url.host, "dbname": database, "application_name": "vggsearch"}
    settings |= {"connect_timeout": str(CONNECT_S), **_ALIVE, **_parameters(url)}
    if user is not None:
        settings["user"] = user
    if url.port is not None:
        settings["port"] = str(url.port)
    return PostgresServer(url.set(drivername="postgresql+psycopg").render_as_string(), password, settings)


def _parsed(text: str) -> "URL":
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    if len(text) > MAX_URL or not text.isprintable() or " " in text:
        raise StoreError(f"{_FORM}, of at most {MAX_URL} characters and no space: write %20 for one")
    scheme = text.partition("://")[0]
    if scheme not in ("postgresql+psycopg", "postgresql"):
        known = re.match(r"[a-z0-9+]{1,20}://", text)
        start = known[0] if known else "something else"
        raise StoreError(
            f"{_FORM}, and this one begins with {start}: leave --storage out for SQLite in the store"
        )
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise StoreError(f"{_FORM}, and this one is no URL: see its port, and write %40 for an @") from error
    if url.port is not None and not 0 < url.port < 65536:
        raise StoreError(f"{_FORM}, and this one's port is not from 1 to 65535: PostgreSQL's is 5432")
    return url


def _parameters(url: "URL") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in url.query.items():
        if name not in _PARAMETERS or not isinstance(value, str) or not _PARAMETERS[name].fullmatch(value):
            known = ", ".join(_PARAMETERS)
            raise StoreError(
                f"--storage: after ? may stand {known}, once each and with valid values: leave others out"
            )
        found[name] = value
    return found


def store_token(path: Path) -> str:
    """The text in a store's `token.json`, which identifies the store on a shared server; made where absent.

    To be called only by the store's one writer. Raises `StoreError`.
    """
    try:
        token = from_json(read_checksummed(path, 1024))
        if not isinstance(token, str):
            raise ValueError("not a text")
    except FileNotFoundError:
        token = uuid4().hex
        try:
            write_checksummed(path, json.dumps(token).encode())
        except OSError as error:
            raise StoreError(
                f"{path} cannot be written ({error.strerror}): free space, or correct permissions"
            ) from error
    except ValueError as error:
        raise StoreError(
            f"{path}: {error}: delete it, and this store's studies in the database, which are made again"
        ) from error
    return token
