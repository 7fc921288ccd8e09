"""What every parser promises of whatever it is given: it returns, or says in one line what is wrong."""

import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mutation import Form

MAX_LINE = 5000
"""Longest message, in characters: a few values, and no whole file."""

MAX_CPU_S = 2.0
MAX_GROWTH_MB = 500
"""Most time and memory that a small input may take."""

Parse = Callable[[bytes], object]


class BrokenPromiseError(Exception):
    """A finding that is no exception of the parser's own."""


@dataclass(frozen=True)
class Ready:
    """A parser that may be called, and inputs that it understands."""

    parse: Parse
    seeds: Sequence[bytes]


@dataclass(frozen=True)
class Target:
    """One parser, as the program calls it."""

    name: str
    make: Callable[[Path], Ready]
    """Given a folder of its own."""
    told: tuple[type[Exception], ...]
    """Exceptions whose text is a line for a person: all that may leave the parser."""
    form: Form
    inputs: int
    """In the long form, of the million."""
    tokens: tuple[bytes, ...] = ()
    max_bytes: int = 4096


def judge(target: Target, parse: Parse, data: bytes) -> None:
    """Parse `data`; whatever is raised is a finding."""
    begun_s, before_kb = time.process_time(), _peak_kb()
    try:
        parse(data)
    except target.told as error:
        _check_line(error)
    spent_s, grown_mb = time.process_time() - begun_s, (_peak_kb() - before_kb) / 1024
    if spent_s > MAX_CPU_S:
        raise BrokenPromiseError(f"{spent_s:.1f} s of CPU for {len(data)} bytes")
    if grown_mb > MAX_GROWTH_MB:
        raise BrokenPromiseError(f"{grown_mb:.0f} MB for {len(data)} bytes")


def _check_line(error: Exception) -> None:
    text = str(error)
    if not text or not text.isprintable() or len(text) > MAX_LINE:
        raise BrokenPromiseError(f"no line for a person: {text[:500]!a}, {len(text)} characters") from error


def _peak_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
