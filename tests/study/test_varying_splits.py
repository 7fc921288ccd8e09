"""Pairs with splits of their own: the same for all arms of a pair, in the plan and in each run's key."""

from pathlib import Path

import pytest
from small_studies import conditions, conduct, make_ablation

from vggsearch.designs.plan import Plan, deviations
from vggsearch.errors import DataError, StudyFileError
from vggsearch.report import write_report
from vggsearch.store import Store
from vggsearch.study import Resources, is_finished, launch
from vggsearch.study.ablation.frames import pairs_frame
from vggsearch.study.control.events import NullObserver
from vggsearch.testing.fake import FakeExecutor, artificial_record


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No power fails here, and a busy disk makes these tests ten times slower."""
    monkeypatch.setattr("os.fsync", lambda _: None)


def study(number=3, split="varies", **change):
    own = {"contrasts": ["drop-in", "control-again"], "primary": "drop-in"}
    return make_ablation(**own | {"seeds": {"number": number, "split": split}} | change)


def executor():
    def train(key, report, deadline_s):
        del report, deadline_s
        return artificial_record(key).model_copy(update={"train_s": 1.0})

    return FakeExecutor(2, train)


def splits(results, stage):
    return {
        (trial.params["arm"], trial.params.get("pair"), results.runs[trial.run].key.data.split_seed)
        for trial in results.trials
        if trial.stage == stage
    }


def test_a_pair_has_one_split_in_all_arms_and_no_two_pairs_share_one(tmp_path: Path) -> None:
    results = conduct(study(), tmp_path, executor())
    arms = ("control", "drop-in", "control-again")
    assert splits(results, "pairs") == {(arm, pair, pair) for arm in arms for pair in (1, 2, 3)}
    assert {seed for _, _, seed in splits(results, "rates")} == {0}
    assert is_finished(results, Store.open(tmp_path, create=False))


def test_the_plan_has_every_split_and_hashes_it(tmp_path: Path) -> None:
    plan = conduct(study(), tmp_path, executor(), train=False).plans[-1].plan
    assert [data.split_seed for data in plan.pair_data] == [1, 2, 3]
    other = plan.pair_data[0].model_copy(update={"split_digest": "f" * 64})
    assert plan.model_copy(update={"pair_data": (other, *plan.pair_data[1:])}).digest != plan.digest
    with pytest.raises(ValueError, match="pair_data"):
        Plan.model_validate(plan.model_dump() | {"pair_data": plan.pair_data[:2]})


def test_with_a_fixed_split_nothing_is_as_if_it_could_vary(tmp_path: Path) -> None:
    plain = conduct(study(seeds=3), tmp_path / "plain", executor())
    fixed = conduct(study(split="fixed"), tmp_path / "fixed", executor())
    assert [each.digest for each in fixed.plans] == [each.digest for each in plain.plans]
    assert fixed.runs.keys() == plain.runs.keys()
    assert "pair_data" not in plain.plans[-1].plan.model_dump()


def test_more_pairs_later_keep_the_splits_of_the_first(tmp_path: Path) -> None:
    before = conduct(study(), tmp_path, executor())
    working = executor()
    results = conduct(study(number=4), tmp_path, working)
    assert {key.data.split_seed for key in working.submitted} == {4}
    assert before.runs.keys() < results.runs.keys()
    assert "pair_data was 3 splits of their own and became 4 splits of their own after 17 runs" in deviations(
        results.plans
    )
    fewer = conduct(study(number=2), tmp_path, executor())
    assert len(pairs_frame(fewer)) == 12


def test_runs_of_another_split_do_not_become_those_of_one_split(tmp_path: Path) -> None:
    conduct(study(), tmp_path, executor())
    with pytest.raises(
        StudyFileError, match="all runs of a study are made under the same conditions, and data"
    ):
        conduct(study(split="fixed"), tmp_path, executor())


def test_runs_on_other_images_are_no_runs_of_a_pair() -> None:
    now = conditions(study())
    other = now.pair_data[0].model_copy(update={"digest": "f" * 64})
    arm = study().plan_design(now.task).arms[0]
    key = now.key(str(arm.architecture), arm.recipe, study().budget, seed=1, final=True, data=other)
    with pytest.raises(StudyFileError, match="data was"):
        now.check(key, Path("x.yaml"))


def test_the_report_says_that_splits_vary(tmp_path: Path) -> None:
    results = conduct(study(), tmp_path / "store", executor())
    write_report(results, tmp_path / "report", command="vggsearch report x.yaml")
    text = " ".join((tmp_path / "report" / "report.md").read_text().replace("\u00a0", " ").split())
    assert (
        "no: each pair has a split of its own, of split seeds 1 to 3, so that intervals are over splits"
        in text
    )
    assert "a split of its own for each pair, the learning rates" in text
    assert "all arms share data, input and training code, and pair by pair splits and seeds" in text


def test_validation_images_that_vary_judge_no_pair(tmp_path: Path) -> None:
    with pytest.raises(
        StudyFileError, match=r"evaluate_on: is validation, and with seeds\.split: varies every"
    ):
        conduct(study(evaluate_on="validation"), tmp_path, executor())
    with pytest.raises(StudyFileError, match=r"seeds.split: must be one of fixed, varies, not 'vary': "):
        conduct(study(split="vary"), tmp_path, executor())


def test_data_with_validation_images_of_their_own_cannot_vary(tmp_path: Path, monkeypatch) -> None:
    from vggsearch.study import resources

    monkeypatch.setattr(resources, "examine", lambda *_: type("Found", (), {"size": lambda *_: 900})())
    monkeypatch.setattr(resources, "data_key", lambda *_, **__: conditions(study()).data_key)
    store = Store.open(tmp_path, create=True)
    with pytest.raises(DataError, match="validation images of its own, so that its split cannot vary"):
        launch(study(), store, Resources("cpu", 1), NullObserver())
