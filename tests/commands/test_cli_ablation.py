"""An ablation through every command that has to do with it."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_studies import Recorder, conduct, make_ablation
from workplace import answer, make_images, run

from vggsearch.arch import Task
from vggsearch.recipe import Budget
from vggsearch.runs.record import Outcome
from vggsearch.store import Store
from vggsearch.study.ablation import assembly as engine, counting
from vggsearch.study.control.events import StageEnded
from vggsearch.study.results import read_results
from vggsearch.study.status import is_finished, stage_statuses
from vggsearch.testing.fake import FakeExecutor, artificial_record

ROOT = Path(__file__).parents[2]

STUDY = """\
kind: ablation
question: does a larger kernel help
data: {name: "folder:images"}
control: 2x4-2x4+bn+gap
contrasts: [drop-in]
primary: drop-in
recipe: {base: fast, batch_size: 16}
budget: {steps: 3}
seeds: 2
learning_rates: {grid: [0.1, 0.2], seeds: 1}
"""
HERE = ("--workers", "1", "--device", "cpu")


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with `small.yaml` and its images, as the working directory; a net's speed is soon measured."""
    monkeypatch.chdir(tmp_path)
    for name in ("VGGSEARCH_STORE", "VGGSEARCH_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(engine, "CALIBRATION", Budget(seconds=0.02))
    make_images(tmp_path / "images")
    (tmp_path / "small.yaml").write_text(STUDY)
    return tmp_path


def status(capsys) -> dict:
    return json.loads(answer(capsys, "status", "small.yaml", "--json"))


def stages(found: dict) -> dict[str, tuple[int, int]]:
    return {name: (one["done"], one["quota"]) for name, one in found["stages"].items()}


@pytest.mark.usefixtures("workplace")
def test_from_plan_to_report(capsys):
    code, out, err = run(capsys, "plan", "small.yaml", "--device", "cpu", "--json")
    assert code == 0
    planned = json.loads(out)
    digest = planned["plan"]["digest"]
    assert sum("calibration" in line for line in err.splitlines()[3:]) == 6
    assert stages(status(capsys)) == {"calibration": (6, 6), "rates": (0, 4), "pairs": (0, 4)}

    again = answer(capsys, "plan", "small.yaml", "--json")  # needs no measurement, and trains nothing
    assert json.loads(again) == planned

    log = answer(capsys, "run", "small.yaml", *HERE).splitlines()
    assert log[0].endswith(f"study small: rates 0/4, pairs 0/4; 1 at once; plan {digest[:12]}")
    assert sum(" rates " in line for line in log[1:]) == sum(" pairs " in line for line in log[1:]) == 4
    assert "control, lr 0.1, repeat 1: 3 steps" in log[1]
    assert "2 of 2 pairs complete" in log[8]
    assert not any("%" in line for line in log[:9]), "accuracies before the end invite stopping early"
    assert log[9] == "weights: 4 of 4 runs, in .vggsearch/weights"
    assert log[10].startswith("3×3 against 5×5 at equal depth and width: ")
    assert "descriptive only" in log[10]
    assert log[-1] == "report: vggsearch report small.yaml"

    repeated = answer(capsys, "run", "small.yaml").splitlines()
    assert repeated == ["small is finished already", *log[9:]]

    found = status(capsys)
    assert stages(found) == {"calibration": (6, 6), "rates": (4, 4), "pairs": (4, 4)}
    assert found["outcomes"] == {"completed": 14}
    assert (found["pairs_complete"], found["time_left_s"], found["controller"]) == (2, 0, None)
    assert found["plan"]["digest"] == digest
    assert found["plan"]["deviations"] == []
    assert "best" not in found
    text = answer(capsys, "status", "small.yaml")
    assert text.startswith("small: finished\n")
    assert f"plan {digest[:12]}, registered " in text

    written = answer(capsys, "run", "small.yaml", "--report").splitlines()
    assert written[1:-1] == log[9:-1]
    assert written[-1] == "report: reports/small/index.html"
    page = Path("reports/small/index.html").read_bytes()
    answer(capsys, "report", "--from", "reports/small", "--out", "again")
    assert Path("again/index.html").read_bytes() == page


def test_a_study_that_is_to_choose_needs_no_test_images(workplace, capsys):
    for folder in sorted((workplace / "images").iterdir()):
        for part in ("train", "test"):
            target = workplace / "parts" / part / folder.name
            target.mkdir(parents=True)
            for image in sorted(folder.iterdir())[part == "test" :: 2]:
                # That they exist is known before training; what is in them cannot be read by any run.
                target.joinpath(image.name).write_bytes(
                    image.read_bytes() if part == "train" else b"no image"
                )
    chosen = STUDY.replace("folder:images", "folder:parts") + "evaluate_on: validation\n"
    (workplace / "small.yaml").write_text(chosen)
    told = "judged on validation images: the test set is not opened"
    assert told in answer(capsys, "run", "small.yaml", *HERE).splitlines()
    assert told in answer(capsys, "status", "small.yaml").splitlines()
    assert told in answer(capsys, "plan", "small.yaml").splitlines()
    found = status(capsys)
    assert (found["evaluate_on"], found["pairs_complete"]) == ("validation", 2)
    assert json.loads(answer(capsys, "plan", "small.yaml", "--json"))["evaluate_on"] == "validation"

    (workplace / "tested.yaml").write_text(chosen.replace("evaluate_on: validation", "evaluate_on: test"))
    code, _, err = run(capsys, "run", "tested.yaml", *HERE)
    assert (code, "test/above/1.png (not an image that is read, but text)" in err) == (2, True)
    assert json.loads(answer(capsys, "status", "tested.yaml", "--json"))["evaluate_on"] == "test"


@pytest.mark.usefixtures("workplace")
def test_more_seeds_after_the_first_run_are_a_deviation(capsys):
    answer(capsys, "run", "small.yaml", *HERE)
    first = status(capsys)["plan"]["digest"]
    Path("small.yaml").write_text(STUDY.replace("seeds: 2", "seeds: 3"))
    assert stages(status(capsys))["pairs"] == (4, 6)
    out = answer(capsys, "run", "small.yaml", *HERE)
    assert "study small: rates 4/4, pairs 4/6; 1 at once" in out.splitlines()[0]
    assert "3 of 3 pairs complete" in out
    plan = status(capsys)["plan"]
    assert plan["digest"] != first
    assert plan["deviations"] == ["pairs was 2 and became 3 after 8 runs"]
    for command in ("status", "plan"):
        assert "deviation: pairs was 2 and became 3 after 8 runs" in answer(capsys, command, "small.yaml")


@pytest.mark.usefixtures("workplace")
def test_time_limit_says_how_to_go_on(capsys):
    limited = answer(capsys, "run", "small.yaml", "--time-limit", "1e-9", "--device", "cpu").splitlines()
    assert limited[-1] == "time limit; to continue: vggsearch run small.yaml"
    assert stages(status(capsys)) == {"calibration": (0, 6), "rates": (0, 4), "pairs": (0, 4)}
    text = answer(capsys, "status", "small.yaml")
    assert text.startswith("small: not running\n")
    assert "plan: none yet, the arms are measured first" in text


def test_interrupt_loses_nothing(workplace, capsys):
    """Ctrl-C ends what is going and says how to go on; the same command then does the rest."""
    (workplace / "small.yaml").write_text(STUDY.replace("steps: 3", "seconds: 0.2"))
    command = [sys.executable, "-m", "vggsearch.cli", "run", "small.yaml", *HERE]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    line = ""
    while "rates 1/4" not in line:
        line = process.stdout.readline()
        assert line, "ended before its first run"
    process.send_signal(signal.SIGINT)
    rest = process.stdout.read().splitlines()
    assert process.wait(60) == 130
    assert rest[-1] == "interrupted; to continue: vggsearch run small.yaml"
    before = stages(status(capsys))
    assert "calibration" not in before, "a budget in seconds says how long a run takes"
    assert 1 <= before["rates"][0] < 4
    out = answer(capsys, "run", "small.yaml", *HERE)
    assert f"rates {before['rates'][0]}/4, pairs 0/4" in out.splitlines()[0]
    assert stages(status(capsys)) == {"rates": (4, 4), "pairs": (4, 4)}


WRONG = [
    (
        "run small.yaml --trials 4",
        "",
        "an ablation has seeds and no trials: leave --trials out, and change `seeds`",
    ),
    (
        "space small.yaml",
        "",
        "kind: a search has a space, and an ablation has arms: use vggsearch plan small.yaml",
    ),
    (
        "plan small.yaml",
        "primary: iso-time",
        r"primary: must be one of the contrasts, not 'iso-time': .*drop-in.*",
    ),
    ("plan small.yaml", "control: 1x4-2x4+bn+gap\ncontrasts: [receptive-field]", r"contrasts: .*"),
    ("run small.yaml", "contrasts: [drop-out]", r"contrasts: .*drop-in.*"),
    ("run small.yaml", "seeds: 1", r"seeds: must be at least 2, not 1: .*"),
    (
        "plan small.yaml",
        "control: 2x4-2x4-2x4-2x4+bn+gap",
        r"contrasts: 4 blocks halve a side of 8 pixels .*",
    ),
]


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(("command", "changed", "message"), WRONG)
def test_mistake_is_one_line_before_anything_is_trained(capsys, command, changed, message):
    keys = {line.partition(":")[0] for line in changed.splitlines()}
    kept = [line for line in STUDY.splitlines() if line.partition(":")[0] not in keys]
    Path("small.yaml").write_text("\n".join([*kept, changed, ""]))
    code, out, err = run(capsys, *command.split())
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    told = err.removeprefix("vggsearch: error: small.yaml: ").rstrip("\n")
    assert told == message or re.fullmatch(message, told), told
    assert not list(Path().glob(".vggsearch/ledger/*/*"))


@pytest.mark.usefixtures("workplace")
def test_plan_is_for_ablations_and_batches_are_checked(capsys):
    Path("search.yaml").write_text(
        'data: {name: "folder:images"}\narchitectures: [1x4+gap]\nrecipe: fast\nbudget: {steps: 1}\n'
        "sampler: grid\n"
    )
    assert run(capsys, "plan", "search.yaml") == (
        2,
        "",
        "vggsearch: error: search.yaml: kind: an ablation has a plan, and a search has a space: "
        "use vggsearch space search.yaml\n",
    )
    factors = "factors: {batch_size: [8, 512]}\nprimary: batch_size=8"
    old = "contrasts: [drop-in]\nprimary: drop-in"
    Path("small.yaml").write_text(STUDY.replace(old, factors))
    code, out, err = run(capsys, "run", "small.yaml", *HERE)
    assert (code, out) == (2, "")
    assert "folder:images has 92 training images, and a batch takes 512" in err


class TestCounting:
    """What `status` counts from the files is what the engine counts while it works."""

    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"contrasts": ["control-again", "drop-in"], "primary": "drop-in"},
            {"learning_rates": {"grid": [0.1]}},
            {"budget": {"seconds": 1}, "contrasts": ["drop-in"], "primary": "drop-in"},
            {"contrasts": ..., "factors": {"flip": [False], "ratio": [2]}, "primary": "ratio=2"},
        ],
        ids=["arms that share runs", "itself", "one rate", "seconds", "factors"],
    )
    def test_finished(self, tmp_path, changes):
        study, told = make_ablation(**changes), Recorder()
        results = conduct(study, tmp_path, observer=told)
        ended = {
            event.stage: (event.done, event.quota) for event in told.events if isinstance(event, StageEnded)
        }
        store = Store.open(tmp_path, create=True)
        counted = stage_statuses(results, store, running=False)
        assert {stage: (one.done, one.quota) for stage, one in counted.items()} == ended
        assert is_finished(results, store)
        assert counting.pairs_complete(results) == study.seeds

    def test_before_the_plan_as_after_it_unless_budgets_turn_out_equal(self, tmp_path):
        study = make_ablation(contrasts=["drop-in", "control-again"], primary="drop-in")
        store = Store.open(tmp_path, create=True)
        design = study.plan_design(Task((1, 28, 28), 10))
        before = counting.expected_counts(study, read_results(store, study), design)
        conduct(study, tmp_path, train=False)
        results = read_results(store, study)
        after = counting.planned_counts(study, results, counting.registered_plan(results))
        assert {stage: one.quota for stage, one in before.items()} == {
            stage: one.quota for stage, one in after.items()
        }
        assert not is_finished(results, store)

    @pytest.mark.parametrize(
        "changes", [{"seeds": 4}, {"alpha": 0.01}, {"contrasts": ["drop-in"], "primary": "drop-in"}]
    )
    def test_changed_plan_is_not_finished_before_it_is_registered(self, tmp_path, changes):
        conduct(make_ablation(), tmp_path)
        changed = make_ablation(**changes)
        store = Store.open(tmp_path, create=True)
        assert not is_finished(read_results(store, changed), store)
        assert is_finished(conduct(changed, tmp_path), store)

    def test_pair_with_a_run_that_diverged_is_answered_and_not_complete(self, tmp_path):
        def train(key, report, deadline_s):
            del report, deadline_s
            fails = key.evaluate_on == "test" and key.seed == 2 and "k5" in key.architecture
            changes = {"outcome": Outcome.DIVERGED, "reason": "loss is not finite"} if fails else {}
            return artificial_record(key).model_copy(update=changes)

        study = make_ablation()
        results = conduct(study, tmp_path, FakeExecutor(1, train))
        assert is_finished(results, Store.open(tmp_path, create=True))
        assert counting.pairs_complete(results) == study.seeds - 1

    def test_time_left_is_by_what_arms_took_else_by_the_plan(self, tmp_path):
        study = make_ablation(budget={"seconds": 60}, contrasts=["drop-in"], primary="drop-in")
        results = conduct(study, tmp_path, train=False)
        plan = counting.registered_plan(results)
        assert counting.left_s(results, plan) == pytest.approx(60 * (2 * 2 * 2 + 2 * 3))
        assert counting.left_s(conduct(study, tmp_path), plan) == 0
