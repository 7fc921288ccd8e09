"""Studies of kind `table`: which runs they want, that they are made once, and what a file may not say."""

from pathlib import Path

import pytest
import yaml
from small_studies import conditions

from vggsearch.arch import FASHION_MNIST
from vggsearch.errors import StudyFileError
from vggsearch.runs import Outcome, RunRecord
from vggsearch.store import Store
from vggsearch.study import Session, is_finished, parse_study, read_results, run_study, stage_statuses
from vggsearch.study.table.runs import table_runs, table_size
from vggsearch.testing.fake import FakeExecutor, artificial_record

SETTINGS = {
    "kind": "table",
    "data": {"name": "fashion-mnist"},
    "space": {
        "channels": [8, 16],
        "num_blocks": [1, 2],
        "convs_per_block": [1],
        "ratio": [1, 2],
        "kernel_size": {"per_block": [3, 5]},
    },
    "recipe": "fast",
    "budget": {"steps": 90},
    "fidelities": [{"steps": 10}, {"steps": 30}],
    "seeds": 2,
    "extra": [{"members": 5, "seeds": 3}, {"members": 2, "budget": {"steps": 360}}],
}
"""12 members: 72 runs, 15 with extra seeds, 2 longer ones."""


def make_table(**changes):
    settings = {key: value for key, value in {**SETTINGS, **changes}.items() if value is not ...}
    return parse_study(yaml.safe_dump(settings), Path("a-table.yaml"))


def test_it_wants_every_member_at_every_fidelity_and_seed_and_the_extra_runs_once():
    study = make_table()
    runs = list(table_runs(study, study.space(FASHION_MNIST)))
    assert len(runs) == len(set(runs)) == table_size(study, 12) == 72 + 15 + 2
    grid = {(run.architecture, run.budget.steps, run.seed) for run in runs[:72]}
    members = {str(member) for member in study.space(FASHION_MNIST)}
    assert grid == {(m, steps, seed) for m in members for steps in (10, 30, 90) for seed in (0, 1)}
    assert {(run.budget.steps, run.seed) for run in runs[72:87]} == {(90, 2), (90, 3), (90, 4)}
    sample = [run.architecture for run in runs[72:77]]
    assert [run.architecture for run in runs[87:]] == sample[:2]


def test_an_interrupted_table_continues_and_a_larger_one_adds_only_what_it_lacks(tmp_path):
    made = []

    def trainer(key, *_) -> RunRecord:
        made.append((key.architecture, key.budget, key.seed))
        return artificial_record(key)

    def run(study, limit=None):
        store = Store.open(tmp_path, create=True)
        executor = FakeExecutor(2, trainer)
        if limit is not None:
            executor.wait = _until(executor.wait, limit)
        return run_study(study, Session(store, executor, conditions(study))), store

    study = make_table()
    with pytest.raises(KeyboardInterrupt):
        run(study, 20)
    assert len(made) == 20
    results, store = run(study)
    assert len(made) == len(set(made)) == 89
    assert is_finished(results, store)
    assert stage_statuses(results, store, running=False)["table"].done == 89
    larger = make_table(seeds=3)
    results, store = run(larger)
    # With a third seed the extra seeds are 3, 4 and 5: those of 3 and 4 are there already.
    assert len(made) == len(set(made)) == 89 + 36 - 5 + 5
    assert all(run.outcome is Outcome.COMPLETED for run in read_results(store, larger).runs.values())


def _until(wait, limit):
    left = iter(range(limit))

    def limited(timeout_s=None):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return wait(timeout_s)

    return limited


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"fidelities": [{"steps": 10}, {"steps": 90}]},
            "fidelities: must be below the budget, 90 steps, not 90 steps: lower it, or leave it out",
        ),
        (
            {"fidelities": [{"steps": 30}, {"steps": 10}]},
            "fidelities: must rise, and '30 steps' stands before '10 steps': sort them",
        ),
        (
            {"fidelities": [{"epochs": 1}]},
            "fidelities: must be in steps as the budget is, not 1 epochs: write {steps: …}",
        ),
        (
            {"budget": {"seconds": 10}, "fidelities": []},
            "budget: a table's budget is in epochs, steps or macs, as processors differ, not 10 seconds: "
            "write {epochs: 3}, for example",
        ),
        (
            {"extra": [{"members": 3, "budget": {"steps": 30}}]},
            "extra: budget 30 steps is that of every member already: leave it out for more seeds",
        ),
        ({"sampler": "tpe"}, "sampler: no such key: use one of "),
    ],
)
def test_a_mistake_in_the_file_is_one_line(changes, message):
    with pytest.raises(StudyFileError) as refused:
        make_table(**changes)
    assert str(refused.value).startswith(f"a-table.yaml: {message}")
    assert "\n" not in str(refused.value)
