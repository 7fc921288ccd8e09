"""What one more trial costs its controller, counted exactly: speed cannot rot unseen where counts are held.

Seconds are in docs/performance.md; here nothing depends on a clock.
"""

import os
import stat
from collections import Counter
from pathlib import Path

import optuna
import pytest
from small_studies import conduct, make_study

from vggsearch.testing.fake import FakeExecutor

FEW, MANY = 6, 16


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter:
    """How often each of these was called."""
    counts: Counter = Counter()

    def count(owner: object, name: str) -> None:
        original = getattr(owner, name)

        def wrapper(*args, **kwargs):
            counts[name] += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, wrapper)

    for name in ("ask", "tell", "add_trial"):
        count(optuna.Study, name)
    count(os, "replace")
    synced = os.fsync

    def fsync(handle: int) -> None:
        counts["fsync"] += stat.S_ISREG(os.fstat(handle).st_mode)  # folders: once more, and when they are new
        synced(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    return counts


def of_a_trial(counted: Counter, folder: Path, **settings: object) -> dict[str, float]:
    """Calls of each trial beyond the first `FEW`, everything that is done once a study apart."""
    spent = []
    for trials in (FEW, MANY):
        counted.clear()
        study = make_study(trials=trials, finalists=None, baseline=False, **settings)
        conduct(study, folder / str(trials), FakeExecutor())
        spent.append(Counter(counted))
    return {name: (spent[1][name] - spent[0][name]) / (MANY - FEW) for name in spent[1]}


def test_a_random_trial_is_two_calls_in_memory_two_in_the_database_and_two_files(counted, tmp_path):
    assert of_a_trial(counted, tmp_path, sampler="random") == {
        "add_trial": 2,  # in memory and in its copy
        "tell": 2,
        "fsync": 2,  # the run's file and the trial's
        "replace": 3,  # these two, and the note of what is handed out
    }


def test_a_sampler_is_asked_at_most_once_a_trial(counted, tmp_path):
    study = make_study(trials=MANY, finalists=None, baseline=False, sampler="nsga2")
    trials = conduct(study, tmp_path, FakeExecutor()).trials
    answered = sum(trial.cached for trial in trials)
    assert answered  # it repeats itself: that costs a trial's file, and no run's
    assert 0 < counted["ask"] < len(trials)  # the others were drawn
    assert counted["ask"] + counted["add_trial"] == counted["tell"] == 2 * len(trials)
    assert counted["fsync"] == 2 + 2 * len(trials) - answered  # also identity and options, once a study


def test_bytes_of_a_trial_do_not_grow_with_those_before_it(tmp_path):
    def size(trials: int) -> int:
        folder = tmp_path / str(trials)
        conduct(
            make_study(trials=trials, finalists=None, baseline=False, sampler="random"),
            folder,
            FakeExecutor(),
        )
        kept = [*folder.glob("ledger/*/*.json"), *folder.glob("studies/*/trials/*.json")]
        assert len(kept) == 2 * trials
        return sum(path.stat().st_size for path in kept)

    few, many = size(FEW), size(MANY)
    assert (many - few) / (MANY - FEW) == pytest.approx(few / FEW, rel=0.02)


def test_what_is_handed_out_is_noted_once_a_trial(tmp_path, monkeypatch):
    from vggsearch.store.state import ControllerState

    written: list[int] = []
    put = ControllerState.put_pending
    monkeypatch.setattr(
        ControllerState, "put_pending", lambda self, asked: written.append(len(asked)) or put(self, asked)
    )
    conduct(
        make_study(trials=MANY, finalists=None, baseline=False, sampler="random"), tmp_path, FakeExecutor(2)
    )
    assert len(written) == MANY
    assert max(written) == 2  # only what is going: it never grows
