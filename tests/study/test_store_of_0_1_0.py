"""A store that version 0.1.0 made, killed in the middle of three studies, goes on under this version.

`tests/golden/store-0.1.0.tar.gz` holds the store, the three study files and `answers.json`: the trials that
0.1.0 itself made when it went on. It was made at commit 22924b5 with `FakeExecutor(slots=2)` and the study
files in it: a search by TPE with a baseline and finalists killed after 18 runs, an ablation killed after 26
(in its pairs), and one judged on validation, with a budget in seconds, killed after 9.
"""

import itertools
import json
import tarfile
from pathlib import Path

import pytest
from small_studies import answers, conduct

from vggsearch.store import Store
from vggsearch.study import load_study, read_results
from vggsearch.testing.fake import FakeExecutor

GOLDEN = Path(__file__).parents[1] / "golden" / "store-0.1.0.tar.gz"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    with tarfile.open(GOLDEN) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


@pytest.mark.parametrize(("name", "made"), [("search", 18), ("ablation", 26), ("on-validation", 9)])
def test_it_goes_on_as_it_would_have(place: Path, name: str, made: int) -> None:
    study = load_study(place / f"{name}.yaml")
    before = read_results(Store.open(place / "store", create=True), study)
    assert before.notes == ()
    executor, ticks = FakeExecutor(), itertools.count(2_000_000_000)
    results = conduct(study, place / "store", executor, clock=lambda: next(ticks))
    expected = json.loads((place / "answers.json").read_text())[name]
    assert [plan.digest for plan in results.plans] == expected["plans"]
    assert json.loads(json.dumps(answers(results))) == expected["trials"]
    assert len(executor.submitted) == len(results.runs) - len(before.runs) > 0
    assert len(before.runs) == made
    again = FakeExecutor()
    assert answers(conduct(study, place / "store", again)) == answers(results)
    assert again.submitted == []
