"""An ablation judged on validation images: no test image is opened, and the default leaves no trace."""

import hashlib
import json
import os
from collections import Counter
from pathlib import Path

import pytest
from small_studies import conduct, make_ablation

from vggsearch.designs.plan import Plan, Registration, deviations
from vggsearch.errors import StudyFileError
from vggsearch.runs.record import RunKey, RunRecord
from vggsearch.store import Store
from vggsearch.study import StudyResults
from vggsearch.study.ablation.forecast import detectable
from vggsearch.study.ablation.frames import correctness, pairs_frame
from vggsearch.testing.fake import FakeExecutor, artificial_record

REPORTS = Path(__file__).parents[2] / "reports"


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)


def plan_of(results: StudyResults) -> Plan:
    return results.plans[-1].plan


def keys(results: StudyResults, stage: str) -> list[RunKey]:
    return [results.runs[trial.run or ""].key for trial in results.trials if trial.stage == stage]


def test_no_run_of_a_study_judged_on_validation_is_a_run_for_the_test_set(tmp_path: Path) -> None:
    executor = FakeExecutor()
    results = conduct(make_ablation(evaluate_on="validation"), tmp_path, executor)
    assert {key.evaluate_on for key in executor.submitted} == {"validation"}
    assert plan_of(results).evaluate_on == "validation"
    tested = conduct(make_ablation("tested"), tmp_path / "other")
    assert Counter(key.evaluate_on for key in keys(tested, "pairs")) == {"test": 9}
    assert plan_of(tested).evaluate_on == "test"


def test_pairs_and_rates_share_no_run_though_they_share_images(tmp_path: Path) -> None:
    results = conduct(make_ablation(evaluate_on="validation"), tmp_path)
    pairs, rates = (keys(results, stage) for stage in ("pairs", "rates"))
    assert not {key.digest for key in pairs} & {key.digest for key in rates}
    assert not {key.seed for key in pairs} & {key.seed for key in rates}
    assert not any(trial.cached for trial in results.trials)


def test_it_is_resumed_as_it_was_left(tmp_path: Path) -> None:
    study = make_ablation(evaluate_on="validation")
    first = conduct(study, tmp_path)
    again = FakeExecutor()
    assert conduct(study, tmp_path, again) == first
    assert again.submitted == []


@pytest.mark.parametrize("before", ["test", "validation"])
def test_a_study_that_has_begun_keeps_its_images(tmp_path: Path, before: str) -> None:
    now = {"test": "validation", "validation": "test"}[before]
    conduct(make_ablation(evaluate_on=before), tmp_path)
    with pytest.raises(StudyFileError, match=r"evaluate_on: must stay as the study began"):
        conduct(make_ablation(evaluate_on=now), tmp_path)


def test_any_other_part_is_refused_in_one_line() -> None:
    with pytest.raises(StudyFileError) as error:
        make_ablation(evaluate_on="train")
    assert str(error.value).startswith("ablated.yaml: evaluate_on: must be ")
    assert "\n" not in str(error.value)


# --- what was written before there was a choice ---


def test_the_default_is_no_part_of_a_studys_identity() -> None:
    unsaid, said = make_ablation(), make_ablation(evaluate_on="test")
    assert said.identity() == unsaid.identity()
    text = json.dumps(unsaid.identity(), sort_keys=True).encode()
    assert hashlib.sha256(text).hexdigest() == (
        "213b5745701e97275e0dd30874b57ab7b3416ef8767cb2bb161cb3a481ed590e"  # of the version before
    )
    chosen = make_ablation(evaluate_on="validation").identity()
    assert chosen == unsaid.identity() | {"evaluate_on": "validation"}


@pytest.mark.parametrize("name", ["kernel-size", "block-count", "null"])
def test_plans_of_published_reports_keep_their_bytes_and_their_hash(name: str) -> None:
    results = StudyResults.read(REPORTS / name / "data")
    (registration,) = results.plans
    assert registration.digest == registration.plan.digest
    assert '"evaluate_on"' not in registration.model_dump_json()
    chosen = registration.plan.model_copy(update={"evaluate_on": "validation"})
    assert chosen.digest != registration.digest
    assert Plan.model_validate_json(chosen.model_dump_json()) == chosen


def test_a_plan_that_changes_its_images_is_a_deviation(tmp_path: Path) -> None:
    plan = plan_of(conduct(make_ablation(), tmp_path, train=False))
    chosen = plan.model_copy(update={"evaluate_on": "validation"})
    plans = [
        Registration(plan=each, digest=each.digest, at=at, runs=runs)
        for each, at, runs in ((chosen, 1.0, 0), (plan, 2.0, 9))
    ]
    assert deviations(plans) == ("evaluate_on was validation and became test after 9 runs",)


# --- tables ---


def with_images(key: RunKey, report: object, deadline_s: float) -> RunRecord:
    del report, deadline_s
    return artificial_record(key).model_copy(update={"val_correct": "oA=="})


def test_correctness_of_single_images_is_that_of_validation(tmp_path: Path) -> None:
    study = make_ablation(evaluate_on="validation")
    results = conduct(study, tmp_path, FakeExecutor(trainer=with_images))
    found = correctness(results, "control", 4, study.part)
    assert {pair: bits.tolist() for pair, bits in found.items()} == {pair: [1, 0, 1, 0] for pair in (1, 2, 3)}


def test_data_that_are_kept_small_keep_what_the_pairs_say_of_single_images(tmp_path: Path) -> None:
    study = make_ablation(evaluate_on="validation")
    small = conduct(study, tmp_path, FakeExecutor(trainer=with_images)).trimmed(max_bytes=1)
    pairs = {trial.run for trial in small.trials if trial.stage == "pairs"}
    assert {digest for digest, run in small.runs.items() if run.val_correct} == pairs
    assert "of single images, but for the pairs, is left out" in small.notes[0]


def test_what_a_plan_could_detect_is_said_by_its_own_images(tmp_path: Path) -> None:
    def train(key: RunKey, report: object, deadline_s: float) -> RunRecord:
        del report, deadline_s
        wide = 0.1 * (key.seed % 3) if "k5" in key.architecture else 0.0
        return artificial_record(key).model_copy(update={"val_accuracy": 0.5 + wide})

    study = make_ablation(evaluate_on="validation")
    results = conduct(study, tmp_path, FakeExecutor(trainer=train))
    *_, observed = detectable(results, plan_of(results))
    assert observed.source == "observed in 3 pairs"
    assert observed.sd == pytest.approx(0.1)
    assert pairs_frame(results)["test_accuracy"].isna().all()
    assert Store.open(tmp_path, create=True).plans(study.name).read() == results.plans
