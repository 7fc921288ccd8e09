"""What was found out about files, kept in the cache for as long as they keep their sizes and times.

The cache is a help and no more: where it cannot be written or read, things are found out again.
"""

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

from vggsearch.data.locations import cache_dir
from vggsearch.text import Json

_MOST_BYTES = 1 << 28


def fingerprint(identity: str, files: Iterable[Path]) -> str:
    """Return a digest of a text and of the files' paths, sizes and modification times.

    A file that has gone has neither.
    """
    found = hashlib.sha256(_encoded(identity))
    for path in files:
        try:
            stat = path.stat()
            state = f"{stat.st_size}\0{stat.st_mtime_ns}"
        except OSError:
            state = "absent"
        found.update(_encoded(f"\0{path}\0{state}"))
    return found.hexdigest()


def recall(kind: str, subject: str, state: str) -> Json:
    """Return what was remembered of `subject` in that state; None if nothing was."""
    try:
        path = _path(kind, subject)
        if path.stat().st_size > _MOST_BYTES:
            return None
        kept = json.loads(path.read_text())
        content = json.dumps(kept["value"], sort_keys=True)
        sound = kept["state"] == state and kept["digest"] == hashlib.sha256(content.encode()).hexdigest()
        value: Json = kept["value"] if sound else None
        return value
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def remember(kind: str, subject: str, state: str, value: Json) -> None:
    """Keep `value` for `recall`, in place of what was known of `subject` before."""
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
    content = json.dumps({"state": state, "digest": digest, "value": value})
    path = _path(kind, subject)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False) as file:
            try:
                file.write(content)
            except OSError:
                Path(file.name).unlink()
                raise
        Path(file.name).replace(path)


def _path(kind: str, subject: str) -> Path:
    return cache_dir() / kind / f"{hashlib.sha256(_encoded(subject)).hexdigest()[:32]}.json"


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
