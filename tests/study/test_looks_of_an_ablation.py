"""An ablation with planned looks: it stops where its plan says, however often it was interrupted."""

from collections import Counter
from pathlib import Path

import pytest
from small_studies import Recorder, conduct, make_ablation

from vggsearch.designs.plan import Plan, deviations
from vggsearch.errors import StudyFileError
from vggsearch.runs.record import Outcome
from vggsearch.store import Store
from vggsearch.study import is_finished, kind_of, stage_statuses
from vggsearch.study.ablation.counting import looks_line
from vggsearch.study.ablation.frames import pairs_frame
from vggsearch.study.ablation.looking import Looked, looked
from vggsearch.study.control.stopping import Stopping
from vggsearch.study.results import read_results
from vggsearch.testing.fake import FakeExecutor, artificial_record

LOOKS = (6, 10, 12)


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No power fails here, and a busy disk makes these tests ten times slower."""
    monkeypatch.setattr("os.fsync", lambda _: None)


def study(name="ablated", **change):
    own = {"contrasts": ["drop-in", "receptive-field"], "primary": "drop-in", "seeds": {"looks": LOOKS}}
    return make_ablation(name, **own | change)


def executor(lead, fails=lambda _: False, slots=2):
    """3×3 leads by `lead(seed)`; seeds scatter by 0.1 pp. Tested runs that `fails` names diverge."""

    def train(key, report, deadline_s):
        del report, deadline_s
        if key.evaluate_on == "test" and fails(key):
            gone = {"outcome": Outcome.DIVERGED, "reason": "loss", "val_accuracy": None}
            return artificial_record(key).model_copy(update=gone | {"test_accuracy": None})
        scatter = 0.001 * ((key.seed * 7919 + len(key.architecture)) % 11 - 5) / 5
        accuracy = 0.9 + scatter - (lead(key.seed) if "k5" in key.architecture else 0)
        return artificial_record(key).model_copy(
            update={"train_s": 1.0, "test_accuracy": accuracy if key.evaluate_on == "test" else None}
        )

    return FakeExecutor(slots, train)


def clear():
    return executor(lambda _: 0.02)


def open_question():
    return executor(lambda seed: 0.05 if seed % 2 else -0.045)


def pairs_of(results):
    return Counter(trial.params["arm"] for trial in results.trials if trial.stage == "pairs")


def test_a_clear_difference_stops_at_the_first_look_that_can_show_it(tmp_path: Path) -> None:
    results = conduct(study(), tmp_path, clear())
    assert set(pairs_of(results).values()) == {10}  # 6 pairs have a least p of 2/64
    assert looked(results.plans[-1].plan, pairs_frame(results)) == Looked(10, 10, decided=True)
    assert looks_line(results) == "stopped early: the look at 10 pairs decided every contrast"


def test_no_difference_stops_at_the_first_look(tmp_path: Path) -> None:
    results = conduct(study(), tmp_path, executor(lambda _: 0.0))
    assert set(pairs_of(results).values()) == {6}
    store = Store.open(tmp_path, create=False)
    assert is_finished(results, store)
    assert stage_statuses(results, store, running=False)["pairs"].left == 0


def test_an_open_question_takes_all_pairs(tmp_path: Path) -> None:
    results = conduct(study(), tmp_path, open_question())
    assert set(pairs_of(results).values()) == {12}
    assert looks_line(results) == "looks: at 6, 10, 12 pairs"
    assert is_finished(results, Store.open(tmp_path, create=False))


def test_the_study_goes_on_until_the_last_contrast_is_decided(tmp_path: Path) -> None:
    def train(key, report, deadline_s):
        del report, deadline_s
        lead = {"2x8k5-2x16k5+bn+gap": 0.02}.get(key.architecture, 0.05 * (-1) ** key.seed)
        accuracy = 0.9 - (lead if "k5" in key.architecture else 0) + 1e-4 * (key.seed % 3)
        return artificial_record(key).model_copy(update={"train_s": 1.0, "test_accuracy": accuracy})

    results = conduct(study(), tmp_path, FakeExecutor(2, train))
    assert set(pairs_of(results).values()) == {12}


def test_the_plan_states_looks_and_spending_and_hashes_them(tmp_path: Path) -> None:
    results = conduct(study(), tmp_path, clear(), train=False)
    plan = results.plans[-1].plan
    assert (plan.pairs, plan.looks, plan.spending) == (12, LOOKS, "pocock")
    assert plan.model_copy(update={"looks": (6, 12)}).digest != plan.digest
    without = conduct(study(seeds=12), tmp_path / "other", clear(), train=False).plans[-1].plan
    assert not {"looks", "spending"} & without.model_dump().keys()


def test_looks_that_change_after_the_first_run_are_told(tmp_path: Path) -> None:
    conduct(study(), tmp_path, clear())
    results = conduct(study(seeds={"looks": (6, 12)}), tmp_path, clear())
    (line,) = deviations(results.plans)
    assert line.startswith("looks was (6, 10, 12) and became (6, 12) after ")


def test_runs_that_are_there_beyond_a_look_decide_nothing_before_it(tmp_path: Path) -> None:
    conduct(study(seeds=12), tmp_path, clear())
    again = clear()
    results = conduct(study("later"), tmp_path, again)
    assert not again.submitted
    assert set(pairs_of(results).values()) == {10}


@pytest.mark.parametrize("ended", [18, 19, 30])
def test_stopped_at_or_beside_a_look_it_goes_on_as_if_it_had_not_been(tmp_path: Path, ended: int) -> None:
    class Once(Recorder):
        def __init__(self, stopping: Stopping) -> None:
            super().__init__()
            self.stopping, self.ended = stopping, 0

        def notify(self, event: object) -> None:
            super().notify(event)
            if type(event).__name__ == "TrialFinished" and event.trial.stage == "pairs":
                self.ended += 1
                if self.ended == ended:
                    self.stopping.stop()

    whole = conduct(study(), tmp_path / "whole", clear())
    stopping = Stopping(None)
    first = conduct(study(), tmp_path / "parts", clear(), stopping=stopping, observer=Once(stopping))
    results = conduct(study(), tmp_path / "parts", clear())
    assert len(first.trials) < len(results.trials) or ended == 30
    assert {trial.run for trial in results.trials} == {trial.run for trial in whole.trials}


def test_a_failed_run_does_not_delay_a_look(tmp_path: Path) -> None:
    working = executor(lambda _: 0.02, fails=lambda key: key.seed == 3 and "k5" in key.architecture)
    results = conduct(study(), tmp_path, working)
    assert set(pairs_of(results).values()) == {10}


def test_counts_and_time_left_are_to_the_next_look(tmp_path: Path) -> None:
    planned = study()
    results = conduct(planned, tmp_path, clear(), train=False)
    store = Store.open(tmp_path, create=False)
    assert stage_statuses(results, store, running=False)["pairs"].quota == 3 * 6
    counts = kind_of(planned).counts(planned, results, store)
    assert kind_of(planned).left_s(planned, results, store, counts) is not None
    assert looks_line(read_results(store, planned)) == "looks: at 6, 10, 12 pairs; the next one at 6"


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ({"looks": [6]}, "seeds.looks: must hold at least 2, not [6]"),
        ({"looks": [5, 10]}, "seeds.looks: must be rising numbers of pairs from 6 to 24, not [5, 10]: write"),
        ({"looks": [6, 30]}, "seeds.looks: must be rising numbers of pairs from 6 to 24, not [6, 30]: write"),
        ({"looks": [10, 6]}, "seeds.looks: must be rising numbers of pairs from 6 to 24, not [10, 6]: write"),
        ({"lucks": [6, 10]}, "seeds.lucks: no such key: "),
        ({}, "seeds: has a number of pairs or looks, not neither: write looks: [6, 10, 15, 20], or"),
        ({"number": 6, "looks": [6, 8]}, "seeds: has a number of pairs or looks, not both: write "),
        ({"number": 1}, "seeds.number: must be at least 2, not 1"),
        ([6, 10], "seeds: must be a mapping of keys to values, not [6, 10]: write seeds: 10, for example"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, seeds: object, message: str) -> None:
    with pytest.raises(StudyFileError) as error:
        conduct(study(seeds=seeds), tmp_path, clear())
    assert str(error.value).startswith(f"ablated.yaml: {message}")


@pytest.mark.parametrize(
    "change",
    [
        {"looks": (6, 10)},
        {"looks": (5, 12)},
        {"looks": (10, 6, 12)},
        {"looks": ()},
        {"spending": None},
    ],
)
def test_a_stranger_s_plan_with_other_looks_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    plan = conduct(study(), tmp_path, clear(), train=False).plans[-1].plan
    with pytest.raises(ValueError, match=r"looks|spending"):
        Plan.model_validate(plan.model_dump() | {"looks": plan.looks, "spending": "pocock"} | change)
