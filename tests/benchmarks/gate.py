"""Is a search better than chance? Hundreds of replays of every strategy on a table, and what they pick.

    python tests/benchmarks/gate.py tables/vgg-table.csv.gz          (all strategies, 200 replays of each)
    python tests/benchmarks/gate.py TABLE --strategies model,random --replays 20 --budgets 25,50
    python tests/benchmarks/gate.py TABLE --strategies "screen; {name: screen, share: 0.3}"

Every replay is a whole search through the real controller, with two simulated workers. It sees one seed of
the table; what it picks, the best of its full runs, is scored by the *other* seeds. F is the cost of one full
run; short runs count by their share of it. Half of the replays see the first seed, half the second.

    quality   mean accuracy of the pick with the other seeds, at the full budget
    rank      of the pick among all members by that mean, 1 the best
    volume    hypervolume of the picked front (accuracy with the other seeds, MACs), up to the reference
    regret    quality of the best pick of any replay less that of the best so far, along the search

The gate: at 50 F at most 0.05 pp below random search at 200 F (lower end of the 95 % interval), and better
than random, TPE and NSGA-II at 50 F. Intervals are from a bootstrap over replays and over the members that
were picked, because the seeds share one table.

Replays are kept as JSON lines, so that an interrupted gate continues.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from vggsearch.analysis import front
from vggsearch.analysis.pareto import hypervolume
from vggsearch.study import SearchStudy, parse_study
from vggsearch.tables import Table, load_table, replay_study

STRATEGIES: Mapping[str, object] = {
    "random": "random",
    "tpe": "tpe",
    "nsga2": "nsga2",
    "gp": "gp",
    "rungs": {"name": "rungs", "eta": 3, "rungs": 3},
    "screen": {"name": "screen", "short": 9},
    "model": {"name": "model", "short": 9},
    "model-full": {"name": "model", "share": 0},
}
"""What is compared, as a study file writes it; `--strategies` may hold others."""

BUDGETS = (25, 50, 100, 200)
"""Full runs that a search may cost."""

REFERENCE = {"val_accuracy": 0.5, "macs": 1e8}
"""Worse than this adds nothing to a hypervolume."""

POINTS = 40
"""Moments of the anytime curve, evenly spaced over the budget."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What one replay picked."""

    strategy: str
    budget: int
    objectives: int
    replay: int
    seed: int
    """The table's seed that the search saw."""
    pick: str
    quality: float
    rank: float
    volume: float
    simulated_s: float
    """Seconds of the simulated clock."""
    asking_s: float
    """CPU seconds of the controller, which include asking."""
    curve: tuple[float, ...]
    """Quality of the best so far, after each of `POINTS` equal parts of the budget; NaN before a full run."""


@dataclass(frozen=True)
class Judge:
    """The table, and what its other seeds say of each member."""

    table: Table
    truth: Mapping[int, pd.Series]
    """By the seed that is searched: mean accuracy of each member with the others."""

    @classmethod
    def of(cls, path: Path) -> "Judge":
        """The judge of a table file."""
        table = load_table(path)
        runs = table.frame()
        full = runs[(runs["amount"] == table.header.full.amount) & (runs["outcome"] == "completed")]
        truth = {
            int(seed): full[full["seed"] != seed].groupby("architecture")["val_accuracy"].mean()
            for seed in sorted(full["seed"].unique())[:2]
        }
        return cls(table, truth)

    def study(self, strategy: object, budget: int, objectives: int, seed: int) -> SearchStudy:
        """The search that is replayed."""
        made = yaml.safe_load(self.table.header.study)
        settings = {
            **{key: made[key] for key in ("data", "space", "recipe", "budget")},
            "strategy": strategy,
            "trials": budget,
            "baseline": False,
            "finalists": None,
            "seed": seed,
        }
        if objectives > 1:
            settings |= {"objectives": list(REFERENCE), "reference": REFERENCE}
        return parse_study(yaml.safe_dump(settings), Path("gate.yaml"))  # type: ignore[return-value]


