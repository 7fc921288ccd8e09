"""Learning rates whose grid grows: by its plan, the same after any interruption."""

import re
from pathlib import Path

import numpy as np
import pytest
from small_studies import Recorder, answers, conduct, make_ablation

from vggsearch.designs.plan import Plan
from vggsearch.errors import StudyFileError
from vggsearch.report import write_report
from vggsearch.store import Store
from vggsearch.study import is_finished, stage_statuses
from vggsearch.study.ablation.counting import grown
from vggsearch.study.ablation.frames import pairs_frame
from vggsearch.study.control.stopping import Stopping
from vggsearch.testing.fake import FakeExecutor, artificial_record


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No power fails here, and a busy disk makes these tests ten times slower."""
    monkeypatch.setattr("os.fsync", lambda _: None)


def study(name="ablated", grow=3, **change):
    rates = {"grid": [0.1, 0.2], "seeds": 2} | ({"grow": grow} if grow else {})
    own = {"contrasts": ["drop-in", "control-again"], "primary": "drop-in", "learning_rates": rates}
    return make_ablation(name, **own | change)


def executor(best_3=0.15, best_5=0.8, slots=2):
    """3×3 and 5×5 nets are best at rates of their own, 3×3 between those of the grid."""

    def train(key, report, deadline_s):
        del report, deadline_s
        best = best_5 if "k5" in key.architecture else best_3
        accuracy = 0.9 - 0.01 * abs(np.log2(key.recipe.lr / best)) + 0.0001 * (key.seed % 3)
        return artificial_record(key).model_copy(update={"train_s": 1.0, "val_accuracy": accuracy})

    return FakeExecutor(slots, train)


def tried(results, arm):
    rows = (trial.params for trial in results.trials if trial.stage == "rates")
    return sorted({each["lr"] for each in rows if each["arm"] == arm})


def test_only_the_arm_at_its_end_tries_more_with_the_same_seeds(tmp_path: Path) -> None:
    results = conduct(study(), tmp_path, executor())
    assert tried(results, "drop-in") == [0.1, 0.2, 0.4, 0.8, 1.6]
    seeds = {results.runs[trial.run].key.seed for trial in results.trials if trial.stage == "rates"}
    assert seeds == {1001, 1002}
    assert set(pairs_frame(results).query("arm == 'drop-in'")["lr"]) == {0.8}
    store = Store.open(tmp_path, create=False)
    assert is_finished(results, store)
    counts = stage_statuses(results, store, running=False)["rates"]
    made = sum(trial.stage == "rates" for trial in results.trials)
    assert (counts.quota, counts.left) == (made, 0)


def test_arms_that_share_a_net_grow_together(tmp_path: Path) -> None:
    results = conduct(study(), tmp_path, executor(best_3=0.02))
    rates = grown(results, results.plans[-1].plan)
    assert rates["control"] == rates["control-again"] == [0.0125, 0.025, 0.05, 0.1, 0.2]
    assert set(pairs_frame(results).query("arm == 'control-again'")["lr"]) == {0.025}


def test_without_growth_the_end_is_taken(tmp_path: Path) -> None:
    results = conduct(study(grow=0), tmp_path, executor())
    assert tried(results, "drop-in") == [0.1, 0.2]
    assert "rate_growth" not in results.plans[-1].plan.model_dump()


def test_the_rule_is_in_the_plan_and_its_hash(tmp_path: Path) -> None:
    plan = conduct(study(), tmp_path, executor(), train=False).plans[-1].plan
    assert plan.rate_growth == 3
    assert plan.model_copy(update={"rate_growth": 0}).digest != plan.digest
    with pytest.raises(ValueError, match="rate_growth"):
        Plan.model_validate(plan.model_dump() | {"rates": (0.1,)})
    with pytest.raises(StudyFileError, match="learning_rates"):
        conduct(study(grow=4), tmp_path, executor())


def test_stopped_after_every_run_it_ends_the_same(tmp_path: Path) -> None:
    small = study(seeds=2)
    whole = conduct(small, tmp_path / "whole", executor(slots=1))
    for _ in range(100):
        stopping = Stopping(None)

        class StopAfterOne(Recorder):
            def notify(self, event: object, stopping: Stopping = stopping) -> None:
                super().notify(event)
                if type(event).__name__ == "TrialFinished" and not event.trial.cached:
                    stopping.stop()

        working = executor(slots=1)
        results = conduct(small, tmp_path / "parts", working, observer=StopAfterOne(), stopping=stopping)
        if not working.submitted:
            break
    assert answers(results) == answers(whole)


def test_the_report_says_what_grew_and_which_ends_are_noise(tmp_path: Path) -> None:
    results = conduct(study(), tmp_path / "store", executor(best_5=30.0))
    text = written(results, tmp_path / "report")
    assert "by at most 3 rates, each by the grid's own ratio and with the same seeds" in text
    assert "Grids that grew: control by 0.4; drop-in by 0.4, 0.8, 1.6; control-again by 0.4." in text
    assert "The best rate of drop-in is still the smallest or largest that was tried. A wider grid" in text
    assert "best rate of control is" not in text
    assert "the learning rates, at most 3 more at an end of the grid, and their 2 seeds" in text
    assert "2 tried (0.1, 0.2, and at most 3 more at an end), 2 seeds each; best at" in text


def test_an_end_that_is_best_by_chance_is_called_flat(tmp_path: Path) -> None:
    def train(key, report, deadline_s):
        del report, deadline_s
        accuracy = 0.9 + 0.003 * (key.seed % 2) - 1e-5 * np.log2(key.recipe.lr)
        return artificial_record(key).model_copy(update={"train_s": 1.0, "val_accuracy": accuracy})

    results = conduct(study(), tmp_path / "store", FakeExecutor(2, train))
    assert re.search(
        r"The best rate of drop-in is still the smallest or largest that was tried, but it is only \S+ pp "
        r"better than the rate beside it, and differences up to ±0\.45 pp are noise: the curve is flat there",
        written(results, tmp_path / "report"),
    )


def written(results, folder):
    write_report(results, folder, command="vggsearch report x.yaml")
    return " ".join((folder / "report.md").read_text().replace("\u00a0", " ").split())


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        (
            {"grid": [0.1], "grow": 1},
            "learning_rates.grow: continues a grid of two rates or more, not of one: ",
        ),
        (
            {"grid": [1, 100], "grow": 2},
            "learning_rates.grow: lets the grid reach 0.0001 and 1e+06, and a rate",
        ),
        ({"grid": [0.1, 0.2], "grow": 11}, "learning_rates.grow: must be at most 10, not 11"),
        ({"grid": [0.1, 0.2], "grow": -1}, "learning_rates.grow: must be at least 0, not -1"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, rates: object, message: str) -> None:
    with pytest.raises(StudyFileError) as error:
        conduct(study(learning_rates=rates), tmp_path, executor())
    assert str(error.value).startswith(f"ablated.yaml: {message}")
