"""A real PostgreSQL server for tests: from Debian's package, in a folder of its own, with a password.

Where the package is absent, the tests that ask for a server are skipped, and say so; where continuous
integration runs (CI is set), they fail.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

USER = "lab"
PASSWORD = "p@ss:w/o?rd#%{0}'\\ \" é"
"""Everything that means something in a URL, a format, a connection string or a shell."""

WAIT_S = 60.0
"""For a server to start or to stop on a busy machine."""


class Server:
    """A server on a port of the loopback interface; made by `running`."""

    def __init__(self, binaries: Path, folder: Path, port: int) -> None:
        self.port = port
        self._binaries, self._folder = binaries, folder
        self._process: subprocess.Popen[bytes] | None = None
        user, group = unprivileged()
        self._as = (
            {"cwd": folder, "user": user, "group": group, "extra_groups": []} if os.getuid() == 0 else {}
        )

    def create(self) -> None:
        """Make the server's files; only the password opens it, also through its socket."""
        password = self._folder / "password"
        password.write_text(PASSWORD + "\n")
        password.chmod(0o644)
        command = [self._binaries / "initdb", "--pgdata", self._folder / "data", "--username", USER]
        options = [
            "--auth=scram-sha-256",
            f"--pwfile={password}",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        ]
        subprocess.run([*command, *options], check=True, capture_output=True, **self._as)
        password.unlink()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self._folder),
            "fsync": "off",  # a server that is stopped or killed loses nothing by it; no power fails here
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        log = (self._folder / "log").open("ab")
        self._process = subprocess.Popen(
            [self._binaries / "postgres", "-D", self._folder / "data", *options],
            stdout=log,
            stderr=log,
            **self._as,
        )
        log.close()
        end_s = time.monotonic() + WAIT_S
        while True:
            try:
                self.sql("SELECT 1")
                return
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self._folder / "log").read_text()
                assert time.monotonic() < end_s
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop it as an administrator does who waits for nobody; those who are connected are cut off."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(WAIT_S)
        self._process = None

    def close(self) -> None:
        if self._process is not None:
            self.stop()

    def sql(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """The rows that one statement gives."""
        settings = {"host": "127.0.0.1", "port": self.port, "user": USER, "password": PASSWORD}
        with psycopg.connect(**settings, dbname=database, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def url(
        self, database: str, *, password: str | None = PASSWORD, driver: str = "postgresql+psycopg"
    ) -> str:
        """The URL of a database; without a password where that is None."""
        secret = "" if password is None else f":{quote(password, safe='')}"
        return f"{driver}://{USER}{secret}@127.0.0.1:{self.port}/{database}"


def unprivileged() -> tuple[int, int]:
    """Whom a server runs as, as PostgreSQL does not run as root: user and group."""
    if os.getuid() != 0:
        return os.getuid(), os.getgid()
    with contextlib.suppress(KeyError):
        debian = pwd.getpwnam("postgres")
        return debian.pw_uid, debian.pw_gid
    return 65534, 65534


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def find_binaries() -> Path | None:
    """The folder of `initdb` and `postgres`, the newest of Debian's; None where there is none."""
    found = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    paths = [Path(found).resolve()] if found else debian[-1:]
    return paths[0].parent if paths else None


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """A server that runs; whoever stops it starts it again."""
    binaries = find_binaries()
    if binaries is None:
        told = "POSTGRESQL IS UNTESTED: apt-get install postgresql"
        pytest.fail(told) if os.environ.get("CI") else pytest.skip(told)
    # Not in pytest's folders, which are closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="vggsearch-postgres-"))
    server = Server(binaries, folder, free_port())
    try:
        if os.getuid() == 0:
            os.chown(folder, *unprivileged())
        server.create()
        server.start()
        yield server
    finally:
        server.close()
        shutil.rmtree(folder)