def replay(judge: Judge, name: str, budget: int, objectives: int, number: int) -> Replayed:
    """One search, and what its pick is worth."""
    seeds = sorted(judge.truth)
    seen = seeds[number % len(seeds)]
    strategy = STRATEGIES[name] if name in STRATEGIES else yaml.safe_load(name)
    study = judge.study(strategy, budget, objectives, seed=1000 + number)
    begun = time.process_time()
    results = replay_study(study, judge.table, seed=seen)
    asking_s = time.process_time() - begun
    truth = judge.truth[seen]
    frame = results.frame()
    searched = frame[(frame["stage"] == "search") & (frame["outcome"] == "completed")]
    searched = searched.drop_duplicates("architecture")
    pick = str(searched.loc[searched["val_accuracy"].idxmax(), "architecture"])
    picked_front = front(searched, tuple(REFERENCE))
    known = picked_front.assign(val_accuracy=picked_front["architecture"].map(truth))
    return Replayed(
        strategy=name,
        budget=budget,
        objectives=objectives,
        replay=number,
        seed=seen,
        pick=pick,
        quality=float(truth[pick]),
        rank=float((truth > truth[pick]).sum() + 1),
        volume=hypervolume(known, tuple(REFERENCE), REFERENCE),
        simulated_s=float(frame["told_at"].max()),
        asking_s=asking_s,
        curve=tuple(_curve(frame, truth, study, budget)),
    )


def _curve(frame: pd.DataFrame, truth: pd.Series, study: SearchStudy, budget: int) -> Iterator[float]:
    """Quality of the best full run so far, by what was spent."""
    ended = frame.drop_duplicates("digest").sort_values("told_at", kind="stable")
    share = ended["budget"].map({str(one): one.amount / study.budget.amount for one in study.short_budgets})
    spent = share.fillna(1.0).cumsum().to_numpy()
    full = ((ended["stage"] == "search") & (ended["outcome"] == "completed")).to_numpy()
    seen = np.where(full, ended["val_accuracy"].to_numpy(dtype=float), -np.inf)
    best = np.maximum.accumulate(seen)
    holder = np.maximum.accumulate(np.where(seen >= best, np.arange(len(seen)), 0))
    worth = ended["architecture"].map(truth).to_numpy(dtype=float)[holder]
    for part in range(1, POINTS + 1):
        row = int(np.searchsorted(spent, budget * part / POINTS + 1e-9)) - 1
        yield float(worth[row]) if row >= 0 and np.isfinite(best[row]) else float("nan")


@lru_cache(maxsize=1)
def _judge(path: Path) -> Judge:
    return Judge.of(path)


def _work(job: tuple[Path, str, int, int, int]) -> Replayed:
    path, *rest = job
    return replay(_judge(path), *rest)


def collect(path: Path, kept: Path, jobs: Sequence[tuple[str, int, int, int]], workers: int) -> pd.DataFrame:
    """Make the replays that `kept` lacks, and return all."""
    done = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    known = {(one["strategy"], one["budget"], one["objectives"], one["replay"]) for one in done}
    missing = [(path, *job) for job in jobs if job not in known]
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.open("a") as file, ProcessPoolExecutor(workers) as pool:
        for number, one in enumerate(pool.map(_work, missing, chunksize=4), start=1):
            done.append(asdict(one))
            print(json.dumps(done[-1]), file=file, flush=True)
            if number % 100 == 0:
                print(f"{number} of {len(missing)} replays", file=sys.stderr)
    wanted = set(jobs)
    chosen = [
        one for one in done if (one["strategy"], one["budget"], one["objectives"], one["replay"]) in wanted
    ]
    return pd.DataFrame(chosen)


def bootstrap(
    one: pd.DataFrame, other: pd.DataFrame, column: str, resamples: int = 2000
) -> tuple[float, ...]:
    """Difference of the means of `column`, and its 95 % interval.

    Replays are drawn with replacement. The members that they picked have random weights (the Bayesian
    bootstrap), which both sides share.
    """
    rng = np.random.default_rng(0)
    members = sorted({*one["pick"], *other["pick"]})
    position = {text: i for i, text in enumerate(members)}
    found = np.empty(resamples)
    for i in range(resamples):
        weights = rng.exponential(size=len(members))
        found[i] = _mean(one, column, weights, position, rng) - _mean(other, column, weights, position, rng)
    low, high = np.quantile(found, [0.025, 0.975])
    return float(one[column].mean() - other[column].mean()), float(low), float(high)


