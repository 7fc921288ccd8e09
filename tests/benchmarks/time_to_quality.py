"""How long until a search has a net as good as the plain script's after ten minutes, on test images.

    python tests/benchmarks/time_to_quality.py DATA_DIR [REPETITIONS [SECONDS [STUDY]]]

A repetition is `plain_search.py` for SECONDS (600), then `vggsearch run STUDY` (studies/quickstart.yaml,
without finalists) in an empty store, with an empty cache; both have all cores and a seed of their own, and
every other repetition is the other way round. Seconds count from the command.

The judge is this script. A search is never told of test images: when it has ended, each net that was its best
on validation at some time is trained again, for the steps that it was trained, as a run of its own that is
tested (`evaluate_on`). The training's seconds decided its number of steps, so this is the same net but for
what the clock did to the learning rate. Nets of the random baseline count, as the user has them.

Prints a line a repetition, then SECONDS over those of our equal net: median (least to most). A net that the
script has begun it also ends, after SECONDS, and it counts as the script's: so the ratio is a low one.
"""

import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml

from vggsearch.data import SearchData, load_search_data, load_test_images
from vggsearch.recipe import Budget
from vggsearch.runs import Outcome, RunRecord
from vggsearch.store import Store
from vggsearch.study import load_study, read_results
from vggsearch.system import allowed_cores
from vggsearch.training import train

HERE = Path(__file__).parent
QUICKSTART = HERE.parent.parent / "studies" / "quickstart.yaml"
DATA = "fashion-mnist"


@dataclass(frozen=True)
class Incumbent:
    """A net that was the best on validation when it was done."""

    s: float
    """Seconds since the command."""
    nets: int
    """Nets that were done by then."""
    val: float
    test: float

    def __str__(self) -> str:
        return f"{self.test:.2%} test ({self.val:.2%} val) after {self.s:.0f} s, {self.nets} nets"


def environment(cache: Path) -> dict[str, str]:
    """As at a prompt: threads are not limited, and nothing is remembered."""
    kept = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    return kept | {"XDG_CACHE_HOME": str(cache)}


def by_script(root: Path, seconds: float, seed: int) -> list[Incumbent]:
    command = [sys.executable, str(HERE / "plain_search.py"), str(root), str(seconds), str(seed)]
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment(root), check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    # Starting Python and importing counts: what follows the search, the test, does not.
    last = found[-1]
    print(f"  script: {last['all_nets']} nets in {last['all_s']:.0f} s", end="; ", file=sys.stderr)
    print(f"{time.perf_counter() - begun:.0f} s with imports and tests", file=sys.stderr)
    return [Incumbent(one["s"], one["nets"], one["val"], one["test"]) for one in found]


def by_search(data_dir: Path, study_file: Path, seed: int, made: Path, data: SearchData) -> list[Incumbent]:
    settings = yaml.safe_load(study_file.read_text())
    settings |= {"seed": seed, "finalists": None}
    copy = made / study_file.name
    copy.write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-m", "vggsearch.cli", "run", str(copy)]
    command += ["--store", str(made / "store"), "--data-dir", str(data_dir), "--device", "cpu"]
    begun = time.time()
    subprocess.run(command, capture_output=True, env=environment(made / "cache"), check=True)
    print(f"  search: {time.time() - begun:.0f} s", file=sys.stderr)
    results = read_results(Store.open(made / "store"), load_study(copy))
    done = sorted(results.runs.values(), key=lambda run: run.provenance.finished_at if run.provenance else 0)
    return list(judged(done, begun, data, data_dir))


def judged(runs: list[RunRecord], begun: float, data: SearchData, data_dir: Path) -> Iterator[Incumbent]:
    """The incumbents among runs in the order in which they ended."""
    best = 0.0
    for nets, run in enumerate(runs, start=1):
        if run.outcome is not Outcome.COMPLETED or run.val_accuracy is None or run.val_accuracy <= best:
            continue
        best = run.val_accuracy
        assert run.provenance is not None
        again = run.key.model_copy(
            update={"budget": Budget(steps=run.steps), "device_model": None, "evaluate_on": "test"}
        )
        tested = train(
            again,
            data,
            torch.device("cpu"),
            test_images=lambda: load_test_images(DATA, data_dir=data_dir),
        )
        assert tested.test_accuracy is not None
        yield Incumbent(run.provenance.finished_at - begun, nets, best, tested.test_accuracy)


def for_torchvision(data_dir: Path, root: Path) -> None:
    """A folder in which torchvision's `FashionMNIST` finds the files."""
    raw = root / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for path in data_dir.glob("*.gz"):
        (raw / path.name.removesuffix(".gz")).write_bytes(gzip.decompress(path.read_bytes()))


def main() -> None:
    data_dir, *more = sys.argv[1:]
    repetitions, seconds = int(more[0]) if more else 3, float(more[1]) if more[1:] else 600.0
    study_file = Path(more[2]) if more[2:] else QUICKSTART
    data = load_search_data(DATA, data_dir=Path(data_dir), val_fraction=0.1, split_seed=0)
    ratios: list[float] = []
    print(f"{len(allowed_cores())} cores, load {os.getloadavg()[0]:.1f} at the start", flush=True)
    for seed in range(repetitions):
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder)
            for_torchvision(Path(data_dir), made / "root")
            if seed % 2 == 0:
                script = by_script(made / "root", seconds, seed)
                ours = by_search(Path(data_dir), study_file, seed, made, data)
            else:
                ours = by_search(Path(data_dir), study_file, seed, made, data)
                script = by_script(made / "root", seconds, seed)
        theirs = script[-1]
        equal = next((one for one in ours if one.test >= theirs.test), None)
        print(f"{seed}: script {theirs}; ours first {ours[0]}; best {ours[-1]}; as good: {equal or 'none'}")
        if equal is not None:
            ratios.append(seconds / equal.s)
            print(f"   {ratios[-1]:.1f} times as fast, load {os.getloadavg()[0]:.1f}", flush=True)
    if ratios:
        spread = f"({min(ratios):.1f} to {max(ratios):.1f})"
        print(f"{statistics.median(ratios):.1f} {spread}, n = {len(ratios)} of {repetitions}")


if __name__ == "__main__":
    main()
