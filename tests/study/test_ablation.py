"""An ablation: its plan before its runs, rates before pairs, the same answers after any interruption."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import small_studies
from pydantic import ValidationError
from small_studies import ABLATION, Recorder, answers, make_ablation

from vggsearch.designs.plan import Plan, deviations
from vggsearch.errors import StoreError, StudyFileError, VggSearchError
from vggsearch.execution.contract import Executor
from vggsearch.recipe import Budget
from vggsearch.runs.record import CurvePoint, Outcome, RunKey, RunRecord
from vggsearch.store import Store
from vggsearch.store.ledger import Ledger
from vggsearch.store.plans import PlanBook
from vggsearch.store.state import ControllerState
from vggsearch.study import AblationStudy, StudyResults
from vggsearch.study.ablation.assembly import CALIBRATION, CALIBRATION_ROUNDS
from vggsearch.study.ablation.frames import correctness, pairs_frame, rates_frame
from vggsearch.study.control.stopping import Stopping
from vggsearch.study.results import read_results
from vggsearch.testing.fake import FakeExecutor, artificial_record

ARMS = ("control", "receptive-field", "drop-in", "iso-time")


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No power fails here, and a busy disk makes these tests ten times slower."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def executor(change: Callable[[RunKey, RunRecord], dict[str, object]], slots: int = 2) -> FakeExecutor:
    """Answers with an artificial record in which `change` replaces fields."""

    def train(key: RunKey, report: Callable[[CurvePoint], bool], deadline_s: float) -> RunRecord:
        del report, deadline_s
        record = artificial_record(key)
        return record.model_copy(update=change(key, record))

    return FakeExecutor(slots, train)


def conduct(
    study: AblationStudy, folder: Path, working: Executor | None = None, **options: object
) -> StudyResults:
    """Run `study`; by default a step with 5×5 kernels takes twice as long as one with 3×3."""
    return small_studies.conduct(study, folder, working or timed(), **options)


def timed(slots: int = 1) -> FakeExecutor:
    return executor(lambda key, _: {"train_s": 2.0 if "k5" in key.architecture else 1.0}, slots)


def keys(results: StudyResults, stage: str) -> list[RunKey]:
    return [results.runs[trial.run or ""].key for trial in results.trials if trial.stage == stage]


def plan_of(results: StudyResults) -> Plan:
    return results.plans[-1].plan


# --- what is trained ---


def test_arms_are_measured_then_tuned_then_paired(tmp_path: Path) -> None:
    results = conduct(make_ablation(), tmp_path)
    assert Counter(trial.stage for trial in results.trials) == {"calibration": 9, "rates": 16, "pairs": 12}
    assert {key.budget for key in keys(results, "calibration")} == {CALIBRATION}
    assert {key.evaluate_on for key in keys(results, "calibration")} == {"validation"}
    assert {key.evaluate_on for key in keys(results, "rates")} == {"validation"}
    assert {key.evaluate_on for key in keys(results, "pairs")} == {"test"}
    assert Counter(key.recipe.lr for key in keys(results, "rates")) == {0.1: 8, 0.2: 8}


def test_no_two_stages_share_a_seed_and_all_arms_of_a_pair_do(tmp_path: Path) -> None:
    results = conduct(make_ablation(seed=70), tmp_path)
    assert {key.seed for key in keys(results, "rates")} == {1071, 1072}
    assert {key.seed for key in keys(results, "calibration")} == {3071, 3072, 3073}
    frame = pairs_frame(results)
    assert frame.groupby("pair")["seed"].agg(["min", "max", "size"]).values.tolist() == [
        [71, 71, 4],
        [72, 72, 4],
        [73, 73, 4],
    ]


def test_an_arm_against_itself_has_seeds_of_its_own_and_shares_all_else(tmp_path: Path) -> None:
    study = make_ablation(contrasts=["control-again"], primary="control-again")
    results = conduct(study, tmp_path)
    frame = pairs_frame(results)
    assert sorted(frame.loc[frame["arm"] == "control-again", "seed"]) == [2001, 2002, 2003]
    assert frame["architecture"].nunique() == frame["lr"].nunique() == 1
    assert Counter(trial.stage for trial in results.trials) == {"calibration": 3, "rates": 4, "pairs": 6}
    rates = rates_frame(results, plan_of(results))
    assert rates.groupby("arm").size().to_dict() == {"control": 4, "control-again": 4}


def test_runs_that_another_study_made_are_not_made_again(tmp_path: Path) -> None:
    conduct(make_ablation("first"), tmp_path)
    second = timed()
    results = conduct(
        make_ablation("second", contrasts=["control-again"], primary="control-again"), tmp_path, second
    )
    assert [key.seed for key in second.submitted] == [2001, 2002, 2003]
    assert len(pairs_frame(results)) == 6


def test_pairs_come_seed_by_seed_so_that_those_begun_are_complete(tmp_path: Path) -> None:
    results = conduct(make_ablation(), tmp_path)
    pairs = [trial.params for trial in results.trials if trial.stage == "pairs"]
    assert [(each["pair"], each["arm"]) for each in pairs] == [(n, arm) for n in (1, 2, 3) for arm in ARMS]


def test_every_arm_gets_the_rate_with_the_best_mean_on_validation(tmp_path: Path) -> None:
    def suits(key: RunKey, _: RunRecord) -> dict[str, object]:
        better = 0.2 if "k5" in key.architecture else 0.1
        noise = 0.001 * (key.seed % 7)
        return {"val_accuracy": 0.9 + noise - (0 if key.recipe.lr == better else 0.05)}

    results = conduct(make_ablation(), tmp_path, executor(suits))
    chosen = pairs_frame(results).groupby("arm")["lr"].agg(["min", "max"])
    assert chosen.loc["control"].tolist() == [0.1, 0.1]
    assert {tuple(row) for row in chosen.drop("control").values} == {(0.2, 0.2)}


def test_a_rate_at_which_a_run_failed_is_not_chosen_unless_all_did(tmp_path: Path) -> None:
    def diverges(key: RunKey, record: RunRecord) -> dict[str, object]:
        bad = key.recipe.lr == 0.2 and key.seed == 1002
        if bad or (
            key.architecture.startswith("1x") and key.evaluate_on == "validation" and key.budget.steps
        ):
            return {"outcome": Outcome.DIVERGED, "reason": "the loss became NaN", "val_accuracy": None}
        return {"val_accuracy": (record.val_accuracy or 0) + (0.05 if key.recipe.lr == 0.2 else 0)}

    results = conduct(make_ablation(), tmp_path, executor(diverges))
    chosen = pairs_frame(results).groupby("arm")["lr"].first().to_dict()
    assert chosen == {"control": 0.1, "drop-in": 0.1, "iso-time": 0.1, "receptive-field": 0.2}  # the recipe's


def test_with_one_rate_nothing_is_tuned(tmp_path: Path) -> None:
    results = conduct(make_ablation(learning_rates={"grid": [0.3]}), tmp_path)
    assert Counter(trial.stage for trial in results.trials) == {"calibration": 9, "pairs": 12}
    assert set(pairs_frame(results)["lr"]) == {0.3}
    assert rates_frame(results, plan_of(results)).empty


def test_by_default_the_grid_is_half_of_the_recipes_rate_the_rate_and_twice_it() -> None:
    assert make_ablation(learning_rates=...).rates.grid == (0.1, 0.2, 0.4)


# --- equal training time ---


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        ({"steps": 900}, Budget(steps=300)),
        ({"epochs": 3}, Budget(epochs=1.0)),
    ],
)
def test_equal_time_is_a_number_of_steps_by_what_a_step_takes(tmp_path: Path, budget, expected) -> None:
    def slow(key: RunKey, _: RunRecord) -> dict[str, object]:
        # One of the three measurements is disturbed, and the median does not mind.
        disturbed = 10 if key.seed == 3002 else 1
        return {"train_s": disturbed * (3.0 if "k5" in key.architecture else 1.0), "steps": 50}

    plan = plan_of(conduct(make_ablation(budget=budget), tmp_path, executor(slow)))
    assert plan.arm("control").step_s == pytest.approx(0.02)
    assert plan.arm("iso-time").step_s == pytest.approx(0.06)
    assert plan.arm("iso-time").budget == expected
    assert plan.arm("drop-in").budget == Budget.model_validate(budget)
    assert plan.run_s(plan.arm("iso-time")) == pytest.approx(plan.run_s(plan.arm("control")), rel=0.01)


def test_equal_time_of_a_budget_in_macs_counts_the_arms_own_macs(tmp_path: Path) -> None:
    plan = plan_of(conduct(make_ablation(budget={"macs": 1e12}), tmp_path))
    assert plan.steps(plan.arm("iso-time")) == pytest.approx(plan.steps(plan.arm("control")) / 2, abs=1)
    assert plan.steps(plan.arm("drop-in")) < 0.4 * plan.steps(plan.arm("control"))


def test_arms_that_turn_out_to_be_the_same_run_share_it_and_each_has_its_rows(tmp_path: Path) -> None:
    results = conduct(make_ablation(), tmp_path, FakeExecutor())  # a step takes all arms equally long
    assert Counter(trial.stage for trial in results.trials) == {"calibration": 9, "rates": 12, "pairs": 9}
    frame = pairs_frame(results).set_index(["arm", "pair"])
    assert frame.loc["iso-time", "digest"].tolist() == frame.loc["drop-in", "digest"].tolist()
    assert len(rates_frame(results, plan_of(results))) == 16


def test_calibration_has_the_machine_to_itself(tmp_path: Path) -> None:
    class Alone(FakeExecutor):
        most = 0

        def submit(self, key: RunKey) -> None:
            super().submit(key)
            if key.budget == CALIBRATION:
                self.most = max(self.most, len(self._active))

    alone = Alone(4)
    conduct(make_ablation(), tmp_path, alone)
    assert alone.most == 1
    rounds = [key.seed for key in alone.submitted if key.budget == CALIBRATION]
    assert rounds == sorted(rounds)
    assert len(set(rounds)) == CALIBRATION_ROUNDS


def test_a_budget_in_seconds_needs_no_calibration(tmp_path: Path) -> None:
    study = make_ablation(budget={"seconds": 10}, contrasts=["drop-in"], primary="drop-in")
    results = conduct(study, tmp_path)
    assert "calibration" not in {trial.stage for trial in results.trials}
    assert plan_of(results).run_s(plan_of(results).arms[0]) == 10


def test_an_arm_that_cannot_be_measured_ends_it_before_anything_is_trained(tmp_path: Path) -> None:
    def too_large(key: RunKey, _: RunRecord) -> dict[str, object]:
        if "k5" not in key.architecture:
            return {}
        return {"outcome": Outcome.OUT_OF_MEMORY, "reason": "out of memory", "steps": 0, "train_s": 0.0}

    with pytest.raises(
        VggSearchError, match=r"^arm receptive-field \(.*\) cannot be trained here: out of mem"
    ):
        conduct(make_ablation(), tmp_path, executor(too_large))
    assert not Store.open(tmp_path, create=True).plans("ablated").read()


# --- the plan ---


def test_the_plan_is_fixed_before_the_first_run(tmp_path: Path) -> None:
    class Watching(FakeExecutor):
        planned: dict[bool, set[bool]]

        def submit(self, key: RunKey) -> None:
            super().submit(key)
            found = bool(Store.open(tmp_path, create=True).plans("ablated").read())
            self.planned.setdefault(key.budget == CALIBRATION, set()).add(found)

    watching = Watching()
    watching.planned = {}
    results = conduct(make_ablation(), tmp_path, watching)
    assert watching.planned == {True: {False}, False: {True}}
    (registration,) = results.plans
    assert (registration.runs, registration.digest) == (0, registration.plan.digest)
    assert deviations(results.plans) == ()


def test_planning_alone_trains_nothing_but_calibrations(tmp_path: Path) -> None:
    planned = conduct(make_ablation(), tmp_path, train=False)
    assert {trial.stage for trial in planned.trials} == {"calibration"}
    results = conduct(make_ablation(), tmp_path)
    assert results.plans == planned.plans


def test_a_plan_that_changes_before_the_first_run_leaves_no_trace(tmp_path: Path) -> None:
    conduct(make_ablation(), tmp_path, train=False)
    results = conduct(make_ablation(seeds=4, margin_pp=0.5), tmp_path)
    assert len(results.plans) == 1
    assert (plan_of(results).pairs, plan_of(results).margin) == (4, 0.005)


def test_a_plan_that_changes_later_is_told_for_ever(tmp_path: Path) -> None:
    conduct(make_ablation(), tmp_path)
    conduct(make_ablation(seeds=5), tmp_path)
    results = conduct(make_ablation(seeds=5, margin_pp=0.6), tmp_path)
    assert [registration.runs for registration in results.plans] == [0, 28, 36]
    assert deviations(results.plans) == (
        "pairs was 3 and became 5 after 28 runs",
        "margin was 0.003 and became 0.006 after 36 runs",
    )
    assert len(pairs_frame(results)) == 20


def test_contrasts_that_are_added_tune_their_arms_first(tmp_path: Path) -> None:
    conduct(make_ablation(contrasts=["drop-in"], primary="drop-in"), tmp_path)
    results = conduct(
        make_ablation(contrasts=["drop-in", "iso-macs-receptive-field"], primary="drop-in"), tmp_path
    )
    assert pairs_frame(results).groupby("arm").size().to_dict() == {
        "control": 3,
        "drop-in": 3,
        "iso-macs-receptive-field": 3,
    }
    assert "arms was control, drop-in and became control, drop-in, iso-macs-r" in deviations(results.plans)[0]


def test_the_words_of_a_contrast_are_no_part_of_its_hash(tmp_path: Path) -> None:
    plan = plan_of(conduct(make_ablation(), tmp_path))
    reworded = tuple(each.model_copy(update={"at": "all else equal"}) for each in plan.contrasts)
    assert plan.model_copy(update={"contrasts": reworded}).digest == plan.digest
    weighed = (plan.contrasts[0].model_copy(update={"weights": {"control": 2.0}}), *plan.contrasts[1:])
    for change in ({"contrasts": weighed}, {"alpha": 0.01}, {"pairs": 9}, {"primary": "drop-in"}):
        assert plan.model_copy(update=change).digest != plan.digest


def test_what_decides_a_run_cannot_be_changed(tmp_path: Path) -> None:
    conduct(make_ablation(), tmp_path)
    for change in ({"control": "2x8-2x8+bn+gap"}, {"budget": {"steps": 101}}, {"kernel_size": 7}):
        with pytest.raises(StudyFileError, match=f"{next(iter(change))}.*: must stay as the study began"):
            conduct(make_ablation(**{"contrasts": ["drop-in"], "primary": "drop-in"} | change), tmp_path)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b'{"sha256": "0", "record": []}', b"\xff" * 100],
    ids=["empty", "unsealed", "forged", "noise"],
)
def test_a_damaged_plan_is_one_line_and_nothing_is_trained(tmp_path: Path, data: bytes) -> None:
    conduct(make_ablation(), tmp_path, train=False)
    (tmp_path / "studies/ablated/plan.json").write_bytes(data)
    with pytest.raises(StoreError, match=r"plan.json: a registered plan must be whole, and this file is not"):
        conduct(make_ablation(), tmp_path)


def test_a_forged_hash_is_no_plan(tmp_path: Path) -> None:
    conduct(make_ablation(), tmp_path, train=False)
    (registration,) = PlanBook(tmp_path / "studies/ablated").read()
    forged = registration.model_dump() | {"digest": "0" * 64}
    with pytest.raises(ValueError, match="digest: does not match the plan"):
        type(registration).model_validate(forged)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"primary": "zebra"}, "primary: is not one of the contrasts"),
        ({"arms": "twice"}, "arms: a name is listed twice"),
        ({"arms": "short"}, "has a weight for an unplanned arm"),
        ({"arms": "deep"}, "architecture|pixels|blocks"),
        ({"pairs": 10**18}, "pairs"),
        ({"pairs": 99_999}, "arms: more than 100000 runs in all"),
    ],
)
def test_a_stranger_s_plan_whose_parts_do_not_fit_is_refused(tmp_path: Path, change, message: str) -> None:
    plan = plan_of(conduct(make_ablation(), tmp_path, train=False))
    values = plan.model_dump() | {key: value for key, value in change.items() if key != "arms"}
    arms = values["arms"]
    deep = {**arms[-1], "architecture": "-".join(["1x8"] * 6) + "+gap"}
    changed = {"twice": (*arms, arms[0]), "short": arms[:-1], "deep": (*arms[:-1], deep)}
    values["arms"] = changed.get(change.get("arms", ""), arms)
    with pytest.raises(ValidationError, match=message):
        Plan.model_validate(values)


@pytest.mark.parametrize("name", ["arm", "lr", "pair"])
def test_a_trial_that_does_not_say_what_it_is_of_is_left_out(tmp_path: Path, name: str) -> None:
    results = conduct(make_ablation(), tmp_path)
    trial = next(trial for trial in results.trials if trial.stage == "pairs")
    store = Store.open(tmp_path, create=True)
    store.put_trial(trial.model_copy(update={"params": trial.params | {name: [1.5, "x"][name != "arm"]}}))
    damaged = read_results(store, results.study)
    assert len(pairs_frame(damaged)) == 11
    assert damaged.notes == (
        f"trial file pairs-000000.json is left out: params: {name} is absent, or of another kind",
    )


# --- interruptions ---


def test_stopped_after_any_run_and_run_again_the_answers_are_the_same(tmp_path: Path) -> None:
    study = make_ablation()
    undisturbed = conduct(study, tmp_path / "undisturbed")
    folder = tmp_path / "stopped"
    submitted: list[str] = []
    for _ in range(200):
        stopping = Stopping(None)

        class StopAfterTwo(Recorder):
            def notify(self, event: object, stopping: Stopping = stopping) -> None:
                super().notify(event)
                if type(event).__name__ == "TrialFinished" and not event.trial.cached:
                    stopping.stop()

        working = timed()
        results = conduct(study, folder, working, observer=StopAfterTwo(), stopping=stopping)
        submitted += [key.digest for key in working.submitted]
        if not working.submitted:
            break
    assert answers(results) == answers(undisturbed)
    assert len(submitted) == len(set(submitted)) == 37
    assert [each.digest for each in results.plans] == [each.digest for each in undisturbed.plans]


class Killed(BaseException):
    """Ends a controller on the spot."""


EFFECTS = (
    (ControllerState, "put_pending"),
    (FakeExecutor, "submit"),
    (FakeExecutor, "wait"),
    (Ledger, "put"),
    (Store, "put_trial"),
    (PlanBook, "register"),
    (ControllerState, "put_rates"),
)
"""Everything that outlives a controller, or that another process sees."""


def test_killed_after_every_kind_of_effect_it_ends_as_if_nothing_had_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_ablation(seeds=2)
    undisturbed = conduct(study, tmp_path / "undisturbed")
    folder = tmp_path / "killed"
    for count in (1, 3, 5):
        for owner, name in EFFECTS:
            with monkeypatch.context() as patch:
                patch.setattr(owner, name, deadly(getattr(owner, name), count))
                try:
                    conduct(study, folder, Checked(folder))
                except Killed:
                    continue
    assert answers(conduct(study, folder, Checked(folder))) == answers(undisturbed)
    (registration,) = Store.open(folder, create=True).plans("ablated").read()
    assert (registration.digest, registration.runs) == (undisturbed.plans[0].digest, 0)


def deadly(real: Callable[..., object], count: int) -> Callable[..., object]:
    """`real`, which kills after it has happened so many times."""
    happened = []

    def effect(*arguments: object, **options: object) -> object:
        result = real(*arguments, **options)
        happened.append(None)
        if len(happened) >= count:
            raise Killed
        return result

    return effect


class Checked(FakeExecutor):
    """Refuses to make what the store holds already."""

    def __init__(self, folder: Path) -> None:
        super().__init__(1, timed()._trainer)
        self.ledger = Ledger(folder / "ledger")

    def submit(self, key: RunKey) -> None:
        assert key.digest not in self.ledger, "made twice"
        super().submit(key)


def test_a_lost_run_is_made_again_and_rates_once_chosen_stay(tmp_path: Path) -> None:
    study = make_ablation()
    results = conduct(study, tmp_path)
    store = Store.open(tmp_path, create=True)
    chosen = ControllerState(tmp_path / "studies/ablated").rates()
    for stage in ("calibration", "rates", "pairs"):
        trial = next(trial for trial in results.trials if trial.stage == stage)
        next((tmp_path / "ledger").rglob(f"{trial.run}.json")).unlink()
    again = timed()
    assert conduct(study, tmp_path, again).runs.keys() == results.runs.keys()
    assert len(again.submitted) == 3
    assert ControllerState(store.root / "studies/ablated").rates() == chosen


def test_a_crashed_run_leaves_its_pair_incomplete_and_the_study_goes_on(tmp_path: Path) -> None:
    def crash(key: RunKey, _: RunRecord) -> dict[str, object]:
        dead = key.seed == 2 and key.architecture.startswith("1x")
        return {"outcome": Outcome.CRASHED, "reason": "killed", "test_accuracy": None} if dead else {}

    frame = pairs_frame(conduct(make_ablation(), tmp_path, executor(crash)))
    lost = frame[frame["test_accuracy"].isna()]
    assert lost[["arm", "pair", "outcome"]].values.tolist() == [["receptive-field", 2, "crashed"]]
    assert len(frame) == 12


# --- as tables ---


def test_results_travel_with_their_plans(tmp_path: Path) -> None:
    conduct(make_ablation(), tmp_path / "store")
    results = conduct(make_ablation(seeds=4), tmp_path / "store")
    results.write(tmp_path / "data")
    assert StudyResults.read(tmp_path / "data") == results


def test_correctness_of_single_images_is_found_by_pair(tmp_path: Path) -> None:
    results = conduct(make_ablation(), tmp_path, executor(lambda *_: {"test_correct": "oA=="}))
    found = correctness(results, "control", 4, results.study.part)
    assert {pair: bits.tolist() for pair, bits in found.items()} == {
        1: [1, 0, 1, 0],
        2: [1, 0, 1, 0],
        3: [1, 0, 1, 0],
    }


def test_an_ablation_of_nothing_yet_has_empty_tables(tmp_path: Path) -> None:
    planned = conduct(make_ablation(), tmp_path, train=False)
    assert pairs_frame(planned).empty
    assert rates_frame(planned, plan_of(planned)).empty
    assert list(pairs_frame(planned).columns[:3]) == ["arm", "lr", "pair"]


# --- the file ---


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"control": "3x8+bn+gap"}, "contrasts: receptive-field: "),
        ({"control": "2x8-oops"}, "control: architecture '2x8-oops', character"),
        ({"contrasts": ["drop-on"]}, "contrasts: "),
        ({"contrasts": ["drop-in", "drop-in"]}, "contrasts: "),
        ({"contrasts": ...}, "an ablation has contrasts or factors, not neither: keep one of the two keys"),
        ({"factors": {"batch_norm": [False]}}, "an ablation has contrasts or factors, not both: keep one"),
        ({"primary": "iso-macs"}, "primary: must be one of the contrasts, not 'iso-macs': "),
        (
            {"primary": "drop-on"},
            "primary: must be one of the contrasts, not 'drop-on': did you mean drop-in?",
        ),
        ({"primary": ...}, "primary: required, and absent: write primary: iso-macs, for example"),
        ({"seeds": 1}, "seeds: must be at least 2, not 1: write seeds: 10, for example"),
        ({"seeds": 1001}, "seeds: must be at most 1000, not 1001"),
        ({"alpha": 0}, "alpha: must be at least 0.0001, not 0"),
        ({"margin_pp": 0}, "margin_pp: must be above 0, not 0"),
        ({"kernel_size": 3}, "contrasts: "),
        ({"kernel_size": 4}, "contrasts: "),
        ({"design": "factorial"}, "design: is for factors, and here are contrasts: remove it"),
        (
            {"budget": {"seconds": 5}},
            "budget: iso-time gives an arm its own number of steps, so the budget is in",
        ),
        ({"learning_rates": {"grid": []}}, "learning_rates.grid: must hold at least 1, not []"),
        (
            {"learning_rates": {"grid": [0.1, 0.1]}},
            "learning_rates.grid: must name each rate once, not [0.1, 0.1]",
        ),
        ({"learning_rates": {"grid": [0]}}, "learning_rates.grid.0: must be above 0, not 0"),
        ({"trials": 4}, "trials: no such key"),
        ({"seed": -1}, "seed: must be at least 0"),
    ],
)
def test_a_bad_file_is_one_line_before_anything_is_trained(tmp_path: Path, change, message: str) -> None:
    working = FakeExecutor()
    with pytest.raises(StudyFileError) as error:
        conduct(make_ablation(**change), tmp_path, working)
    assert str(error.value).startswith(f"ablated.yaml: {message}")
    assert str(error.value).isprintable()
    assert not working.submitted


FACTORS = {"contrasts": ..., "factors": {"batch_norm": [False]}, "primary": "batch_norm=false"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"factors": {"zebra": [1]}}, "factors: no factor"),
        ({"factors": {"lr": [0.1]}}, "factors: "),
        (
            {"factors": {"batch_norm": [True]}},
            "factors: a level changes the control, which has batch_norm=true",
        ),
        ({"factors": {"flip": [3]}}, "factors: flip"),
        ({"factors": {}}, "factors: must hold at least 1"),
        ({"design": "factorial"}, "factors: "),
    ],
)
def test_bad_factors_are_one_line(tmp_path: Path, change, message: str) -> None:
    with pytest.raises(StudyFileError) as error:
        conduct(make_ablation(**FACTORS | change), tmp_path)
    assert str(error.value).startswith(f"ablated.yaml: {message}")


@pytest.mark.parametrize(
    ("change", "arms"),
    [
        ({"kernel_size": 7, "contrasts": ["drop-in"], "primary": "drop-in"}, ["2x8k7-2x16k7+bn+gap"]),
        (FACTORS, ["2x8-2x16+gap"]),
        (
            FACTORS | {"factors": {"num_blocks": [1]}, "primary": "num_blocks=1"},
            ["2x8+bn+gap"],
        ),
        (
            FACTORS | {"factors": {"flip": [False]}, "primary": "flip=false"},
            ["2x8-2x16+bn+gap"],
        ),
    ],
    ids=["kernels of 7x7", "batch norm", "depth", "augmentation"],
)
def test_one_changed_line_asks_another_question(tmp_path: Path, change, arms) -> None:
    plan = plan_of(conduct(make_ablation(**change), tmp_path, train=False))
    assert [arm.architecture for arm in plan.arms] == [ABLATION["control"], *arms]


def test_a_factorial_trains_every_cell(tmp_path: Path) -> None:
    factors = {"ratio": [1, 2], "convs_per_block": [2, 1]}
    study = make_ablation(contrasts=..., factors=factors, design="factorial", primary="ratio=2")
    results = conduct(study, tmp_path)
    frame = pairs_frame(results)
    assert frame.groupby("architecture").size().to_dict() == {
        "2x8-2x16+bn+gap": 3,
        "1x8-1x16+bn+gap": 3,
        "2x4-2x8+bn+gap": 3,
        "1x4-1x8+bn+gap": 3,
    }
    assert [each.name for each in plan_of(results).contrasts] == [
        "convs_per_block=1",
        "ratio=2",
        "convs_per_block=1 × ratio=2",
    ]
