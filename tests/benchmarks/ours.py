"""The same work as `plain.py`, by a study of vggsearch: a search of the listed nets, one worker a core.

    python ours.py DATA_DIR BUDGET PRECISION ARCHITECTURE ...

With everything that a study does besides: asks, records, checkpoints, learning curves, latency. Another
small study comes first, so that torch is loaded and the data in memory, as there. A budget is steps, or
seconds with an s behind them; the recipe is `fast`, in that precision. Prints which part of the workers' time
was not training, then the seconds; on standard error what each run spent.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

from vggsearch.data import data_key, describe
from vggsearch.execution.local import LocalExecutor
from vggsearch.store import Store
from vggsearch.study import Conditions, Session, StudyResults
from vggsearch.study.file.load import parse_study
from vggsearch.study.run import run_study
from vggsearch.system import allowed_cores
from vggsearch.training import device_model

WARM_UP = ("1x4+bn+gap", "1x8+bn+gap")


def main() -> None:
    data_dir, budget, precision, *nets = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        search_and_time(Path(data_dir), budget, precision, nets, Path(folder))


def search_and_time(where: Path, budget: str, precision: str, nets: list[str], made: Path) -> None:
    store = Store.open(made / "store", create=True)
    with LocalExecutor(len(allowed_cores()), "cpu", where, checkpoints=store.checkpoints) as executor:

        def search(name: str, architectures: Sequence[str], spent: dict[str, float]) -> StudyResults:
            settings = {
                "question": "How long does it take?",
                "data": {"name": "fashion-mnist"},
                "architectures": list(architectures),
                "recipe": {"base": "fast", "precision": precision},
                "budget": spent,
                "sampler": "grid",
                "finalists": None,
            }
            study = parse_study(yaml.safe_dump(settings), made / f"{name}.yaml")
            info, key = (
                describe("fashion-mnist", where),
                data_key("fashion-mnist", data_dir=where, val_fraction=0.1, split_seed=0),
            )
            images = round(0.9 * info.train_size)
            conditions = Conditions(key, study.task(info.task), "cpu", device_model("cpu"), images)
            return run_study(study, Session(store, executor, conditions))

        search("warm-up", WARM_UP, {"steps": 1})
        begun = time.perf_counter()
        amount = {"seconds": float(budget[:-1])} if budget.endswith("s") else {"steps": int(budget)}
        results = search("speed", nets, amount)
        took = time.perf_counter() - begun
    assert len(results.runs) == len(nets)
    for run in results.runs.values():
        print(f"trained {run.train_wall_s:.1f} s, evaluated {run.eval_s:.1f} s", file=sys.stderr)
    print(1 - sum(run.train_wall_s for run in results.runs.values()) / took / len(allowed_cores()), took)


if __name__ == "__main__":
    main()
