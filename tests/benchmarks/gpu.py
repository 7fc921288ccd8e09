"""All that only an accelerator can show, by one command in at most ten minutes.

    python tests/benchmarks/gpu.py [--rehearse] [--minutes N] [--only WORDS] [--output FILE]

Runs the tests that need an accelerator and the benchmark `test_gpu.py`, in the order of their importance,
prints a table, and writes it to FILE (`gpu.md`). What does not fit into the time is listed as not reached.
The status is 1 if a test failed, and 2 without an accelerator. `--rehearse` goes the same way on the CPU with
tiny nets, in about a minute: its figures mean nothing. `--only` takes pytest's `-k`.
"""

import argparse
import os
import platform
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PARTS = (
    "devices/test_accelerator.py::test_peak_memory_of_an_accelerator",
    "data/test_batches.py::test_on_a_gpu_nothing_in_a_batch_waits_for_the_device",
    "training/test_graph.py::test_on_a_gpu_a_graph_trains_as_the_steps_do",
    "benchmarks/test_gpu.py",
)


class Limit:
    """Ends a test that takes longer than what is left of the time, and lists what was not reached."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds
        self.outcomes: list[tuple[str, str]] = []
        self.figures: list[tuple[str, dict[str, object]]] = []

    def pytest_runtest_setup(self) -> None:
        left = self.end - time.monotonic()
        if left <= 0:
            pytest.skip("not reached: no time left")
        signal.signal(signal.SIGALRM, self._ring)
        signal.setitimer(signal.ITIMER_REAL, left)

    def pytest_runtest_teardown(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            text = report.longreprtext if report.failed else str(getattr(report, "wasxfail", ""))
            if report.skipped and isinstance(report.longrepr, tuple):
                text = report.longrepr[2].removeprefix("Skipped: ")
            last = [line for line in text.splitlines() if line.strip()][-1:]
            self.outcomes.append((report.nodeid.rpartition("/")[2], " ".join([report.outcome, *last])))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        benches = getattr(session.config, "_benchmarksession").benchmarks  # noqa: B009 - the plugin's own
        self.figures = [(name, value) for bench in benches for name, value in bench.extra_info.items()]

    def _ring(self, *_: object) -> None:
        raise TimeoutError("not finished when the time was over")


def lines(limit: Limit, kind: str) -> Iterator[str]:
    """The report, in Markdown."""
    import torch

    from vggsearch.devices import backend_of

    device = torch.device(kind)
    if kind == "cpu":
        yield "**Rehearsal on the CPU: the figures mean nothing.**\n"
    yield f"{backend_of(device).name}, `{kind}`, torch {torch.__version__}, {platform.platform()}\n"
    yield "| figure | median (least to most) | n | goal |\n|:---|---:|---:|:---|"
    for name, value in limit.figures:
        spread = f"{value['median']:.4g} ({value['least']:.4g} to {value['most']:.4g})"
        yield f"| {name} | {spread} | {value['n']} | {value['goal']} |"
    yield "\n| test | outcome |\n|:---|:---|"
    for name, outcome in limit.outcomes:
        yield f"| `{name}` | {outcome.replace('|', '/')[:160]} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rehearse", action="store_true", help="on the CPU, with tiny nets")
    parser.add_argument("--minutes", type=float, default=10.0, help="limit of all tests together")
    parser.add_argument("--only", default="", help="run only tests whose names have these words")
    parser.add_argument("--output", type=Path, default=Path("gpu.md"), help="file for the table")
    given = parser.parse_args()
    from vggsearch.devices import resolve_device

    kind = "cpu" if given.rehearse else resolve_device("auto")
    if kind == "cpu" and not given.rehearse:
        print("torch sees no accelerator here: --rehearse goes the same way on the CPU", file=sys.stderr)
        return 2
    os.environ["BENCH_DEVICE"] = kind
    limit = Limit(60 * given.minutes)
    parts = [str(TESTS / part) for part in PARTS]
    options = ["-o", "addopts=-q", "-p", "no:cacheprovider", "--rootdir", str(TESTS.parent), "-k", given.only]
    status = pytest.main([*options, *parts], plugins=[limit])
    text = "\n".join(lines(limit, kind))
    given.output.write_text(text + "\n", encoding="utf-8")
    print(f"\n{text}\n\nwritten to {given.output}")
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
