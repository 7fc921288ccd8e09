"""A process that runs the command line on what strangers give, and reports all that it did besides printing.

One JSON object a line on standard input, `{"arguments": […], "folder": …, "writable": […]}`; one answer a
line. An audit hook sees what Python itself does: files opened for writing or changed outside `writable`,
programs and sockets, pickles that name a function, and code made of text that holds `MARK`. It refuses
programs and sockets, besides. What C libraries and other processes do is seen by the test, which compares
the folders around.
"""

import contextlib
import io
import json
import os
import resource
import sys
import traceback
from pathlib import Path

MARK = "STRANGER"
"""In every payload that must not be run."""

MAX_DATA_BYTES = 3 << 30
"""Of this process: a case that takes more ends in MemoryError."""

ALLOWED_PROGRAMS = ("git",)
"""Provenance asks for the commit of the package's own checkout."""

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
RENAMES = {"os.remove": 1, "os.rename": 2, "os.rmdir": 1, "os.mkdir": 1, "os.link": 2, "os.symlink": 2}
CHANGES = {"os.chmod": 1, "os.chown": 1, "os.truncate": 1, "os.utime": 1, "shutil.rmtree": 1}
"""Audit events that change a name, or what it names, and how many of their arguments are paths."""
NEVER = ("os.system", "os.exec", "os.spawn", "os.posix_spawn", "os.startfile", "pty.spawn", "code.__new__")
PICKLED = ("vggsearch", "numpy", "torch", "multiprocessing", "pathlib", "collections", "pydantic", "datetime")
"""Packages whose names may stand in pickles: workers send records and arrays in them."""


class Watch:
    """The audit hook. Quiet until `begin`, and while it looks at an event itself."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._writable: tuple[str, ...] = ()
        self._quiet = True

    def begin(self, writable: list[str]) -> None:
        self.seen = []
        self._writable = (*(os.path.realpath(path) for path in writable), "/dev", "/proc/self")
        self._quiet = False

    def end(self) -> list[str]:
        self._quiet = True
        return list(dict.fromkeys(self.seen))

    def __call__(self, event: str, arguments: tuple) -> None:
        if self._quiet:
            return
        self._quiet = True
        try:
            refused = self._look(event, arguments)
        finally:
            self._quiet = False
        if refused:
            raise PermissionError(f"refused: {event}")

    def _look(self, event: str, arguments: tuple) -> bool:
        if event == "open":
            path, mode, flags = arguments
            writes = (isinstance(flags, int) and flags & WRITING) or set(str(mode or "")) & set("wax+")
            if writes and isinstance(path, str | bytes | os.PathLike):
                whole = Path(os.fsdecode(path))
                at_link = isinstance(flags, int) and flags & os.O_NOFOLLOW
                self._check_path(
                    event, str(whole.parent.resolve() / whole.name if at_link else whole.resolve())
                )
        elif event == "sqlite3.connect":
            path = os.fsdecode(arguments[0]).removeprefix("file:").partition("?")[0]
            self._check_path(event, str(Path(path).resolve()))
        elif event in RENAMES or event in CHANGES:
            count = RENAMES.get(event) or CHANGES[event]
            for path, at in zip(arguments[:count], _folders(arguments, count), strict=True):
                if isinstance(path, str | bytes | os.PathLike):
                    whole = at / os.fsdecode(path)
                    name = whole.parent.resolve() / whole.name if event in RENAMES else whole.resolve()
                    self._check_path(event, str(name))
        elif event in NEVER or (event == "socket.connect" and isinstance(arguments[1], tuple)):
            self.seen.append(f"{event} {arguments!r:.200}")
            return True
        elif event == "subprocess.Popen":
            program = Path(os.fsdecode(arguments[0])).name
            if program not in ALLOWED_PROGRAMS:
                self.seen.append(f"{event} {arguments[:2]!r:.200}")
                return True
        elif event == "pickle.find_class":
            if str(arguments[0]).partition(".")[0] not in PICKLED:
                self.seen.append(f"{event} {arguments!r:.200}")
        elif event in ("compile", "exec") and self._marked(arguments[0]):
            self.seen.append(f"{event} of a stranger's text")
        return False

    def _marked(self, code: object) -> bool:
        if isinstance(code, str | bytes):
            return MARK in (code if isinstance(code, str) else code.decode("latin-1"))
        names = (*getattr(code, "co_names", ()), *getattr(code, "co_consts", ()))
        return any(isinstance(name, str) and MARK in name for name in names)

    def _check_path(self, event: str, path: str) -> None:
        if not any(path == root or path.startswith(root + "/") for root in self._writable):
            self.seen.append(f"{event} {path}")


def _folders(arguments: tuple, count: int) -> list[Path]:
    """Where each of the first `count` arguments, if relative, is: the last ones are open folders."""
    last = arguments[count:][-count:]
    handles = last if all(isinstance(each, int) for each in last) and len(last) == count else [-1] * count
    return [Path(f"/proc/self/fd/{each}") if each >= 0 else Path() for each in handles]


def answer(watch: Watch, case: dict) -> dict:
    """Run the command line once."""
    from vggsearch.cli import main

    os.chdir(case["folder"])
    out, err = io.StringIO(), io.StringIO()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins again
    before, begun = peak_bytes(), cpu_s()
    watch.begin(case["writable"])
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(case["arguments"])
    except BaseException:  # noqa: BLE001 - whatever it is, the test must hear of it
        status = None
        err.write(traceback.format_exc())
    did = watch.end()
    return {
        "status": status,
        "out": out.getvalue(),
        "err": err.getvalue(),
        "did": did,
        "cpu_s": cpu_s() - begun,
        "peak_bytes": peak_bytes() - before,
    }


def cpu_s() -> float:
    """CPU seconds of this process, and of those it waited for."""
    own, theirs = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in (own, theirs))


def peak_bytes() -> int:
    """Most resident memory since the peak began."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def serve() -> None:
    """Answer case after case until standard input ends."""
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_DATA_BYTES, MAX_DATA_BYTES))
    import matplotlib.font_manager  # noqa: F401 - asks the system for its fonts, once
    import torch  # noqa: F401 - takes seconds and memory that are no case's

    watch = Watch()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.addaudithook(watch)
    for line in sys.stdin:
        answers.write(json.dumps(answer(watch, json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
