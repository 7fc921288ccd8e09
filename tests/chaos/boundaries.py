"""Every write that a process makes, as the system sees it: counted, and at the n-th the process dies.

Files that are opened to be written, each half of every block, fsync, replace, mkdir, unlink, rmdir, truncate,
and every statement of SQLite that changes something, its commits among them. Dying is SIGKILL, before the
write is done; so what lies on disk then is what n - 1 writes have left.
"""

import io
import os
import signal
import sqlite3

CHANGES = ("INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "BEGIN", "COMMIT", "PRAGMA")

WRITES = ("write", "pwrite", "replace", "rename", "mkdir", "unlink", "remove", "rmdir", "ftruncate", "fsync")
"""Of the module `os`."""


class Boundaries:
    """Counts this process's writes from now on, and kills it at the `die_at`-th; never where that is 0."""

    def __init__(self, die_at: int) -> None:
        self.count = 0
        self.die_at = die_at
        self.of_weights: list[int] = []
        """The numbers of those that name a file or the folder of weights."""
        for name in WRITES:
            setattr(os, name, self._counted(getattr(os, name)))
        # SIGKILL shows what was written whether or not the disk was waited for, which takes most of the time.
        os.fsync = self._counted(lambda _: None)
        self._open, self._connect = os.open, sqlite3.connect
        self._open_file = io.open
        os.open, sqlite3.connect, io.open = self.open, self.connect, self.open_file

    def cross(self) -> None:
        """A write is about to be made."""
        self.count += 1
        if self.count == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def open(self, path, flags, *arguments, **more):
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            self.cross()
        return self._open(path, flags, *arguments, **more)

    def open_file(self, file, mode="r", *arguments, **more):
        if mode != "wb":
            return self._open_file(file, mode, *arguments, **more)
        self.cross()
        return io.BufferedWriter(Halved(file, self))

    def connect(self, *arguments, **more):
        connection = self._connect(*arguments, **more)
        connection.set_trace_callback(self.statement)
        return connection

    def statement(self, text):
        if text.lstrip().upper().startswith(CHANGES):
            self.cross()

    def _counted(self, real):
        def write(*arguments, **more):
            self.cross()
            if any("weights" in str(argument) for argument in arguments):
                self.of_weights.append(self.count)
            return real(*arguments, **more)

        return write


class Halved(io.FileIO):
    """Writes every block in two halves, as a disk may; a process can die before each."""

    def __init__(self, path, boundaries):
        super().__init__(path, "w")
        self._boundaries = boundaries

    def write(self, block):
        done = 0
        for part in (bytes(block)[: len(block) // 2], bytes(block)[len(block) // 2 :]):
            if part:
                self._boundaries.cross()
                done += super().write(part)
        return done