def _mean(
    replays: pd.DataFrame,
    column: str,
    weights: np.ndarray,
    position: Mapping[str, int],
    rng: np.random.Generator,
) -> float:
    drawn = rng.integers(len(replays), size=len(replays))
    own = weights[[position[text] for text in replays["pick"].to_numpy()[drawn]]]
    return float(np.average(replays[column].to_numpy()[drawn], weights=own))


def summary(replays: pd.DataFrame) -> pd.DataFrame:
    """Means by strategy and budget."""
    groups = replays.groupby(["objectives", "strategy", "budget"], sort=False)
    return groups.agg(
        replays=("quality", "size"),
        quality=("quality", "mean"),
        sd=("quality", "std"),
        rank=("rank", "median"),
        volume=("volume", "mean"),
        simulated_s=("simulated_s", "mean"),
        asking_s=("asking_s", "mean"),
    ).reset_index()


def verdicts(replays: pd.DataFrame, name: str, at: int = 50, against: int = 200) -> Iterator[str]:
    """What the gate says of a strategy, in sentences."""
    for objectives, column, unit in ((1, "quality", "pp"), (2, "volume", "of volume")):
        own = _of(replays, name, at, objectives)
        rivals = [("random", against), ("random", at), ("tpe", at), ("nsga2", at)]
        for rival, budget in rivals:
            other = _of(replays, rival, budget, objectives)
            if not len(own) or not len(other):
                continue
            scale = 100 if unit == "pp" else 1
            mean, low, high = (scale * value for value in bootstrap(own, other, column))
            limit = -0.05 if (unit, budget) == ("pp", against) else 0.0
            met = "met" if low > limit else "MISSED"
            yield (
                f"{name} at {at} F against {rival} at {budget} F: {mean:+.3f} {unit} "
                f"(95 % {low:+.3f} to {high:+.3f}): {met}"
            )


def _of(replays: pd.DataFrame, name: str, budget: int, objectives: int) -> pd.DataFrame:
    chosen = (replays["strategy"] == name) & (replays["budget"] == budget)
    return replays[chosen & (replays["objectives"] == objectives)]


def curves(replays: pd.DataFrame) -> Iterable[str]:
    """Anytime regret of each strategy at the largest budget, as lines of a Markdown table; in pp."""
    largest = replays[(replays["budget"] == replays["budget"].max()) & (replays["objectives"] == 1)]
    best = largest["quality"].max()
    parts = (0.1, 0.25, 0.5, 0.75, 1.0)
    yield f"| strategy | {' | '.join(f'{part:.0%} of the budget' for part in parts)} |"
    yield f"|---|{'---|' * len(parts)}"
    for name, own in largest.groupby("strategy", sort=False):
        matrix = np.array(own["curve"].tolist(), dtype=float)
        cells = [matrix[:, max(0, round(part * POINTS) - 1)] for part in parts]
        regret = [100 * (best - np.nanmean(cell)) if np.isfinite(cell).any() else np.nan for cell in cells]
        yield f"| {name} | {' | '.join('–' if np.isnan(v) else f'{v:.2f}' for v in regret)} |"


def main() -> int:
    """Make the replays and print what they say."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--strategies", default=",".join(STRATEGIES))
    parser.add_argument("--replays", type=int, default=200)
    parser.add_argument("--budgets", default=",".join(map(str, BUDGETS)))
    parser.add_argument("--objectives", default="1,2")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--kept", type=Path, help="file of the replays so far; default gate-NAME.jsonl")
    parser.add_argument("--judged", default="model", help="the strategy that the gate is asked about")
    options = parser.parse_args()
    split = options.strategies.split(";" if "{" in options.strategies else ",")
    names = [name.strip() for name in split]
    budgets = [int(budget) for budget in options.budgets.split(",")]
    jobs = [
        (name, budget, objectives, number)
        for number in range(options.replays)
        for name in names
        for budget in budgets
        for objectives in map(int, options.objectives.split(","))
        if not (name == "nsga2" and budget < 10)
    ]
    kept = options.kept or Path(f"gate-{options.table.name.partition('.')[0]}.jsonl")
    replays = collect(options.table, kept, jobs, options.workers)
    with pd.option_context(
        "display.width", 200, "display.max_rows", 500, "display.float_format", "{:.4f}".format
    ):
        print(summary(replays).to_string(index=False))
    print()
    print("\n".join(curves(replays)))
    print()
    print("\n".join(verdicts(replays, options.judged, min(budgets, key=lambda b: abs(b - 50)), max(budgets))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
