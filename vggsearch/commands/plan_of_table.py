"""`vggsearch plan` of a table: how many runs it has, and how long they take on this machine."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import torch

from vggsearch.arch import Architecture, Task
from vggsearch.commands.output import print_json
from vggsearch.costs import cost
from vggsearch.data import SearchData, load_search_data
from vggsearch.devices import resolve_device
from vggsearch.display import fetch_if_absent, make_console, table
from vggsearch.execution import default_workers
from vggsearch.recipe import Budget, total_steps
from vggsearch.runs import RunKey
from vggsearch.study import Resources, TableStudy, check_batch, table_runs
from vggsearch.text import duration
from vggsearch.training import train

PROBES = 12
"""Members that are trained for a moment each, evenly spaced by their MACs."""

PROBE = Budget(seconds=1.0)


@dataclass(frozen=True, slots=True)
class _Probe:
    """What was measured of one member."""

    macs: int
    step_s: float
    once_s: float
    """Set-up and evaluation, which every run pays once."""


def plan_table(study: TableStudy, resources: Resources, *, json: bool) -> None:
    """Measure some members for a moment, and print the runs and the time of every budget."""
    fetch_if_absent(study.data.name, resources.data_dir)
    data = load_search_data(
        study.data.name,
        data_dir=resources.data_dir,
        val_fraction=study.data.val_fraction,
        split_seed=study.data.split_seed,
    )
    check_batch(study.data.name, len(data.train.labels), study.recipe)
    channels, height, width = data.train.images.shape[1:]
    native = Task((channels, height, width), data.num_classes)
    space = study.space(native)
    counted = Counter(run.budget for run in table_runs(study, space))
    probes = _measure(study, space.task, list(map(str, space)), data, resources.device)
    steps_per_epoch = len(data.train.labels) // study.recipe.batch_size
    run_s = {budget: _run_s(budget, probes, steps_per_epoch, study.recipe.batch_size) for budget in counted}
    total_s = sum(counted[budget] * run_s[budget] for budget in counted)
    workers = max(1, default_workers(resolve_device(resources.device)))
    if json:
        print_json(
            {
                "study": study.name,
                "members": space.count,
                "runs": {str(budget): number for budget, number in counted.items()},
                "run_s": {str(budget): seconds for budget, seconds in run_s.items()},
                "expected_s": total_s,
                "workers": workers,
            }
        )
        return
    console = make_console()
    console.print(f"{study.name}: {space.count:,} networks, {counted.total():,} runs\n", soft_wrap=True)
    rows = table("budget", "runs", "a run", "together", right=("runs", "a run", "together"))
    for budget, number in counted.items():
        rows.add_row(str(budget), f"{number:,}", f"{run_s[budget]:.3g} s", duration(number * run_s[budget]))
    console.print(rows)
    console.print(
        f"\ntime: {duration(total_s)} one after the other, {duration(total_s / workers)} with {workers} at "
        f"once and nothing else on the machine; measured on {len(probes)} networks for {PROBE.amount:g} s "
        "each",
        soft_wrap=True,
    )


def _measure(
    study: TableStudy, task: Task, members: Sequence[str], data: SearchData, device: str
) -> list[_Probe]:
    """The speed of some members, evenly spaced by their MACs."""
    kind = resolve_device(device)
    at = torch.device(kind)
    there = data.to(at)
    by_macs = sorted((cost(Architecture.parse(text), task).macs, text) for text in members)
    count = min(PROBES, len(by_macs))
    probes = []
    for i in range(count):
        macs, text = by_macs[(2 * i + 1) * len(by_macs) // (2 * count)]
        key = RunKey(
            architecture=text,
            input_shape=task.input_shape,
            num_classes=task.num_classes,
            data=data.key,
            recipe=study.recipe,
            budget=PROBE,
            seed=study.seed,
            device=kind,
        )
        run = train(key, there, at)
        if run.steps:
            # Other work on the machine slows measurements down: what it took is left out of both.
            free = run.train_s / run.train_wall_s
            probes.append(_Probe(macs, run.train_s / run.steps, free * (run.setup_s + run.eval_s)))
    return probes


def _run_s(budget: Budget, probes: Sequence[_Probe], steps_per_epoch: int, batch_size: int) -> float:
    """Mean seconds of a run at `budget`, over the probes, on a machine that does nothing else."""
    if not probes:
        return 0.0
    steps = [
        total_steps(budget, steps_per_epoch=steps_per_epoch, macs_per_image=probe.macs, batch_size=batch_size)
        or 0
        for probe in probes
    ]
    return fmean(probe.step_s * number + probe.once_s for probe, number in zip(probes, steps, strict=True))
