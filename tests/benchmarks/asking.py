"""What asking costs: CPU seconds of one proposal after 1000 results, in a space of more than 10⁵ members.

python tests/benchmarks/asking.py [RESULTS]
"""

import sys
import time

import numpy as np

from vggsearch.arch import FASHION_MNIST
from vggsearch.space import Choice, SearchSpace, members_of
from vggsearch.study.file import Model, Rungs, Screen, full_runs
from vggsearch.study.search.strategies import make_strategy
from vggsearch.study.search.strategy import Goal, History, Observation

REPEATS = 20

SPACE = SearchSpace(
    num_blocks=(3, 4),
    convs_per_block=Choice((1, 2), True),
    ratio=Choice((4, 8, 12, 16), True),
    kernel_size=Choice((3, 5, 7), True),
    batch_norm=(True,),
    task=FASHION_MNIST,
)
"""24³ + 24⁴ = 345 600 members."""


def history(results: int, quotas: tuple[int, ...], objectives: int) -> History:
    """Results of random members: all short runs that are wanted, and full runs."""
    rng = np.random.default_rng(0)
    members = members_of(SPACE, 2 * results, 0)
    told: list[Observation] = []
    asked: list[set[str]] = [set() for _ in quotas]
    rungs = np.repeat(np.arange(len(quotas)), quotas)[:results]
    for row, rung in zip(rng.permutation(len(members)), rungs, strict=False):
        net = str(members.architecture(int(row)))
        gains = np.array([rng.normal(0.85, 0.02), *-rng.uniform(5, 7, objectives - 1)])
        told.append(Observation(net, int(rung), gains))
        asked[rung].add(net)
    return History(told, set(), asked)


def _runs(settings: Rungs | Screen | Model, trials: int) -> int:
    """All runs of a search that may cost so many full ones."""
    return sum(settings.short_runs(trials, SPACE.count)) + full_runs(settings, trials, SPACE.count)


def main() -> int:
    """Print a line for each strategy and number of objectives."""
    results = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    names = ("val_accuracy", "macs", "params")
    reference = {"val_accuracy": 0.5, "macs": 1e9, "params": 1e8}
    print(f"{SPACE.count:,} members, {results} results, mean of {REPEATS} proposals; CPU ms")
    for settings in (Rungs(), Screen(), Model(), Model(share=0)):
        for objectives in (1, 3):
            goal = Goal(SPACE, names[:objectives], reference, 0)
            trials = next(t for t in range(results + 1000) if _runs(settings, t) >= results + 2 * REPEATS)
            strategy = make_strategy(settings, goal, trials)
            known = history(results, strategy.quotas, objectives)
            begun = time.process_time()
            strategy.propose(known)
            first_s = time.process_time() - begun
            begun = time.process_time()
            for _ in range(REPEATS):
                proposal = strategy.propose(known)
                if proposal is not None:
                    known.asked[proposal.rung].add(str(proposal.architecture))
            each_s = (time.process_time() - begun) / REPEATS
            name = f"{settings.name}{'' if settings.divisors else ', no short runs'}"
            print(f"{name:24} {objectives} objectives: {1000 * each_s:7.1f}; the first {first_s:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
