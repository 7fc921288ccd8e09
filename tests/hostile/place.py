"""Where a stranger's files are looked at, what must stay as it was around it, and what was seen."""

import json
import os
import subprocess
import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

MAX_CPU_S = 20.0
MAX_WALL_S = 120.0
"""Only so that a hang ends: other work may hold a case up."""
MAX_PEAK_BYTES = 400 << 20
"""Growth of the process above what it had before the case: torch's own import is 250 MB."""
MAX_LINE = 1200


@dataclass(frozen=True)
class Told:
    """What a command answered and did."""

    status: int | None
    out: str
    err: str
    did: tuple[str, ...]
    """Of what no command may do."""
    cpu_s: float
    peak_bytes: int


class Watched:
    """The process that runs the cases, one after the other; what a case breaks is started again."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._process: subprocess.Popen | None = None

    def run(self, *arguments: str, folder: Path, writable: tuple[Path, ...]) -> Told:
        """One command, in `folder`."""
        process = self._process = self._process or self._start()
        case = {
            "arguments": arguments,
            "folder": str(folder),
            "writable": [str(p) for p in self._all(writable)],
        }
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(case) + "\n")
            process.stdin.flush()
            line = _line(process, MAX_WALL_S)
        except BrokenPipeError:
            line = ""
        if not line:
            self.stop()
            return Told(None, "", "Traceback: the process ended, or did not answer", (), MAX_WALL_S, 0)
        found = json.loads(line)
        return Told(**found | {"did": tuple(found["did"])})

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _all(self, writable: tuple[Path, ...]) -> tuple[Path, ...]:
        return (*writable, self._home)

    def _start(self) -> subprocess.Popen:
        own = {"HOME": "home", "XDG_CACHE_HOME": "cache", "MPLCONFIGDIR": "matplotlib", "TMPDIR": "tmp"}
        own["TORCHINDUCTOR_CACHE_DIR"] = "inductor"
        for name in own.values():
            (self._home / name).mkdir(exist_ok=True)
        places = {variable: str(self._home / name) for variable, name in own.items()}
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "watched.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **places, **threads},
            text=True,
        )


def _line(process: subprocess.Popen, seconds: float) -> str:
    """The next line that `process` writes; empty where none comes in time."""
    import select

    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    return process.stdout.readline() if ready else ""


class Place:
    """A folder that a stranger filled, one that is somebody's own, and commands run between the two."""

    def __init__(self, root: Path, watched: Watched) -> None:
        self.given = root / "given"
        """What the stranger gave: the commands' folder."""
        self.own = root / "own"
        """Not the stranger's: nothing in it may change."""
        self.out = root / "out"
        """Where reports may be written."""
        self._watched = watched
        for folder in (self.given, self.own, self.out):
            folder.mkdir(parents=True)
        for name in ("diary.txt", "figure.svg", "table.csv", ".tmp-mine", f"{'0' * 64}.json"):
            (self.own / name).write_text(f"mine: {name}\n")

    def text(self, name: str, content: str | bytes) -> str:
        """Write a file that the stranger gives, and return its name."""
        path = self.given / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    def images(self, name: str = "images", *, classes: tuple[str, ...] = ("a", "b"), count: int = 3) -> Path:
        """A folder of small grey images, that nothing is wrong with."""
        root = self.given / name
        for level, of in enumerate(classes):
            (root / of).mkdir(parents=True)
            for i in range(count):
                Image.new("L", (8, 8), 40 * level + i).save(root / of / f"{i}.png")
        return root

    def run(self, *arguments: str, writable: tuple[Path, ...] = ()) -> Told:
        """One command, held to what every command must keep; `writable` are the places it may write to."""
        places = (*writable, self.given / ".vggsearch", self.out)
        before = snapshot(self.own), snapshot(self.given, places)
        told = self._watched.run(*arguments, folder=self.given, writable=places)
        assert "Traceback" not in told.err, told.err[-3000:]
        assert told.did == (), told.did
        assert snapshot(self.own) == before[0], "somebody's own files were changed"
        after = snapshot(self.given, places)
        assert after == before[1], f"the stranger's files were changed: {set(after) ^ set(before[1])}"
        assert told.cpu_s <= MAX_CPU_S, told.cpu_s
        assert told.peak_bytes <= MAX_PEAK_BYTES, told.peak_bytes
        for text in (told.out, told.err):
            assert unsafe(text) == set(), text
        return told

    def refused(self, *arguments: str, writable: tuple[Path, ...] = ()) -> str:
        """The one line with which a command refuses what it was given."""
        told = self.run(*arguments, writable=writable)
        assert told.status == 2, (told.status, told.out[-500:], told.err[-500:])
        line, end, rest = told.err.partition("\n")
        assert (end, rest) == ("\n", ""), told.err
        assert line.startswith("vggsearch: error: ")
        assert len(line) <= MAX_LINE
        return line.removeprefix("vggsearch: error: ")


def unsafe(text: str) -> set[str]:
    """Characters that move a terminal's cursor, change its title or colours, or turn the writing round."""
    return {c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co")}


def snapshot(folder: Path, without: tuple[Path, ...] = ()) -> dict[str, tuple[object, ...]]:
    """Every file below `folder`: kind, size, time of its last change, and bytes where they are few."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        if any(path.is_relative_to(place) for place in without):
            continue
        stat = path.lstat()
        few = path.is_file() and not path.is_symlink() and stat.st_size < 100_000
        content = path.read_bytes() if few and os.access(path, os.R_OK) else None
        found[str(path.relative_to(folder))] = (stat.st_mode, stat.st_size, stat.st_mtime_ns, content)
    return found
