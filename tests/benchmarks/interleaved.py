"""Two things or more, timed in turn in one job: what is compared has met the same machine."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Times:
    """Seconds of each, by name, in the order of the rounds."""

    seconds: Mapping[str, list[float]]

    def ratios(self, slow: str, fast: str) -> list[float]:
        """How many times as long the first takes, round by round."""
        pairs = zip(self.seconds[slow], self.seconds[fast], strict=True)
        return [one / other for one, other in pairs]


def in_turn(
    benchmark,
    works: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Times:
    """Do every work once a round, in an order that turns around from round to round."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    order = list(works)

    def one_round() -> None:
        for name in order:
            begun = clock()
            works[name]()
            seconds[name].append(clock() - begun)
        order.reverse()

    benchmark.pedantic(one_round, rounds=rounds)
    return Times(seconds)


def note(benchmark, figure: str, values: list[float], goal: str) -> float:
    """Keep a figure for the table: its median, what it was among, and what was wanted."""
    middle = statistics.median(values)
    benchmark.extra_info[figure] = {
        "median": middle,
        "least": min(values),
        "most": max(values),
        "n": len(values),
        "goal": goal,
    }
    return middle
