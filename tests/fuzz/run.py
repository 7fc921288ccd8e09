"""The long form: every parser under atheris, which follows coverage; `make fuzz`.

    python tests/fuzz/run.py [--inputs N] [--target NAME]... [--seconds S] [--seed N] [--at-once N]

A million inputs and more, shared out as in `targets.py`; `--inputs` asks for another number in all, and
`--seconds` ends each target after so long. Prints a table, and every input that broke a promise; the exit
status is 1 where there is one, or where a target ended early, and 2 where atheris is not installed.
"""

import argparse
import importlib.util
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

SEED = 20261126
HANG_S = 30
"""Wall seconds after which an input hangs, however busy the machine; `contract.judge` measures CPU time."""

RSS_MB = 3000
"""Of a process in all, torch and the corpus included; `contract.judge` measures what one input takes."""

_RUNS = re.compile(rb"^#([0-9]+)\s.*?(?:cov: ([0-9]+))", re.MULTILINE)
_DONE = re.compile(rb"^Done ([0-9]+) runs in", re.MULTILINE)


@dataclass(frozen=True)
class Result:
    """What came of fuzzing one target."""

    name: str
    wanted: int
    inputs: int
    seconds: float
    edges: int
    found: tuple[bytes, ...]
    """Inputs that broke a promise."""
    said: str
    """The end of what the process printed, where something is wrong."""

    @property
    def short(self) -> bool:
        """Whether the process ended before its share was done, without finding anything."""
        return bool(self.said) and not self.found


def fuzz(name: str, inputs: int, seconds: int, seed: int) -> Result:
    """Fuzz one target in a process of its own."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vggsearch-fuzz-") as folder:
        options = (
            f"-runs={inputs}",
            f"-seed={seed}",
            f"-max_total_time={seconds}",
            f"-timeout={HANG_S}",
            f"-rss_limit_mb={RSS_MB}",
        )
        one = Path(__file__).with_name("one.py")
        done = subprocess.run([sys.executable, str(one), name, folder, *options], capture_output=True)
        found = tuple(path.read_bytes() for path in sorted(Path(folder, "found").glob("*")))
    printed = done.stdout + done.stderr
    progress = _RUNS.findall(printed)
    made = _DONE.findall(printed) or [count for count, _ in progress[-1:]]
    return Result(
        name,
        inputs,
        int(made[-1]) if made else 0,
        time.monotonic() - begun,
        int(progress[-1][1]) if progress else 0,
        found,
        "" if done.returncode == 0 else _end(printed),
    )


def _end(printed: bytes) -> str:
    """Of what was printed, the traceback, or else the last lines."""
    text = printed.decode(errors="replace")
    _, marked, after = text.partition("=== Uncaught Python exception: ===")
    lines = [line for line in (after if marked else text).splitlines() if line.strip()]
    return "\n".join(lines[:40] if marked else lines[-40:])


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz the targets named, and print what came of it."""
    options = _options(arguments)
    if importlib.util.find_spec("atheris") is None:
        print(
            "fuzz: needs atheris, which is not installed here: pip install 'vggsearch[fuzz]'", file=sys.stderr
        )
        return 2
    from targets import TARGETS

    chosen = [target for target in TARGETS if not options.target or target.name in options.target]
    if unknown := set(options.target or ()) - {target.name for target in TARGETS}:
        print(f"fuzz: no target is named {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    planned = sum(target.inputs for target in chosen)
    factor = 1 if options.inputs is None else options.inputs / planned
    print(f"seed {options.seed}; {round(planned * factor):,} inputs to {len(chosen)} parsers", flush=True)
    with ThreadPoolExecutor(options.at_once) as pool:
        results = list(
            pool.map(
                lambda target: _told(
                    fuzz(target.name, max(1, round(target.inputs * factor)), options.seconds, options.seed)
                ),
                sorted(chosen, key=lambda target: target.name not in SLOW),
            )
        )
    total = sum(result.inputs for result in results)
    findings = sum(len(result.found) for result in results)
    ended = [result.name for result in results if result.short]
    print(f"{total:,} inputs to {len(results)} parsers, {findings} broke a promise; seed {options.seed}")
    if ended:
        print(f"ended before their inputs were done: {', '.join(ended)}")
    return 1 if findings or ended else 0


SLOW = ("study", "report-lines", "report-contents", "image", "plan", "notes")
"""Begun first, so that none is left alone at the end."""


def _told(result: Result) -> Result:
    """Print a line of the table, and what was found."""
    rate = result.inputs / result.seconds
    print(
        f"{result.name:16} {result.inputs:9,} inputs {result.seconds:6.0f} s {rate:7.0f}/s "
        f"{result.edges:6} edges  {len(result.found)} findings",
        flush=True,
    )
    if result.said:
        print(result.said)
    for data in result.found:
        print(f"input: {data!r}", flush=True)
    return result


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Hostile inputs to every parser.")
    parser.add_argument("--inputs", type=int, help="in all; by default those of targets.py")
    parser.add_argument("--target", action="append", help="this one alone; may be given again")
    parser.add_argument("--seconds", type=int, default=0, help="most for one target; 0: no limit")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--at-once", type=int, default=2, help="targets at once, a core each")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
