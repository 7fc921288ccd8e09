"""Runs that a study cannot do without are made again once the cause of their crash is gone."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from small_studies import answers, conduct, make_ablation, make_study

from vggsearch.cli import main
from vggsearch.execution import Event, Finished
from vggsearch.runs import Outcome, RunKey, RunRecord
from vggsearch.store import Store
from vggsearch.study import StudyResults, is_finished, stage_statuses
from vggsearch.study.control.stopping import Stopping
from vggsearch.testing.fake import FakeExecutor

SEARCH = {"trials": 6, "finalists": {"count": 2, "seeds": 3}}


class Broken(FakeExecutor):
    """Runs for which `dead` holds crash."""

    def __init__(self, dead: Callable[[RunKey], bool]) -> None:
        super().__init__(1)
        self.dead = dead

    def wait(self, timeout_s: float | None = None) -> list[Event]:
        return [
            Finished(RunRecord(key=event.record.key, outcome=Outcome.CRASHED, reason="disk gone"))
            if isinstance(event, Finished) and self.dead(event.record.key)
            else event
            for event in super().wait(timeout_s)
        ]


def on_test_images(key: RunKey) -> bool:
    return key.evaluate_on == "test"


def crashed(results: StudyResults) -> list[tuple[str, int]]:
    return [(trial.stage, trial.number) for trial in results.trials if trial.outcome is Outcome.CRASHED]


def test_crashed_finalists_are_made_again_under_their_numbers(tmp_path: Path) -> None:
    study = make_study(**SEARCH)
    results = conduct(study, tmp_path / "a", Broken(lambda key: on_test_images(key) and key.seed in (1, 3)))
    assert crashed(results) == [("finalists", n) for n in (0, 1, 4, 5)]
    mended = FakeExecutor()
    assert answers(conduct(study, tmp_path / "a", mended)) == answers(conduct(study, tmp_path / "b"))
    assert sorted(key.seed for key in mended.submitted) == [1, 1, 3, 3]


def test_until_then_the_study_is_not_finished_and_says_why(tmp_path: Path) -> None:
    study = make_study(**SEARCH)
    results = conduct(study, tmp_path, Broken(on_test_images))
    store = Store.open(tmp_path, create=True)
    assert not is_finished(results, store)
    assert stage_statuses(results, store, running=False)["finalists"].left == 6
    assert results.notes == (
        "stage finalists: 6 of 6 runs crashed (disk gone): remove the cause and run the study again, which "
        "repeats only these",
    )
    assert is_finished(conduct(study, tmp_path), store)


def test_a_session_that_is_interrupted_while_it_repeats_loses_nothing(tmp_path: Path) -> None:
    study = make_study(**SEARCH)
    conduct(study, tmp_path / "a", Broken(on_test_images))
    stopping = Stopping(None)

    def third_is_the_last(key: RunKey) -> bool:
        if key.seed == 2:
            stopping.stop()
        return False

    with stopping:
        conduct(study, tmp_path / "a", Broken(third_is_the_last), stopping=stopping)
    assert answers(conduct(study, tmp_path / "a")) == answers(conduct(study, tmp_path / "b"))


def test_so_are_runs_of_an_ablation(tmp_path: Path) -> None:
    study = make_ablation()
    results = conduct(study, tmp_path / "a", Broken(lambda key: on_test_images(key) and key.seed == 2))
    assert {stage for stage, _ in crashed(results)} == {"pairs"}
    assert not is_finished(results, Store.open(tmp_path / "a", create=True))
    mended = FakeExecutor()
    again = conduct(study, tmp_path / "a", mended)
    assert crashed(again) == []
    assert len(mended.submitted) == len(crashed(results))
    whole = conduct(study, tmp_path / "b")
    assert [trial.run for trial in again.trials] == [trial.run for trial in whole.trials]


@pytest.mark.parametrize("stage", ["search", "baseline"])
def test_in_a_search_a_crash_is_an_answer(tmp_path: Path, stage: str) -> None:
    study = make_study(trials=4, finalists=None, baseline=True)
    calm = conduct(study, tmp_path / "calm")
    victim = [trial.run for trial in calm.trials if trial.stage == stage][-1]
    results = conduct(study, tmp_path / "a", Broken(lambda key: key.digest == victim))
    assert stage in {each for each, _ in crashed(results)}
    assert is_finished(results, Store.open(tmp_path / "a", create=True))


def test_the_command_ends_with_status_1_and_names_the_cause(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(**SEARCH)
    (tmp_path / "small.yaml").write_text(study.source)
    monkeypatch.chdir(tmp_path)
    results = conduct(study, tmp_path / "store", Broken(on_test_images))
    monkeypatch.setattr("vggsearch.commands.run.finish_with_display", lambda *_: (results, "finished"))
    assert main(["run", "small.yaml", "--store", "store"]) == 1
    assert "finalists: 6 of 6 runs crashed (disk gone)" in capsys.readouterr().err
    assert main(["status", "small.yaml", "--store", "store"]) == 0
    told = capsys.readouterr().out
    assert "small: not running" in told
    assert "finalists: 6 of 6 runs crashed (disk gone)" in told
    assert main(["doctor", "--store", "store", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["checks"]
    assert any(check["state"] == "wrong" and "small: 6 runs crashed" in check["text"] for check in found)


def test_the_command_to_continue_asks_for_as_many_trials(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(**SEARCH)
    (tmp_path / "small.yaml").write_text(study.source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vggsearch.commands.run.finish_with_display", lambda *_: (None, "time limit"))
    assert main(["run", "small.yaml", "--trials", "3"]) == 0
    assert capsys.readouterr().out == "time limit; to continue: vggsearch run small.yaml --trials 3\n"
