"""Nets that a search begins with, and when it ends before its trials are made."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from small_studies import answers, conduct, make_study

from vggsearch.arch import FASHION_MNIST
from vggsearch.errors import StudyFileError
from vggsearch.report import write_report
from vggsearch.store import Store
from vggsearch.study import StudyResults, is_finished, kind_of, stage_statuses
from vggsearch.study.file import Stop
from vggsearch.testing.fake import FakeExecutor

KNOWN = ["2x16k5-2x32+bn+gap", "1x16+bn+gap"]


def searched(results: StudyResults) -> list[str]:
    return [trial.architecture for trial in results.trials if trial.stage == "search"]


@pytest.mark.parametrize("sampler", ["random", "tpe", "grid", "nsga2", "gp"])
def test_a_search_begins_with_the_nets_it_is_told_to(tmp_path: Path, sampler: str) -> None:
    study = make_study(sampler=sampler, trials=8, finalists=None, first=KNOWN, baseline=False)
    nets = searched(conduct(study, tmp_path))
    assert nets[:2] == KNOWN
    assert len(set(nets)) == 8


def test_it_begins_with_them_after_an_interruption_too(tmp_path: Path) -> None:
    study = make_study(sampler="tpe", trials=8, finalists=None, first=KNOWN)
    conduct(study.with_options(trials=2), tmp_path / "a")
    assert answers(conduct(study, tmp_path / "a"))[:8] == answers(conduct(study, tmp_path / "b"))[:8]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"first": ["1x128+bn+gap"]}, "first: "),
        ({"first": ["1x16+bn+gap", "1x16+bn+gap"]}, "is listed before"),
        ({"first": ["nonsense"]}, "first"),
        ({"first": KNOWN, "trials": 1}, "first: must be at most trials, 1, not 2 architectures"),
        ({"stop": {}}, "stop has val_accuracy, patience, or both"),
        ({"stop": {"val_accuracy": 92}}, "stop.val_accuracy"),
        ({"stop": {"val_accuracy": 0.9}, "metric": "balanced_accuracy", "objectives": ...}, "use patience"),
        ({"stop": {"patience": 3}, "baseline": True, "sampler": "tpe"}, "has no baseline of its length"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(changes: dict[str, object], told: str) -> None:
    with pytest.raises(StudyFileError) as error:
        make_study(**changes).space(FASHION_MNIST)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_search_with_a_stop_has_no_baseline_by_default() -> None:
    assert make_study(sampler="tpe").baseline
    assert not make_study(sampler="tpe", stop={"patience": 3}).baseline


accuracies = st.lists(st.integers(0, 5).map(lambda n: n / 5), max_size=12)


@given(accuracies, st.integers(1, 5))
def test_patience_is_runs_in_a_row_without_a_better_one(found: list[float], patience: int) -> None:
    idle = [
        n
        for n in range(1, len(found) + 1)
        if len(found[:n]) > patience and max(found[: n - patience]) >= max(found[n - patience : n])
    ]
    assert Stop(patience=patience).reached(found) is bool(idle)


@given(accuracies, st.integers(1, 5).map(lambda n: n / 5))
def test_a_target_is_reached_by_any_run(found: list[float], target: float) -> None:
    assert Stop(val_accuracy=target).reached(found) is any(one >= target for one in found)


@pytest.mark.parametrize("sampler", ["random", "tpe", "grid"])
def test_a_search_stops_at_its_target_and_is_finished_then(tmp_path: Path, sampler: str) -> None:
    whole = conduct(make_study(sampler=sampler, trials=12, finalists=None, baseline=False), tmp_path / "all")
    reached = [whole.runs[trial.run].val_accuracy for trial in whole.trials]
    target = sorted(reached)[8]
    expected = next(n for n, one in enumerate(reached, 1) if one >= target)

    study = make_study(
        sampler=sampler, trials=12, finalists=None, baseline=False, stop={"val_accuracy": float(target)}
    )
    results = conduct(study, tmp_path / "stopped")
    assert searched(results) == searched(whole)[:expected]
    store = Store.open(tmp_path / "stopped", create=True)
    assert stage_statuses(results, store, running=False)["search"].left == 0
    assert is_finished(results, store)
    again = FakeExecutor()
    conduct(study, tmp_path / "stopped", again)
    assert again.submitted == []
    assert any(
        "the search stopped before its 12 runs" in line
        for line in kind_of(study).summary_lines(study, results)
    )


def test_finalists_follow_a_search_that_stopped(tmp_path: Path) -> None:
    results = conduct(make_study(trials=20, stop={"val_accuracy": 0.01}), tmp_path)
    assert [trial.stage for trial in results.trials] == ["search", "finalists", "finalists"]


def test_without_the_stop_the_same_study_goes_on(tmp_path: Path) -> None:
    conduct(make_study(trials=6, stop={"val_accuracy": 0.01}, finalists=None), tmp_path / "a")
    on = conduct(make_study(trials=6, finalists=None), tmp_path / "a")
    assert answers(on) == answers(conduct(make_study(trials=6, finalists=None), tmp_path / "b"))


def test_the_report_says_that_a_search_stopped(tmp_path: Path) -> None:
    results = conduct(make_study(trials=6, stop={"val_accuracy": 0.01}, finalists=None), tmp_path / "store")
    assert results.stopped_early
    write_report(results, tmp_path / "report", command="vggsearch report small.yaml")
    told = "The search stopped before its 6 runs, at 1.00 % validation accuracy."
    assert told in (tmp_path / "report" / "report.md").read_text()
